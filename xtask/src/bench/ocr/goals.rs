//! The figures that are to be reached on two cores, and whether they are.

use super::results::{Goal, Results, Run, ToolResults, median};

const OURS: &str = "crpipeline";
const MEGABYTE: f64 = 1e6;

/// On which side of its bound a figure has to be.
#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// A figure of the results with its bound.
struct Wanted {
    what: &'static str,
    bound: Bound,
    unit: &'static str,
    figure: fn(&Results) -> Option<f64>,
}

use Bound::{AtLeast, AtMost};

const WANTED: &[Wanted] = &[
    Wanted {
        what: "scan24: wall-clock time against the lower bound",
        bound: AtMost(1.10),
        unit: "×",
        figure: |r| ours(r, "scan24")?.times_lower_bound,
    },
    Wanted { what: "scan24: faster than OCRmyPDF (PyPI)", bound: AtLeast(1.9), unit: "×", figure: |r| slower(r, "ocrmypdf") },
    Wanted { what: "scan24: faster than Kreuzberg (text only)", bound: AtLeast(1.6), unit: "×", figure: |r| slower(r, "kreuzberg") },
    Wanted { what: "scan24: faster than pdftoppm | xargs tesseract", bound: AtLeast(1.4), unit: "×", figure: |r| slower(r, "shell-loop") },
    Wanted { what: "scan24: processor time beside recognition, per page", bound: AtMost(0.08), unit: "s", figure: overhead_per_page },
    Wanted { what: "scan24: word F1", bound: AtLeast(0.978), unit: "", figure: |r| Some(ours(r, "scan24")?.text?.f1) },
    Wanted { what: "scan24: word error rate", bound: AtMost(0.046), unit: "", figure: |r| Some(ours(r, "scan24")?.text?.wer) },
    Wanted {
        what: "scan24: word F1 of the text layer",
        bound: AtLeast(0.976),
        unit: "",
        figure: |r| Some(ours(r, "scan24")?.text_layer?.f1),
    },
    Wanted {
        what: "scan24: word error rate of the text layer",
        bound: AtMost(0.06),
        unit: "",
        figure: |r| Some(ours(r, "scan24")?.text_layer?.wer),
    },
    Wanted { what: "receipts: word F1 (stretch: 0.82)", bound: AtLeast(0.79), unit: "", figure: |r| Some(ours(r, "receipts")?.text?.f1) },
    Wanted {
        what: "receipts: total found (stretch: 0.90)",
        bound: AtLeast(0.85),
        unit: "",
        figure: |r| Some(ours(r, "receipts")?.fields?.total),
    },
    Wanted {
        what: "receipts: date found (stretch: 0.95)",
        bound: AtLeast(0.90),
        unit: "",
        figure: |r| Some(ours(r, "receipts")?.fields?.date),
    },
    Wanted {
        what: "scan24: peak memory of the process tree",
        bound: AtMost(250.0),
        unit: "MB",
        figure: |r| megabytes(ours(r, "scan24")?.peak_memory_bytes),
    },
    Wanted { what: "100 pages: memory at page 100 minus page 25", bound: AtMost(20.0), unit: "MB", figure: |r| growth(r, "hundred", 0.25) },
    Wanted {
        what: "100 pages: temporary files",
        bound: AtMost(50.0),
        unit: "MB",
        figure: |r| megabytes(Some(ours(r, "hundred")?.peak_temporary_bytes)),
    },
    Wanted {
        what: "1,000 pages: memory at page 1,000 minus page 100",
        bound: AtMost(20.0),
        unit: "MB",
        figure: |r| growth(r, "thousand", 0.1),
    },
    Wanted {
        what: "1,000 pages: temporary files",
        bound: AtMost(50.0),
        unit: "MB",
        figure: |r| megabytes(Some(ours(r, "thousand")?.peak_temporary_bytes)),
    },
    Wanted { what: "1 page, cold: wall-clock time beside recognition", bound: AtMost(0.25), unit: "s", figure: cold_start },
];

/// Every goal with what was measured.
pub(super) fn goals(results: &Results) -> Vec<Goal> {
    let told = |wanted: &Wanted| {
        let figure = (wanted.figure)(results);
        let (sign, bound, reached) = match wanted.bound {
            AtMost(bound) => ("≤", bound, figure.map(|figure| figure <= bound)),
            AtLeast(bound) => ("≥", bound, figure.map(|figure| figure >= bound)),
        };
        Goal {
            what: wanted.what.to_owned(),
            goal: format!("{sign} {}", with_unit(bound, wanted.unit)),
            measured: figure.map(|figure| with_unit(figure, wanted.unit)),
            reached,
        }
    };
    WANTED.iter().map(told).collect()
}

/// Four decimals for accuracies, whose bounds have three: what misses by little must not look as if it did not.
fn with_unit(number: f64, unit: &str) -> String {
    match unit {
        "" => format!("{number:.4}"),
        "MB" => format!("{number:.0} {unit}"),
        unit => format!("{number:.2} {unit}"),
    }
}

