//! A parent with a child that is at work and never looks up, for the test that kills this parent.

use std::{path::PathBuf, process::ExitCode};

use crp_metrics::Metrics;
use crp_model::{Limits, MediaType, PageNo, SandboxRequirement, labels::EngineKind, pipeline::OcrMode};
use crp_ocr::{ChildCommand, ChildPool, DocumentChild, ReadSettings};

/// Opens the document named on the command line in a child, says so, and lets it spin on the first page.
pub(crate) fn with_a_busy_child() -> ExitCode {
    let Some(file) = std::env::args_os().nth(1).map(PathBuf::from) else { return ExitCode::FAILURE };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let spun = runtime.map(|runtime| runtime.block_on(spin(&file)));
    eprintln!("the busy child has ended: {spun:?}");
    ExitCode::FAILURE
}

async fn spin(file: &std::path::Path) -> Result<(), crp_model::Failure> {
    let command =
        ChildCommand { program: "/proc/self/exe".into(), args: Vec::new(), env: vec![("CRP_FAULT".into(), "spin".into())], http: None };
    let settings = ReadSettings { languages: Vec::new(), mode: OcrMode::Off, engine: EngineKind::default(), thumbnails: false };
    let pool = ChildPool::new(command, Limits::default(), SandboxRequirement::BestEffort, Metrics::for_tests());
    let mut child = DocumentChild::start(&pool, file, MediaType::Pdf, Some(&settings)).await?;
    println!("its child is open");
    child.read_page(PageNo::from_index(0)).await.map(drop)
}
