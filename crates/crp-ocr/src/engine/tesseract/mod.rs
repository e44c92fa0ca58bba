//! Tesseract, loaded at run time into this process.

mod capi;
mod handles;
mod walk;

use std::{env, ffi::OsString, path::Path};

use crp_model::{
    Code, Failure, Warning,
    labels::{EngineKind, WarningKind},
    pipeline::is_language_code,
};
use handles::{Api, Recogniser, Tesseract};

use super::{Engine, GrayPicture, Recognised, Segmentation};
use crate::{EngineProbe, SandboxLevel, TESSERACT_LIBRARY_VARIABLE};

/// Tesseract keeps coordinates in 16 bits.
const MAX_SIDE_PIXELS: u32 = 32_767;

/// Folders in which language data is looked for when the library's own folder has none of the usual languages.
const DATA_FOLDERS: [&str; 6] = [
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
    "/opt/local/share/tessdata",
];

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
        let Some(api) = load_library()?.start(&asked.join("+"), Recogniser::Lstm) else {
            let what = if asked.len() == 1 { "The language" } else { "None of the languages" };
            let be = if asked.len() == 1 { "is not" } else { "is" };
            return Err(Failure::new(
                Code::LanguageMissing,
                format!("{what} {} {be} installed for Tesseract, or its data is damaged", asked.join(", ")),
            ));
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
    let library = load_library()?;
    let usual = ["eng", "osd"].map(str::to_owned);
    let Some(api) = usual.into_iter().chain(languages_in_data_folders()).find_map(|code| library.start(&code, Recogniser::Any)) else {
        return Err(Failure::new(
            Code::LanguageMissing,
            format!("Tesseract {} is installed, but no language data for it", library.version()),
        ));
    };
    let mut languages = api.available_languages();
    languages.sort();
    Ok(EngineProbe { version: api.version(), data_path: api.data_path(), languages, sandbox: SandboxLevel::default() })
}

fn load_library() -> Result<Tesseract, Failure> {
    let path: Option<OsString> = env::var_os(TESSERACT_LIBRARY_VARIABLE).filter(|path| !path.is_empty());
    let named = path.is_some();
    Tesseract::load(path).map_err(|tried| {
        eprintln!("loading Tesseract: {tried}");
        // The loader's two ways to say that the address space is too small.
        if tried.contains("Cannot allocate memory") || tried.contains("failed to map segment") {
            Failure::new(Code::MemoryLimit, "max_child_memory_mebibytes is too small to load Tesseract")
        } else if named {
            Failure::new(
                Code::TesseractMissing,
                format!("Tesseract's library cannot be loaded from the path in {TESSERACT_LIBRARY_VARIABLE}"),
            )
        } else {
            Failure::new(Code::TesseractMissing, "Tesseract's library is not installed")
        }
    })
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
}
