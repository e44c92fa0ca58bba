//! What reads a page, as a name: two pages of the same bytes that were read under the same name are the same.

use std::path::Path;

use crp_model::{Sha256Hash, labels::EngineKind, pipeline::OcrMode};

use super::{ChildPool, probe_engine};
use crate::ReadSettings;

/// Counts up when a page is read in another way than before: what was read under an earlier number is read again.
const READING: u32 = 1;

impl ChildPool {
    /// The SHA-256 of everything that decides how a page is read: settings, engine with its version, language data, and this code.
    /// `None` for an engine whose version nobody can tell, such as one behind HTTP, and where something is missing.
    pub async fn identity(&self, settings: &ReadSettings) -> Option<Sha256Hash> {
        let settings_named = serde_json::to_string(settings).ok()?;
        let engine = if settings.mode == OcrMode::Off { String::new() } else { self.engine(settings).await? };
        let named = format!("reading {READING} of {}\n{settings_named}\n{engine}", env!("CARGO_PKG_VERSION"));
        Some(Sha256Hash::of(named.as_bytes()))
    }

    async fn engine(&self, settings: &ReadSettings) -> Option<String> {
        if settings.engine != EngineKind::Tesseract {
            return None;
        }
        let probe = probe_engine(self.command()).await.ok()?;
        let mut engine = format!("tesseract {}\n", probe.version);
        // `osd` tells a page's direction.
        for language in settings.languages.iter().map(String::as_str).chain(["osd"]) {
            let file = Path::new(&probe.data_path).join(format!("{language}.traineddata"));
            match tokio::fs::read(&file).await {
                Ok(data) => engine.push_str(&format!("{language} {}\n", Sha256Hash::of(&data))),
                // Without it directions are told in another way.
                Err(_) if language == "osd" => {}
                Err(_) => return None,
            }
        }
        Some(engine)
    }
}
