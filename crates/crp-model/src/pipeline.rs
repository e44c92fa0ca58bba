//! The pipeline file: a named list of stages, the same for command line, API and UI. Unknown keys are errors with line numbers.

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::{
    Code, Failure,
    labels::EngineKind,
    pipeline_file::{RawPipeline, invalid, syntax},
};

/// Largest pipeline file in bytes.
pub const MAX_PIPELINE_BYTES: usize = 64 * 1024;
/// Most stages of one pipeline.
pub const MAX_STAGES: usize = 16;
/// Most fields of one parse stage.
pub const MAX_FIELDS: usize = 200;
/// Longest pattern in bytes; together with the compiled size this bounds what matching can cost.
pub const MAX_PATTERN_BYTES: usize = 1024;
/// Largest compiled pattern in bytes.
pub const MAX_PATTERN_COMPILED_BYTES: usize = 1024 * 1024;
/// Most languages of one OCR stage; each costs time on every word.
pub const MAX_LANGUAGES: usize = 8;

/// The types of stages; the `stage` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageType {
    /// Pages become text and words with places.
    Ocr,
    /// Patterns become fields.
    Parse,
    /// A language model fills a schema.
    Ai,
    /// Fields become a document.
    Report,
}

impl StageType {
    /// Every type.
    pub const ALL: [StageType; 4] = [StageType::Ocr, StageType::Parse, StageType::Ai, StageType::Report];

    /// The name in pipeline file, database and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            StageType::Ocr => "ocr",
            StageType::Parse => "parse",
            StageType::Ai => "ai",
            StageType::Report => "report",
        }
    }

    /// The type with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// Whether this version runs it.
    pub const fn is_available(self) -> bool {
        matches!(self, StageType::Ocr | StageType::Parse)
    }
}

/// Which pages the OCR stage reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OcrMode {
    /// Pages that already carry text keep it; the others are recognised.
    #[default]
    Auto,
    /// Every page is recognised.
    Force,
    /// No page is recognised; only text that is there is taken.
    Off,
}

/// What becomes of a job when one page fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnPageError {
    /// The job fails; what is finished stays downloadable.
    #[default]
    Fail,
    /// The job succeeds with a warning for the page.
    Continue,
}

/// What becomes of a document with a digital signature, which any change of its PDF breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignedDocuments {
    /// The searchable PDF is the original, byte by byte, without a text layer; text and layout are there all the same.
    #[default]
    Keep,
    /// It gains its text layer; the signature is broken in the searchable PDF.
    Change,
}

/// Settings of the OCR stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OcrStage {
    /// Tesseract's language codes; empty: the organization's languages.
    pub languages: Vec<String>,
    /// Which pages are read.
    pub mode: OcrMode,
    /// What recognises them.
    pub engine: EngineKind,
    /// What one failed page means.
    pub on_page_error: OnPageError,
    /// What becomes of signed documents.
    pub signed: SignedDocuments,
}

/// A field to find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldRule {
    /// The field's name.
    pub name: String,
    /// A regular expression (the syntax of Rust's regex crate); the group `value`, else the first group, else the whole match is the value.
    pub pattern: String,
    /// Whether every match is a field, not only the first.
    #[serde(default)]
    pub all: bool,
}

/// Settings of the parse stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParseStage {
    /// The fields to find.
    pub fields: Vec<FieldRule>,
}

/// One step of a pipeline. There is no stage that runs a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Stage {
    /// Pages become text and words with places.
    Ocr(OcrStage),
    /// Patterns become fields.
    Parse(ParseStage),
    /// A language model fills a schema (parses; does not run yet).
    Ai {
        /// Name of the prompt.
        prompt: String,
        /// JSON Schema of the answer.
        schema: serde_json::Value,
    },
    /// Fields become a document (parses; does not run yet).
    Report {
        /// Name of the template.
        template: String,
    },
}

impl Stage {
    /// What recognises its pages; `None` for a stage that recognises none.
    pub const fn engine(&self) -> Option<EngineKind> {
        match self {
            Stage::Ocr(stage) => Some(stage.engine),
            Stage::Parse(_) | Stage::Ai { .. } | Stage::Report { .. } => None,
        }
    }

    /// Its type.
    pub const fn stage_type(&self) -> StageType {
        match self {
            Stage::Ocr(_) => StageType::Ocr,
            Stage::Parse(_) => StageType::Parse,
            Stage::Ai { .. } => StageType::Ai,
            Stage::Report { .. } => StageType::Report,
        }
    }
}

