//! Engines that misbehave, for the real binary: a library in the place of Tesseract's that does what a test names.
//!
//! It reads the word `honest` on every page, and unless it is [`honest`] fails on pages that are higher than broad ([`crate::samples::slips_around_a_tall_page`]).

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::programs;

const SOURCE: &str = include_str!("faulty_engine/engine.c");

/// What the engine does on a page that is higher than broad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It reads beyond its memory.
    Crash,
    /// It ends the process as if all were well.
    Exit,
    /// It never comes back.
    Hang,
    /// It takes all memory that it gets.
    OutOfMemory,
    /// It prints without end.
    Flood,
    /// Its words are a hundred thousand letters long.
    Garbage,
    /// It says that it cannot read the picture.
    GivesUp,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Fault; 7] = [Fault::Crash, Fault::Exit, Fault::Hang, Fault::OutOfMemory, Fault::Flood, Fault::Garbage, Fault::GivesUp];

    /// The word by which the library knows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Crash => "crash",
            Fault::Exit => "exit",
            Fault::Hang => "hang",
            Fault::OutOfMemory => "out_of_memory",
            Fault::Flood => "flood",
            Fault::Garbage => "garbage",
            Fault::GivesUp => "gives_up",
        }
    }

    /// The variables with which the binary takes this engine for Tesseract: `library` is what [`build`] made.
    pub fn environment(self, library: &Path) -> [(&'static str, String); 2] {
        // Of our environment the process that reads documents sees this variable; for the library it names the fault.
        [("CRPIPELINE_TESSERACT_LIBRARY", library.display().to_string()), ("TESSDATA_PREFIX", self.as_str().to_owned())]
    }
}

/// The variables with which the binary takes `library` for Tesseract and has every page read in so many milliseconds.
pub fn honest(library: &Path, page_milliseconds: u32) -> [(&'static str, String); 2] {
    [("CRPIPELINE_TESSERACT_LIBRARY", library.display().to_string()), ("TESSDATA_PREFIX", format!("honest:{page_milliseconds}"))]
}

/// Builds the library in `folder`; says `SKIPPED` where there is no C compiler.
///
/// # Panics
/// If the compiler refuses it.
pub fn build(folder: &Path) -> Option<PathBuf> {
    let compiler = programs::program("cc")?;
    let (source, library) = (folder.join("engine.c"), folder.join("libfaulty.so"));
    std::fs::write(&source, SOURCE).expect("the folder can be written");
    programs::output_of(Command::new(compiler).args(["-shared", "-fPIC", "-O1", "-w", "-o"]).arg(&library).arg(&source));
    Some(library)
}
