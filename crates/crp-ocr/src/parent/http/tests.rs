//! The engine `http` against a server of the test: it conforms, and its address is only what an operator may give.

use crp_model::labels::EngineKind;
use tokio::runtime::Runtime;

use super::*;
use crate::engine::{Engine, conformance};

#[path = "../../../tests/support/endpoint.rs"]
mod endpoint;

/// The engine as the checks know one: it waits for each answer.
struct ThroughHttp {
    runtime: Runtime,
    engine: HttpEngine,
}

impl Engine for ThroughHttp {
    fn kind(&self) -> EngineKind {
        EngineKind::Http
    }

    fn recognise(&mut self, picture: &GrayPicture<'_>, segmentation: Segmentation) -> Result<Recognised, Failure> {
        let GrayPicture { page, width, height, dots_per_inch, gray } = *picture;
        let picture = Picture { page, width, height, dots_per_inch, segmentation, gray: gray.to_vec() };
        let deadline = Duration::from_secs(60);
        self.runtime.block_on(async { self.engine.read(picture, &["eng".to_owned()], Instant::now() + deadline).await })
    }
}

fn settings(url: &str) -> HttpEngineSettings {
    HttpEngineSettings { url: url.to_owned(), token: None, timeout_seconds: 60 }
}

#[test]
fn the_engine_behind_http_conforms() {
    let endpoint = endpoint::Endpoint::start(|_, png| endpoint::runs_of_ink(png));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut engine = ThroughHttp { runtime, engine: HttpEngine::new(&settings(&endpoint.url)).unwrap() };
    assert_eq!(engine.kind(), EngineKind::Http);
    conformance::check(&mut engine, &|words| words.len() == conformance::WORDS.len()).unwrap();
}

#[test]
fn an_address_is_one_that_an_operator_may_give() {
    for good in ["http://127.0.0.1:9000/ocr", "https://ocr.example.org/v1?model=x", "http://[::1]:80/"] {
        settings(good).check().unwrap();
    }
    for bad in [
        "",
        "ocr.example.org",
        "ftp://ocr.example.org/",
        "file:///etc/passwd",
        "http://",
        "https://user:secret@ocr.example.org/",
        "unix:/run/x",
    ] {
        let verdict = settings(bad).check().unwrap_err();
        assert!(!verdict.contains("secret"), "{verdict}");
        assert_eq!(HttpEngine::new(&settings(bad)).unwrap_err().code, Code::InvalidConfiguration, "{bad}");
    }
    let token = HttpEngineSettings { token: Some("line\nbreak".to_owned()), ..settings("http://127.0.0.1/") };
    assert!(token.check().is_err());
}

#[test]
fn the_token_never_shows_in_what_is_printed() {
    let token = HttpEngineSettings { token: Some("hunter2\n".to_owned()), ..settings("http://127.0.0.1/") };
    let engine = HttpEngine::new(&token).unwrap();
    assert!(!format!("{engine:?} {:?}", engine.0.authorization).contains("hunter2"));
}
