//! Reads the pipeline file as it is written: every key of every stage type is known here, so that a wrong one is told with its line.

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use crate::{
    Code,
    labels::EngineKind,
    pipeline::{
        FieldRule, MAX_FIELDS, MAX_LANGUAGES, MAX_STAGES, OcrMode, OcrStage, OnPageError, ParseStage, PipelineFile, PipelineMistake, Place,
        SignedDocuments, Stage, StageType, compile_pattern, is_language_code,
    },
};

/// The file as written: every key of every stage type is known here, so that an unknown one is told with its line.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "crPipeline pipeline file")]
pub(crate) struct RawPipeline {
    /// Its name: lower-case letters, digits and hyphens.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// Its stages, in order; the first is `ocr`.
    #[schemars(with = "Vec<RawStage>")]
    stages: Spanned<Vec<Spanned<RawStage>>>,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawStage {
    /// What the stage does.
    r#type: StageType,
    /// ocr: Tesseract's language codes; default: the organization's languages.
    #[schemars(with = "Option<Vec<String>>")]
    languages: Option<Spanned<Vec<String>>>,
    /// ocr: `auto` keeps pages that already carry text, `force` recognises every page, `off` none.
    #[schemars(with = "Option<OcrMode>")]
    mode: Option<Spanned<OcrMode>>,
    /// ocr: what recognises the pages, `tesseract` or `http`, an endpoint that the operator has set up; default: `tesseract`.
    #[schemars(with = "Option<EngineKind>")]
    engine: Option<Spanned<EngineKind>>,
    /// ocr: `fail` or `continue`.
    #[schemars(with = "Option<OnPageError>")]
    on_page_error: Option<Spanned<OnPageError>>,
    /// ocr: `keep` returns signed documents unchanged, `change` gives them a text layer that breaks the signature.
    #[schemars(with = "Option<SignedDocuments>")]
    signed: Option<Spanned<SignedDocuments>>,
    /// parse: the fields to find.
    #[schemars(with = "Option<Vec<RawField>>")]
    fields: Option<Spanned<Vec<RawField>>>,
    /// ai: name of the prompt.
    #[schemars(with = "Option<String>")]
    prompt: Option<Spanned<String>>,
    /// ai: JSON Schema of the answer.
    #[schemars(with = "Option<serde_json::Value>")]
    schema: Option<Spanned<serde_json::Value>>,
    /// report: name of the template.
    #[schemars(with = "Option<String>")]
    template: Option<Spanned<String>>,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawField {
    /// The field's name: lower-case letters, digits and underscores.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// A regular expression; the group `value`, else the first group, else the whole match is the value.
    #[schemars(with = "String")]
    pattern: Spanned<String>,
    /// Whether every match is a field, not only the first.
    #[serde(default)]
    all: bool,
}

impl RawPipeline {
    /// The pipeline, or its first mistake. Stages that this version does not run are one, unless `takes_future_stages`.
    pub(crate) fn check(self, takes_future_stages: bool) -> Result<PipelineFile, PipelineMistake> {
        let place = place_of(&self.name);
        let name = self.name.value;
        let good = !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !good {
            return Err(invalid(
                place,
                format!("The name \"{}\" is not made of 1 to 64 lower-case letters, digits and hyphens", shorten(&name)),
            ));
        }
        if uuid::Uuid::try_parse(&name).is_ok() {
            return Err(invalid(
                place,
                format!("The name \"{name}\" looks like an id; pipelines are found by name or id, so choose another"),
            ));
        }
        let place_of_stages = place_of(&self.stages);
        let raw = self.stages.value;
        if raw.is_empty() || raw.len() > MAX_STAGES {
            return Err(invalid(place_of_stages, format!("A pipeline has 1 to {MAX_STAGES} stages; this one has {}", raw.len())));
        }
        let mut stages = Vec::with_capacity(raw.len());
        let mut unavailable = None;
        for (at, stage) in raw.into_iter().enumerate() {
            let place = place_of(&stage);
            let stage = stage.value.check(place)?;
            if (at == 0) != (stage.stage_type() == StageType::Ocr) {
                return Err(invalid(
                    place,
                    "The first stage, and only the first, is of type \"ocr\": it brings the text that the others work on".to_owned(),
                ));
            }
            if at > 0 && stages.iter().any(|s: &Stage| s.stage_type() == stage.stage_type()) {
                return Err(invalid(
                    place,
                    format!("There are two stages of type \"{}\"; put what they do into one", stage.stage_type().as_str()),
                ));
            }
            unavailable = unavailable.or_else(|| (!stage.stage_type().is_available()).then(|| not_available(place, stage.stage_type())));
            stages.push(stage);
        }
        if let Some(mistake) = unavailable.filter(|_| !takes_future_stages) {
            return Err(mistake);
        }
        Ok(PipelineFile { name, stages })
    }
}

impl RawStage {
    fn check(self, place: Option<Place>) -> Result<Stage, PipelineMistake> {
        self.reject_foreign_keys()?;
        match self.r#type {
            StageType::Ocr => {
                let mut stage = OcrStage::default();
                if let Some(languages) = self.languages {
                    stage.languages = check_languages(languages)?;
                }
                stage.mode = self.mode.map(|m| m.value).unwrap_or_default();
                stage.engine = self.engine.map(|m| m.value).unwrap_or_default();
                stage.on_page_error = self.on_page_error.map(|m| m.value).unwrap_or_default();
                stage.signed = self.signed.map(|m| m.value).unwrap_or_default();
                Ok(Stage::Ocr(stage))
            }
            StageType::Parse => {
                let fields = self.fields.ok_or_else(|| invalid(place, "A parse stage needs \"fields\"".to_owned()))?;
                Ok(Stage::Parse(ParseStage { fields: check_fields(fields)? }))
            }
            StageType::Ai => Ok(Stage::Ai {
                prompt: self.prompt.ok_or_else(|| invalid(place, "An ai stage needs \"prompt\"".to_owned()))?.value,
                schema: self.schema.map_or(serde_json::Value::Null, |s| s.value),
            }),
            StageType::Report => Ok(Stage::Report {
                template: self.template.ok_or_else(|| invalid(place, "A report stage needs \"template\"".to_owned()))?.value,
            }),
        }
    }

    /// A key that belongs to another stage type is as wrong as an unknown one.
    fn reject_foreign_keys(&self) -> Result<(), PipelineMistake> {
        /// Whether the key is there, and where.
        fn key<T>(key: &Option<Spanned<T>>) -> Option<Option<Place>> {
            key.as_ref().map(place_of)
        }
        let keys = [
            ("languages", StageType::Ocr, key(&self.languages)),
            ("mode", StageType::Ocr, key(&self.mode)),
            ("engine", StageType::Ocr, key(&self.engine)),
            ("on_page_error", StageType::Ocr, key(&self.on_page_error)),
            ("signed", StageType::Ocr, key(&self.signed)),
            ("fields", StageType::Parse, key(&self.fields)),
            ("prompt", StageType::Ai, key(&self.prompt)),
            ("schema", StageType::Ai, key(&self.schema)),
            ("template", StageType::Report, key(&self.template)),
        ];
        for (key, owner, place) in keys {
            if let Some(place) = place
                && owner != self.r#type
            {
                let message =
                    format!("The key \"{key}\" belongs to stages of type \"{}\", not \"{}\"", owner.as_str(), self.r#type.as_str());
                return Err(invalid(place, message));
            }
        }
        Ok(())
    }
}

fn check_languages(languages: Spanned<Vec<String>>) -> Result<Vec<String>, PipelineMistake> {
    let place = place_of(&languages);
    let languages = languages.value;
    if languages.is_empty() || languages.len() > MAX_LANGUAGES {
        return Err(invalid(place, format!("\"languages\" lists 1 to {MAX_LANGUAGES} codes; this one lists {}", languages.len())));
    }
    match languages.iter().find(|l| !is_language_code(l)) {
        Some(bad) => Err(invalid(place, format!("\"{}\" is no language code such as eng, deu or chi_sim", shorten(bad)))),
        None => Ok(languages),
    }
}

fn check_fields(fields: Spanned<Vec<RawField>>) -> Result<Vec<FieldRule>, PipelineMistake> {
    let place = place_of(&fields);
    if fields.value.is_empty() || fields.value.len() > MAX_FIELDS {
        return Err(invalid(place, format!("\"fields\" lists 1 to {MAX_FIELDS} fields; this one lists {}", fields.value.len())));
    }
    let mut rules: Vec<FieldRule> = Vec::with_capacity(fields.value.len());
    for field in fields.value {
        let place = place_of(&field.name);
        let name = field.name.value;
        let good = !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !good {
            return Err(invalid(
                place,
                format!("The field name \"{}\" is not made of 1 to 64 lower-case letters, digits and underscores", shorten(&name)),
            ));
        }
        let place = place_of(&field.pattern);
        let pattern = field.pattern.value;
        compile_pattern(&pattern).map_err(|what| invalid(place, format!("The pattern of \"{name}\" is not usable: {what}")))?;
        rules.push(FieldRule { name, pattern, all: field.all });
    }
    Ok(rules)
}

fn place_of<T>(written: &Spanned<T>) -> Option<Place> {
    place(&written.referenced)
}

/// Line and column; the library says 0 where it does not know.
fn place(location: &Location) -> Option<Place> {
    (location.line() > 0).then(|| Place { line: location.line(), column: location.column().max(1) })
}

pub(crate) fn invalid(place: Option<Place>, message: String) -> PipelineMistake {
    PipelineMistake { code: Code::InvalidPipeline, place, message }
}

fn not_available(place: Option<Place>, stage: StageType) -> PipelineMistake {
    let message = format!("This version does not run stages of type \"{}\" yet", stage.as_str());
    PipelineMistake { code: Code::StageNotAvailable, place, message }
}

pub(crate) fn syntax(error: &serde_saphyr::Error) -> PipelineMistake {
    let text = error.without_snippet().to_string();
    let first = text.lines().next().unwrap_or("it is not YAML").to_owned();
    invalid(error.location().as_ref().and_then(place), shorten(&first))
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 200 { text.to_owned() } else { text.chars().take(200).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Plan;

    fn failure(yaml: &str) -> String {
        let f = PipelineFile::parse(yaml).unwrap_err();
        format!("{}: {}", f.code.as_str(), f.message)
    }

    #[test]
    fn the_built_in_pipelines_are_valid_and_the_first_is_the_default() {
        let names: Vec<String> = PipelineFile::BUILT_IN.iter().map(|yaml| PipelineFile::parse(yaml).unwrap().name).collect();
        assert_eq!(names, ["searchable-pdf", "fields"]);
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line() {
        let text = failure("name: x\nstages:\n  - type: ocr\n    langages: [eng]\n");
        assert!(text.starts_with("invalid_pipeline: Line 4:") && text.contains("langages"), "{text}");
        let text = failure("name: x\nstages:\n  - type: ocr\nowner: me\n");
        assert!(text.starts_with("invalid_pipeline: Line 4:") && text.contains("owner"), "{text}");
    }

    #[test]
    fn a_key_of_another_stage_type_is_an_error_with_its_line() {
        let text = failure("name: x\nstages:\n  - type: ocr\n    fields: []\n");
        assert_eq!(text, "invalid_pipeline: Line 4: The key \"fields\" belongs to stages of type \"parse\", not \"ocr\"");
    }

    #[test]
    fn a_mistake_has_its_line_and_column() {
        let place = |yaml: &str| PipelineFile::check(yaml).unwrap_err().place.map(|place| (place.line, place.column));
        assert_eq!(place("name: x\nstages:\n  - type: ocr\n    fields: []\n"), Some((4, 13)));
        assert_eq!(place("name: X\nstages:\n  - type: ocr\n"), Some((1, 7)));
        assert_eq!(place("name: x\nstages:\n  - type: ocr\n  - type: report\n    template: t\n").map(|at| at.0), Some(4));
        assert_eq!(place("name: x\nstages:\n  - type: ocr\n    langages: [eng]\n").map(|at| at.0), Some(4));
        let mistake = PipelineFile::check("name: X\nstages:\n  - type: ocr\n").unwrap_err();
        assert!(mistake.message.starts_with("The name \"X\""), "the place is told apart: {}", mistake.message);
        assert!(mistake.failure().message.starts_with("Line 1: The name"));
    }

    #[test]
    fn a_bad_pattern_is_an_error_with_its_line() {
        let text = failure("name: x\nstages:\n  - type: ocr\n  - type: parse\n    fields:\n      - name: a\n        pattern: '('\n");
        assert!(text.starts_with("invalid_pipeline: Line 7: The pattern of \"a\" is not usable:"), "{text}");
        let text =
            failure("name: x\nstages:\n  - type: ocr\n  - type: parse\n    fields:\n      - {name: a, pattern: '((a{100}){100}){100}'}\n");
        assert!(text.starts_with("invalid_pipeline: Line 6:"), "{text}");
    }

    #[test]
    fn a_stage_that_does_not_run_yet_parses_but_is_not_available() {
        let yaml = "name: x\nstages:\n  - type: ocr\n  - type: ai\n    prompt: invoice\n    schema: {type: object}\n";
        assert!(PipelineFile::parse_with_future_stages(yaml).is_ok());
        assert!(failure(yaml).starts_with("stage_not_available:"));
    }

    #[test]
    fn a_name_is_never_mistaken_for_an_id() {
        assert!(failure("name: 019b76da-a800-7000-8000-000000000001\nstages:\n  - type: ocr\n").contains("looks like an id"));
    }

    #[test]
    fn the_engine_is_one_of_ours_and_never_an_address() {
        let engine =
            |line: &str| PipelineFile::parse(&format!("name: x\nstages:\n  - type: ocr\n{line}")).map(|file| file.stages[0].engine());
        assert_eq!(engine("").unwrap(), Some(EngineKind::Tesseract));
        assert_eq!(engine("    engine: http\n").unwrap(), Some(EngineKind::Http));
        for bad in ["https://example.org/ocr", "{http: 'https://example.org'}", "shell"] {
            let failure = engine(&format!("    engine: {bad}\n")).unwrap_err();
            assert!(failure.message.starts_with("Line 4:"), "{failure}");
        }
        let foreign = failure("name: x\nstages:\n  - type: ocr\n  - type: parse\n    engine: http\n    fields: []\n");
        assert!(foreign.starts_with("invalid_pipeline: Line 5: The key \"engine\" belongs to stages of type \"ocr\""), "{foreign}");
        let plan = r#"{"type":"ocr","languages":["eng"],"mode":"auto","on_page_error":"fail"}"#;
        let earlier: Stage = serde_json::from_str(plan).unwrap();
        assert_eq!(earlier.engine(), Some(EngineKind::Tesseract), "plans of earlier versions");
    }

    #[test]
    fn a_language_is_never_a_path() {
        assert!(failure("name: x\nstages:\n  - type: ocr\n    languages: ['../../etc']\n").contains("no language code"));
    }

    #[test]
    fn a_plan_fills_in_the_organizations_languages() {
        let pipeline = PipelineFile::parse(PipelineFile::BUILT_IN[0]).unwrap();
        let plan = pipeline.plan(0, &["deu".to_owned()]);
        let Stage::Ocr(ocr) = &plan.stages[0] else { panic!("the first stage is ocr") };
        assert_eq!(ocr.languages, ["deu"]);
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    }

    #[test]
    fn the_schema_names_every_key() {
        let schema = PipelineFile::json_schema().to_string();
        for key in ["languages", "on_page_error", "signed", "pattern", "template"] {
            assert!(schema.contains(key), "{key}");
        }
    }
}
