//! `[http_engine]`: the recognition engine behind HTTP that pipelines may ask for with `engine: http`.

use crp_ocr::HttpEngineSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    secret::Secret,
    setting::{Section, Setting, Shape, Wrong},
};

/// The recognition engine behind HTTP that pipelines may ask for with `engine: http`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HttpEngineSection {
    /// Address that pictures of pages are sent to, `https://…` or `http://…`; the protocol stands in the manual. Without it there is no
    /// such engine.
    pub(crate) url: Option<String>,
    /// Token that is sent with each picture, as `Authorization: Bearer …`.
    #[schemars(with = "Option<String>")]
    pub(crate) token: Option<Secret>,
    /// Longest wait for one answer, in seconds; `page_timeout_seconds` holds as well.
    pub(crate) timeout_seconds: u32,
}

impl Default for HttpEngineSection {
    fn default() -> Self {
        Self { url: None, token: None, timeout_seconds: 60 }
    }
}

impl HttpEngineSection {
    /// What the engine is told, if there is to be one.
    pub(crate) fn settings(&self) -> Option<HttpEngineSettings> {
        let token = self.token.as_ref().map(|token| token.expose().to_owned());
        Some(HttpEngineSettings { url: self.url.clone()?, token, timeout_seconds: self.timeout_seconds })
    }
}

impl Section for HttpEngineSection {
    const NAME: &'static str = "http_engine";
    const SETTINGS: &'static [Setting] = &[
        Setting::new("url", "CRPIPELINE_HTTP_ENGINE_URL", Shape::Text),
        Setting::secret("token", "CRPIPELINE_HTTP_ENGINE_TOKEN"),
        Setting::new("timeout_seconds", "CRPIPELINE_HTTP_ENGINE_TIMEOUT_SECONDS", Shape::Number),
    ];

    fn check(&self) -> Result<(), Wrong> {
        if !(1..=3600).contains(&self.timeout_seconds) {
            return Err(Wrong::new("timeout_seconds", "it is not within 1 to 3600"));
        }
        match self.settings().map(|settings| settings.check()) {
            Some(Err(what)) => Err(Wrong::new("url", what)),
            None if self.token.is_some() => Err(Wrong::new("url", "a token is set, so it is needed")),
            _ => Ok(()),
        }
    }
}
