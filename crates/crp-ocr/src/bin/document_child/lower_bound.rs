//! The lower bound of the benchmark: prepares its share of the pages, says so, waits for a word, recognises, and tells the time.

use std::{
    io::{self, BufRead as _},
    path::PathBuf,
    process::ExitCode,
};

use crp_ocr::PreparedPages;

/// The first argument that asks for this.
pub(crate) const ARGUMENT: &str = "lower-bound";

/// `LANGUAGES FIRST STEP FILE…`: languages joined by `+`, of all pages of the files every STEPth, from FIRST (counted from 0).
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    match tried(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            // On standard output: that is where the benchmark waits.
            println!("{what}");
            ExitCode::FAILURE
        }
    }
}

fn tried(arguments: &[String]) -> Result<(), String> {
    let [languages, first, step, files @ ..] = arguments else { return Err("needs LANGUAGES FIRST STEP FILE…".to_owned()) };
    let number = |text: &String| text.parse::<usize>().map_err(|error| format!("{text}: {error}"));
    let languages: Vec<String> = languages.split('+').map(str::to_owned).collect();
    let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    let mut pages = PreparedPages::prepare(&languages, (number(first)?, number(step)?), &files).map_err(|failure| failure.to_string())?;
    println!("ready");
    let mut word = String::new();
    io::stdin().lock().read_line(&mut word).map_err(|error| error.to_string())?;
    if word.is_empty() {
        return Err("the benchmark is gone".to_owned());
    }
    let time = pages.recognise().map_err(|failure| failure.to_string())?;
    println!("{}", serde_json::to_string(&time).map_err(|error| error.to_string())?);
    Ok(())
}