fn ours<'a>(results: &'a Results, document: &str) -> Option<&'a ToolResults> {
    results.document(document)?.tool(OURS)
}

fn slower(results: &Results, peer: &str) -> Option<f64> {
    results.document("scan24")?.tool(peer)?.times_ours
}

/// Everything that is neither recognition nor the walk over its result.
fn overhead_per_page(results: &Results) -> Option<f64> {
    let beside = beside_recognition(results, "scan24", |run| run.cpu_seconds)?;
    Some(beside / results.document("scan24")?.pages as f64)
}

/// From the start of the program to its end, less the recognition of its one page.
fn cold_start(results: &Results) -> Option<f64> {
    beside_recognition(results, "one-page", |run| run.wall_seconds)
}

/// What our runs take beyond the lower bound of the same round, the median of the rounds. The two of a round follow each other,
/// so that a machine that becomes slower or faster meanwhile hardly shows in their difference.
fn beside_recognition(results: &Results, document: &str, figure: fn(&Run) -> f64) -> Option<f64> {
    let bound = results.document(document)?.lower_bound.as_ref()?;
    let rounds = ours(results, document)?.runs.iter().zip(&bound.runs);
    let beside: Vec<f64> = rounds.map(|(ours, bound)| figure(ours) - figure(bound)).collect();
    (!beside.is_empty()).then(|| median(beside))
}

/// How much more memory the end takes than the first part of the run, by its time: the pages are the same over and over.
fn growth(results: &Results, document: &str, first_part: f64) -> Option<f64> {
    let ours = ours(results, document)?;
    let end = ours.memory_over_time.last()?.seconds;
    let largest = |from: f64, to: f64| {
        let within = ours.memory_over_time.iter().filter(|at| (from * end..=to * end).contains(&at.seconds));
        within.map(|at| at.bytes as f64).reduce(f64::max)
    };
    Some((largest(1.0 - first_part, 1.0)? - largest(0.0, first_part)?) / MEGABYTE)
}

fn megabytes(bytes: Option<u64>) -> Option<f64> {
    bytes.map(|bytes| bytes as f64 / MEGABYTE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::ocr::results::{MemoryAt, tests::sample};

    fn goal(results: &Results, what: &str) -> Goal {
        goals(results).into_iter().find(|goal| goal.what == what).unwrap()
    }

    #[test]
    fn a_goal_is_reached_missed_or_not_measured() {
        let mut results = sample();
        let what = "scan24: faster than OCRmyPDF (PyPI)";
        let of = |results: &Results| {
            let goal = goal(results, what);
            (goal.goal, goal.measured, goal.reached)
        };
        let bound = || "≥ 1.90 ×".to_owned();
        assert_eq!(of(&results), (bound(), Some("2.00 ×".to_owned()), Some(true)));
        results.documents[0].tools[1].times_ours = Some(1.8999);
        assert_eq!(of(&results).2, Some(false), "what is rounded up to the bound does not reach it");
        results.documents[0].tools[1].failure = Some("it fell over".to_owned());
        assert_eq!(of(&results), (bound(), None, None));
    }

    #[test]
    fn what_is_beside_recognition_is_ours_less_the_lower_bound() {
        // 2 pages: 4.3 s of ours, 4.1 s of recognition.
        let goal = goal(&sample(), "scan24: processor time beside recognition, per page");
        assert_eq!((goal.measured.unwrap().as_str(), goal.reached), ("0.10 s", Some(false)));
    }

    #[test]
    fn a_machine_that_slows_down_meanwhile_does_not_show_in_what_is_beside_recognition() {
        let mut results = sample();
        let document = &mut results.documents[0];
        let rounds = document.lower_bound.as_mut().unwrap().runs.iter_mut().zip(&mut document.tools[0].runs);
        for (round, (bound, ours)) in rounds.enumerate() {
            bound.cpu_seconds = 4.0 + round as f64;
            ours.cpu_seconds = bound.cpu_seconds + 0.2;
        }
        let goal = goal(&results, "scan24: processor time beside recognition, per page");
        assert_eq!(goal.measured.unwrap(), "0.10 s");
        results.documents[0].tools[0].runs.clear();
        assert_eq!(overhead_per_page(&results), None);
    }

    #[test]
    fn growth_compares_the_end_with_the_beginning() {
        let mut results = sample();
        let at = |seconds: f64, megabytes: u64| MemoryAt { seconds, bytes: megabytes * 1_000_000 };
        results.documents[0].id = "thousand".to_owned();
        results.documents[0].tools[0].memory_over_time = vec![at(1.0, 100), at(5.0, 110), at(50.0, 300), at(95.0, 120), at(100.0, 115)];
        assert_eq!(growth(&results, "thousand", 0.1), Some(10.0));
        assert_eq!(growth(&results, "hundred", 0.25), None);
    }
}