/// A pipeline: a name and its stages, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PipelineFile {
    /// Its name: lower-case letters, digits and hyphens.
    pub name: String,
    /// Its stages, in order; the first is always `ocr`.
    pub stages: Vec<Stage>,
}

/// The frozen copy of a pipeline that a job carries; later edits never change it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The pipeline's name.
    pub pipeline: String,
    /// Its version when the job was made; 0 for a built-in pipeline.
    pub version: u32,
    /// The stages, with every default filled in.
    pub stages: Vec<Stage>,
}

impl PipelineFile {
    /// Reads a pipeline file.
    ///
    /// # Errors
    /// `invalid_pipeline` with the line, or `stage_not_available` for a stage type that this version does not run yet.
    pub fn parse(yaml: &str) -> Result<Self, Failure> {
        Self::check(yaml).map_err(PipelineMistake::failure)
    }

    /// The same, for who wants to know the place of the first mistake.
    ///
    /// # Errors
    /// The mistake.
    pub fn check(yaml: &str) -> Result<Self, PipelineMistake> {
        Self::read(yaml, false)
    }

    /// Reads a pipeline file, also one with stages that this version does not run.
    ///
    /// # Errors
    /// `invalid_pipeline` with the line.
    pub fn parse_with_future_stages(yaml: &str) -> Result<Self, Failure> {
        Self::read(yaml, true).map_err(PipelineMistake::failure)
    }

    fn read(yaml: &str, takes_future_stages: bool) -> Result<Self, PipelineMistake> {
        if yaml.len() > MAX_PIPELINE_BYTES {
            return Err(invalid(None, format!("The pipeline file has {} bytes; {MAX_PIPELINE_BYTES} are allowed", yaml.len())));
        }
        if yaml.contains('\0') {
            return Err(invalid(None, "The pipeline file holds a NUL byte".to_owned()));
        }
        let raw: RawPipeline = serde_saphyr::from_str(yaml).map_err(|error| syntax(&error))?;
        raw.check(takes_future_stages)
    }

    /// The plan of a new job: languages that the pipeline leaves open become those of the organization.
    pub fn plan(&self, version: u32, organization_languages: &[String]) -> Plan {
        let mut stages = self.stages.clone();
        for stage in &mut stages {
            if let Stage::Ocr(ocr) = stage
                && ocr.languages.is_empty()
            {
                ocr.languages = if organization_languages.is_empty() { vec!["eng".to_owned()] } else { organization_languages.to_vec() };
            }
        }
        Plan { pipeline: self.name.clone(), version, stages }
    }

    /// The pipelines that every organization has: their file texts, the default first.
    pub const BUILT_IN: [&'static str; 2] = [include_str!("pipelines/searchable-pdf.yaml"), include_str!("pipelines/fields.yaml")];

    /// The JSON Schema of the pipeline file.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(RawPipeline).to_value()
    }

    /// The same as the text that the reference and the API give out.
    pub fn json_schema_text() -> String {
        format!("{:#}\n", Self::json_schema())
    }
}

/// A place in a pipeline file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
}

/// What keeps a pipeline file from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineMistake {
    /// `invalid_pipeline` or `stage_not_available`.
    pub code: Code,
    /// Where it is, if that is known.
    pub place: Option<Place>,
    /// What it is, without its place.
    pub message: String,
}

impl PipelineMistake {
    /// The same as a failure, which tells the line in its message.
    pub fn failure(self) -> Failure {
        let PipelineMistake { code, place, message } = self;
        Failure::new(code, place.map_or_else(|| message.clone(), |place| format!("Line {}: {message}", place.line)))
    }
}

/// Compiles a rule's pattern under the limits; matching is linear in the text.
///
/// # Errors
/// A sentence that says what is wrong with the pattern.
pub fn compile_pattern(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(format!("the pattern has {} bytes; {MAX_PATTERN_BYTES} are allowed", pattern.len()));
    }
    let regex = RegexBuilder::new(pattern)
        .multi_line(true)
        .size_limit(MAX_PATTERN_COMPILED_BYTES)
        .dfa_size_limit(8 * MAX_PATTERN_COMPILED_BYTES)
        .build()
        .map_err(|error| error.to_string().lines().last().unwrap_or("it cannot be compiled").trim_start_matches("error: ").to_owned())?;
    if regex.is_match("") {
        return Err("the pattern matches the empty text, so it would match everywhere".to_owned());
    }
    Ok(regex)
}

/// Whether this is a language code as Tesseract names its data (`eng`, `chi_sim`, `deu_latf`), never a path.
pub fn is_language_code(code: &str) -> bool {
    (2..=32).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
