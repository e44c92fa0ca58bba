//! Reads how many tests passed out of what a test runner prints.

/// Counts of one or several runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that did not: failed, timed out, ended by a signal, not started.
    pub(crate) failed: u64,
    /// Tests that were not run.
    pub(crate) skipped: u64,
}

impl Counts {
    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed, skipped: self.skipped + other.skipped }
    }

    /// The closing line that people and programs look for.
    pub(crate) fn closing_line(self) -> String {
        let skipped = if self.skipped > 0 { format!(", {} skipped", self.skipped) } else { String::new() };
        format!("{} passed, {} failed{skipped}", self.passed, self.failed)
    }
}

/// Counts out of one line of cargo-nextest, if it is its summary:
/// `Summary [  1.2s] 5/7 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 2 skipped`.
pub(crate) fn of_nextest(line: &str) -> Option<Counts> {
    let line = without_colours(line);
    let (ran, rest) = line.trim_start().strip_prefix("Summary [")?.split_once("] ")?.1.split_once(" run: ")?;
    let mut counts = Counts::default();
    for part in without_remarks(rest).split(", ") {
        let (number, what) = part.trim().split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match what {
            "passed" => counts.passed += number,
            "skipped" => counts.skipped += number,
            // "failed", "timed out", "exec failed" and what later versions think of: nothing but a pass is a pass.
            _ => counts.failed += number,
        }
    }
    // A run that was cut short says how many of how many; those that never ran did not pass.
    if let Some((ran, planned)) = ran.split_once(' ')?.0.split_once('/') {
        counts.failed += planned.parse::<u64>().ok()?.saturating_sub(ran.parse().ok()?);
    }
    Some(counts)
}

/// Counts out of one line of `cargo test`, if it closes a test binary:
/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
pub(crate) fn of_cargo_test(line: &str) -> Option<Counts> {
    let line = without_colours(line);
    let rest = line.trim().strip_prefix("test result: ")?.split_once(". ")?.1;
    let number = |what: &str| rest.split("; ").find_map(|part| part.trim().strip_suffix(what)?.trim().parse::<u64>().ok());
    Some(Counts { passed: number(" passed")?, failed: number(" failed")?, skipped: number(" ignored").unwrap_or(0) })
}

/// Drops `(1 slow)` and its like.
fn without_remarks(text: &str) -> String {
    let mut depth = 0_u32;
    let kept: String = text
        .chars()
        .filter(|c| match c {
            '(' => {
                depth += 1;
                false
            }
            ')' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect();
    kept.replace(" ,", ",")
}

fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain += before;
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nextest_in_colours_with_remarks_is_counted() {
        let line = "\u{1b}[31;1m     Summary\u{1b}[0m [   0.012s] \u{1b}[1m7\u{1b}[0m tests run: \u{1b}[1m4\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m (\u{1b}[1m1\u{1b}[0m \u{1b}[33;1mslow\u{1b}[0m, 2 leaky), \u{1b}[1m1\u{1b}[0m \u{1b}[31;1mfailed\u{1b}[0m, 1 timed out, 1 exec failed, \u{1b}[1m2\u{1b}[0m \u{1b}[33;1mskipped\u{1b}[0m";
        assert_eq!(of_nextest(line), Some(Counts { passed: 4, failed: 3, skipped: 2 }));
    }

    #[test]
    fn tests_that_never_ran_count_as_failed() {
        let line = "     Summary [   0.5s] 3/10 tests run: 2 passed, 1 failed, 0 skipped";
        assert_eq!(of_nextest(line), Some(Counts { passed: 2, failed: 8, skipped: 0 }));
        let line = "     Summary [   0.5s] 1 test run: 1 passed, 0 skipped";
        assert_eq!(of_nextest(line), Some(Counts { passed: 1, failed: 0, skipped: 0 }));
    }

    #[test]
    fn other_lines_are_no_summary() {
        for line in ["        PASS [   0.005s] crp-model tests::a", "     Summary of nothing", "", "4 passed, 0 failed"] {
            assert_eq!(of_nextest(line), None, "{line}");
            assert_eq!(of_cargo_test(line), None, "{line}");
        }
    }

    #[test]
    fn cargo_test_binaries_add_up() {
        let lines = [
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ];
        let sum = lines.iter().filter_map(|line| of_cargo_test(line)).fold(Counts::default(), Counts::plus);
        assert_eq!(sum.closing_line(), "4 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn the_closing_line_is_the_contract() {
        assert_eq!(Counts { passed: 12, failed: 0, skipped: 0 }.closing_line(), "12 passed, 0 failed");
    }
}
