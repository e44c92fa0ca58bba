//! A PDF or image in; per page text, words and a searchable PDF out. Rendering, engines, sandbox. Knows no job.
//!
//! The parent ([`DocumentChild`]) starts the same binary again and hands it the document as an open file. The child
//! ([`child_main`]) loads the engine, closes its sandbox and only then looks at the first byte; it serves one document and goes.

#[cfg(not(unix))]
compile_error!("crp-ocr reads documents in sandboxed processes of a Unix system");

mod child;
mod document;
mod engine;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod lower_bound;
mod parent;
mod protocol;
mod reading;
mod settings;

pub use child::{PageHook, child_main, child_main_with};
pub use document::{Inspection, PageInfo};
pub use engine::how_to_install_languages;
pub use lower_bound::{PreparedPages, RecognitionTime};
pub use parent::{
    ChildPool, DocumentChild, HttpEngine, HttpEngineSettings, HttpProbe, http_answer_schema, probe_engine, probe_sandbox,
    usual_memory_mebibytes,
};
pub use settings::{Assembly, ChildCommand, EngineProbe, PageReading, ReadSettings, SandboxLevel, TESSERACT_LIBRARY_VARIABLE};
