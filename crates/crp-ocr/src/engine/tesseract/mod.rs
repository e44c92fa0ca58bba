//! Tesseract, loaded at run time into this process.

mod capi;
mod handles;
mod names;
mod packages;
mod walk;

use std::{
    env,
    ffi::{CString, OsString},
    path::Path,
};

use capi::LoadError;
use crp_model::{
    Code, Failure, Warning,
    labels::{EngineKind, WarningKind},
    pipeline::is_language_code,
};
use handles::{Api, Recogniser, Tesseract};
use names::DATA_FOLDERS;
pub use packages::how_to_install_languages;

use super::{Engine, GrayPicture, Recognised, Segmentation};
use crate::{EngineProbe, SandboxLevel, TESSERACT_LIBRARY_VARIABLE};

/// Tesseract keeps coordinates in 16 bits.
const MAX_SIDE_PIXELS: u32 = 32_767;

/// A warm Tesseract.
pub(crate) struct TesseractEngine(Api);

impl TesseractEngine {
    /// Loads the library and `languages`. Reads files, so it comes before the sandbox closes.
    ///
    /// # Errors
    /// `tesseract_missing`, `language_missing` if none of the languages can be loaded; one that is missing beside others is a warning.
    pub(crate) fn load(languages: &[String]) -> Result<(Self, Vec<Warning>), Failure> {
        let asked: Vec<&str> = languages.iter().map(String::as_str).filter(|code| is_language_code(code)).collect();
        if asked.len() < languages.len() || asked.is_empty() {
            return Err(Failure::new(Code::LanguageMissing, "A language of the pipeline is no language code such as eng or deu"));
        }
        let library = load_library().map_err(|error| error.for_users())?;
        let Some(api) = start(library, &asked.join("+"), Recogniser::Lstm) else {
            let what = if asked.len() == 1 { "The language" } else { "None of the languages" };
            let be = if asked.len() == 1 { "is not" } else { "is" };
            return Err(Failure::new(
                Code::LanguageMissing,
                format!("{what} {} {be} installed for Tesseract, or its data is damaged", asked.join(", ")),
            )
            .with_remedy(format!(
                "Install it ({}), or choose another with -l or in the pipeline; `crpipeline doctor` lists what is installed.",
                how_to_install_languages(&asked)
            )));
        };
        let loaded = api.loaded_languages();
        let warnings = asked
            .iter()
            .filter(|code| !loaded.iter().any(|l| l == *code))
            .map(|code| {
                let message = format!("The language {code} is not installed; the document was read with {}", loaded.join(", "));
                Warning::new(WarningKind::LanguageMissing, None, message)
            })
            .collect();
        Ok((Self(api), warnings))
    }
}

impl Engine for TesseractEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Tesseract
    }

    fn recognise(&mut self, picture: &GrayPicture<'_>, segmentation: Segmentation) -> Result<Recognised, Failure> {
        let GrayPicture { width, height, page, .. } = *picture;
        if width > MAX_SIDE_PIXELS || height > MAX_SIDE_PIXELS {
            return Err(Failure::new(
                Code::PageTooLarge,
                format!("Page {page} is {width} × {height} pixels; the engine reads at most {MAX_SIDE_PIXELS} on a side"),
            ));
        }
        let walk = self
            .0
            .recognise(picture, segmentation)
            .map_err(|what| Failure::new(Code::PageFailed, format!("Page {page} could not be recognised: {what}")))?;
        Ok(walk::gather(walk, [width, height]))
    }
}

/// Tells what the engine of this machine can do.
///
/// # Errors
/// `tesseract_missing`, `language_missing` if there is no language data at all.
pub(crate) fn probe() -> Result<EngineProbe, Failure> {
    let library = load_library().map_err(|error| error.for_operators())?;
    let usual = ["eng", "osd"].map(str::to_owned);
    let Some(api) = usual.into_iter().chain(languages_in_data_folders()).find_map(|code| start(library, &code, Recogniser::Any)) else {
        return Err(Failure::new(
            Code::LanguageMissing,
            format!("Tesseract {} is installed, but no language data for it", library.version()),
        ));
    };
    let mut languages = api.available_languages();
    languages.sort();
    Ok(EngineProbe { version: api.version(), data_path: api.data_path(), languages, sandbox: SandboxLevel::default() })
}

