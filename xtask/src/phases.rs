//! How long each phase took, as a table in minutes.

use std::time::{Duration, Instant};

use anyhow::Result;

/// The phases so far.
#[derive(Default)]
pub(crate) struct Phases {
    done: Vec<Phase>,
}

struct Phase {
    name: String,
    took: Duration,
    ended_well: bool,
}

impl Phases {
    /// Runs `work` under a heading and keeps how long it took, whether it ends well or not.
    pub(crate) fn run<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n=== {name}");
        let start = Instant::now();
        let result = work();
        self.done.push(Phase { name: name.to_owned(), took: start.elapsed(), ended_well: result.is_ok() });
        result
    }

    /// Marks the last phase as failed though its work returned a value.
    pub(crate) fn mark_last_failed(&mut self) {
        if let Some(phase) = self.done.last_mut() {
            phase.ended_well = false;
        }
    }

    /// The table.
    pub(crate) fn table(&self) -> String {
        let width = self.done.iter().map(|phase| phase.name.chars().count()).chain([5]).max().unwrap_or(5);
        let mut table = format!("\n{:<width$}  minutes\n", "phase");
        for phase in &self.done {
            let remark = if phase.ended_well { "" } else { "  FAILED" };
            table += &format!("{:<width$}  {}{remark}\n", phase.name, minutes(phase.took));
        }
        table + &format!("{:<width$}  {}\n", "total", minutes(self.done.iter().map(|phase| phase.took).sum()))
    }
}

fn minutes(time: Duration) -> String {
    format!("{:7.2}", time.as_secs_f64() / 60.0)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_phase_that_fails_is_in_the_table_and_marked() {
        let mut phases = Phases::default();
        phases.run("clippy", || Ok(())).unwrap();
        let failed: Result<()> = phases.run("build", || bail!("no"));
        assert!(failed.is_err());
        let table = phases.table();
        let line = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert!(!line("clippy").contains("FAILED"));
        assert!(line("build").ends_with("FAILED"));
        assert!(line("total").contains("0.00"));
    }
}
