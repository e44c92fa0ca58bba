//! Writes every hostile file into a folder, to try other programs or a running server with them.

use std::{path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: cargo run -p crp-testkit --example hostile_files FOLDER [HOST:PORT to be called]");
        return ExitCode::from(2);
    };
    let canary = std::env::args().nth(2).unwrap_or_else(|| "127.0.0.1:9".to_owned());
    for file in crp_testkit::hostile::all(&canary) {
        if let Err(error) = std::fs::write(folder.join(&file.name), file.bytes()) {
            eprintln!("{}: {error}", file.name);
            return ExitCode::FAILURE;
        }
        println!("{}\t{}", file.name, file.attacks);
    }
    ExitCode::SUCCESS
}
