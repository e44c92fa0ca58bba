//! A bar for the operator's long commands, on a terminal.

use std::{
    io::IsTerminal as _,
    sync::{Mutex, PoisonError},
};

use crp_ops::Step;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows how far a command is; nothing where nobody watches.
pub(super) struct Progress {
    draws: bool,
    shown: Mutex<(String, ProgressBar)>,
}

impl Progress {
    /// With `json` a program asked, which sees the result alone.
    pub(super) fn new(json: bool) -> Self {
        Self { draws: !json && std::io::stderr().is_terminal(), shown: Mutex::new((String::new(), ProgressBar::hidden())) }
    }

    /// Tells a step.
    pub(super) fn tell(&self, step: Step<'_>) {
        if !self.draws {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.0 != step.what {
            shown.1.finish_and_clear();
            let bar = ProgressBar::with_draw_target(step.total, ProgressDrawTarget::stderr()).with_message(step.what.to_owned());
            let left = if step.total.is_some() { "[{bar:30}] {pos}/{len} · {elapsed} · {eta} left" } else { "{pos} · {elapsed}" };
            bar.set_style(ProgressStyle::with_template(&format!("{{msg}} {left}")).unwrap_or_else(|_| ProgressStyle::default_bar()));
            *shown = (step.what.to_owned(), bar);
        }
        shown.1.set_position(step.done);
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).1.finish_and_clear();
    }
}

/// A size in bytes for people.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = "bytes";
    for larger in UNITS {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    if unit == "bytes" { format!("{bytes} bytes") } else { format!("{size:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_told_in_the_largest_unit_that_they_fill() {
        let told = [0, 1023, 1024, 1_572_864, 5_000_000_000_000].map(super::size);
        assert_eq!(told, ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 MiB", "4.5 TiB"]);
    }
}