/// An engine for these languages, with the data of the library's own folder, else of the first usual folder that has any.
/// An operator who names the folder in `TESSDATA_PREFIX` means that one.
fn start(library: Tesseract, languages: &str, recogniser: Recogniser) -> Option<Api> {
    let usual = if env::var_os("TESSDATA_PREFIX").is_none() { DATA_FOLDERS.as_slice() } else { &[] };
    let has_some = |folder: &&&str| languages.split('+').any(|code| Path::new(folder).join(format!("{code}.traineddata")).is_file());
    library.start(languages, recogniser, None).or_else(|| {
        usual.iter().filter(has_some).find_map(|folder| library.start(languages, recogniser, Some(&CString::new(*folder).ok()?)))
    })
}

/// Why there is no library, and whether the operator has named one.
struct NoLibrary {
    error: LoadError,
    named: Option<OsString>,
}

fn load_library() -> Result<Tesseract, NoLibrary> {
    let named: Option<OsString> = env::var_os(TESSERACT_LIBRARY_VARIABLE).filter(|path| !path.is_empty());
    Tesseract::load(named.clone()).map_err(|error| {
        eprintln!("loading Tesseract: {error:?}");
        NoLibrary { error, named }
    })
}

impl NoLibrary {
    /// The failure of a document: no path of this machine is in it.
    fn for_users(&self) -> Failure {
        match (&self.error, &self.named) {
            // The loader's two ways to say that the address space is too small.
            (LoadError::NotFound(tried), _) if tried.contains("Cannot allocate memory") || tried.contains("failed to map segment") => {
                Failure::new(Code::MemoryLimit, "max_child_memory_mebibytes is too small to load Tesseract")
            }
            (LoadError::NotFound(_), Some(_)) => Failure::new(
                Code::TesseractMissing,
                format!("Tesseract's library cannot be loaded from the path in {TESSERACT_LIBRARY_VARIABLE}"),
            ),
            (LoadError::NotFound(_), None) => Failure::new(Code::TesseractMissing, "Tesseract's library is not installed"),
            (LoadError::Unusable(what), named) => {
                let place = if named.is_some() { format!(" ({TESSERACT_LIBRARY_VARIABLE})") } else { String::new() };
                Failure::new(Code::TesseractMissing, format!("Tesseract's library cannot be used: {what}{place}"))
            }
        }
    }

    /// The failure of a look at the machine: with what the loader said about the path that was named.
    fn for_operators(&self) -> Failure {
        let failure = self.for_users();
        match (&self.error, &self.named) {
            (LoadError::NotFound(tried), Some(_)) if failure.code == Code::TesseractMissing => {
                let remedy = format!("Correct {TESSERACT_LIBRARY_VARIABLE}, or take it away and install Tesseract. {}", failure.remedy);
                Failure::new(failure.code, format!("{}: {tried}", failure.message)).with_remedy(remedy)
            }
            _ => failure,
        }
    }
}

fn languages_in_data_folders() -> Vec<String> {
    let own = env::var("TESSDATA_PREFIX").ok();
    let folders = own.iter().map(String::as_str).chain(DATA_FOLDERS);
    let entries = folders.filter_map(|folder| Path::new(folder).read_dir().ok()).flatten().flatten();
    let mut codes: Vec<String> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".traineddata").map(str::to_owned))
        .filter(|code| is_language_code(code))
        .collect();
    codes.sort();
    codes.dedup();
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::conformance;

    #[test]
    fn tesseract_conforms() {
        let (mut engine, warnings) = match TesseractEngine::load(&["eng".to_owned()]) {
            Ok(loaded) => loaded,
            Err(failure) => return eprintln!("SKIPPED: {failure}"),
        };
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(engine.kind(), EngineKind::Tesseract);
        conformance::check(&mut engine, &|words| words == conformance::WORDS).unwrap();
    }

    /// In a process of its own: two versions of one C++ library do not get along in one.
    #[test]
    fn a_newer_tesseract_conforms() {
        let Some(library) = env::var_os("CRP_NEWER_TESSERACT").filter(|path| !path.is_empty()) else {
            return eprintln!("SKIPPED: CRP_NEWER_TESSERACT names no library of a newer Tesseract");
        };
        let mut again = std::process::Command::new(env::current_exe().unwrap());
        again.args(["--exact", "engine::tesseract::tests::tesseract_conforms", "--nocapture"]);
        let output = again.env(TESSERACT_LIBRARY_VARIABLE, library).env_remove("TESSDATA_PREFIX").output().unwrap();
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success() && told.contains("1 passed") && !told.contains("SKIPPED"), "{told}");
    }
}
