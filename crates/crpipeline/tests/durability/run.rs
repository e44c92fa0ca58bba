//! How much of a run is done, from which seed, and what it found: a line for each figure, and a file for `cargo xtask bench durability`.

use std::{
    collections::BTreeMap,
    env, fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// A run: its size, its chance and its findings.
pub(crate) struct Run {
    name: String,
    seed: u64,
    percent_of_long: Option<u64>,
    started: Instant,
    did: BTreeMap<&'static str, u64>,
    figures: Vec<Value>,
    controls: Vec<Value>,
    complaints: Vec<String>,
}

impl Run {
    /// The run of this name; `CRP_DURABILITY_PERCENT` asks for so much of the long form, `CRP_DURABILITY_SEED` for other chance.
    pub(crate) fn named(name: &str) -> Self {
        let number =
            |variable: &str| env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")));
        let run = Self {
            name: name.to_owned(),
            seed: number("CRP_DURABILITY_SEED").unwrap_or(1),
            percent_of_long: number("CRP_DURABILITY_PERCENT"),
            started: Instant::now(),
            did: BTreeMap::new(),
            figures: Vec::new(),
            controls: Vec::new(),
            complaints: Vec::new(),
        };
        println!("{name}: seed {}", run.seed);
        run
    }

    /// How many of something: `short` in the tests, up to `long` in the bench.
    pub(crate) fn size(&self, short: u64, long: u64) -> u64 {
        self.percent_of_long.map_or(short, |percent| (long * percent).div_ceil(100).max(short))
    }

    /// Chance for one thread of the run, the same for the same seed.
    pub(crate) fn chance(&self, thread: u64) -> Chance {
        Chance(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (thread + 1).wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    /// Notes how much was done.
    pub(crate) fn did(&mut self, what: &'static str, times: u64) {
        self.did.insert(what, times);
    }

    /// Notes a figure; the bench, not the tests, compares it with the most that it may be.
    pub(crate) fn figure(&mut self, what: &str, value: f64, unit: &str, at_most: Option<f64>) {
        let goal = at_most.map_or(String::new(), |most| format!(" (at most {most})"));
        println!("{}: {what}: {value:.2} {unit}{goal}", self.name);
        self.figures.push(json!({ "what": what, "value": value, "unit": unit, "at_most": at_most }));
    }

    /// Notes the middle and the high end of what was measured.
    pub(crate) fn spread(&mut self, what: &str, mut all: Vec<Duration>, at_most: Option<f64>) {
        all.sort();
        let at =
            |share: f64| all.get(((all.len() as f64 * share).ceil() as usize).saturating_sub(1)).map_or(f64::NAN, Duration::as_secs_f64);
        self.figure(&format!("{what}, p50"), at(0.5), "s", None);
        self.figure(&format!("{what}, p99"), at(0.99), "s", at_most);
    }

    /// Notes what is wrong; nothing of it is allowed.
    pub(crate) fn complain(&mut self, complaints: Vec<String>) {
        self.complaints.extend(complaints);
    }

    /// Notes what the checker says to something that was broken on purpose: it must say something.
    pub(crate) fn control(&mut self, broken: &str, complaints: &[String]) {
        println!("{}: control: {broken}: {}", self.name, complaints.first().map_or("NOT NOTICED", String::as_str));
        self.controls.push(json!({ "broken": broken, "noticed": complaints.first() }));
        if complaints.is_empty() {
            self.complaints.push(format!("the checker did not notice: {broken}"));
        }
    }

    /// Writes the findings where the bench wants them, and fails if anything is wrong.
    ///
    /// # Panics
    /// With everything that is wrong.
    pub(crate) fn end(self) {
        let seconds = self.started.elapsed().as_secs_f64();
        println!("{}: {:?} in {seconds:.0} s, {} complaints", self.name, self.did, self.complaints.len());
        let findings = json!({
            "name": self.name, "seed": self.seed, "percent_of_long": self.percent_of_long, "seconds": seconds,
            "did": self.did, "figures": self.figures, "controls": self.controls, "complaints": self.complaints,
        });
        if let Some(folder) = env::var_os("CRP_DURABILITY_REPORT").map(PathBuf::from) {
            let text = serde_json::to_string_pretty(&findings).expect("JSON can be written");
            fs::write(folder.join(format!("{}.json", self.name)), text).expect("the report can be written");
        }
        let shown = self.complaints.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
        assert!(self.complaints.is_empty(), "seed {}: {} complaints, the first:\n{shown}", self.seed, self.complaints.len());
    }
}

/// Numbers by chance that are the same for the same seed (splitmix64).
#[derive(Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// A number from 0 to `end - 1`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }
}
