//! Which stages run: the pipeline file, else the built-in one, with the languages of the command line.

use std::path::Path;

use crp_model::{
    Code, Failure, PipelineFile, Plan, Stage,
    pipeline::{MAX_LANGUAGES, MAX_PIPELINE_BYTES, is_language_code},
};

/// Reads the pipeline; `languages` (`eng+deu`) win over those of the file.
pub(super) fn read(file: Option<&Path>, languages: Option<&str>) -> Result<Plan, Failure> {
    let mut pipeline = match file {
        None => PipelineFile::parse(PipelineFile::BUILT_IN[0])?,
        Some(path) => PipelineFile::parse(&text_of(path)?).map_err(|mut failure| {
            failure.message = format!("{}: {}", path.display(), failure.message);
            failure
        })?,
    };
    if let Some(languages) = languages {
        let languages = parse_languages(languages)?;
        for stage in &mut pipeline.stages {
            if let Stage::Ocr(ocr) = stage {
                ocr.languages.clone_from(&languages);
            }
        }
    }
    Ok(pipeline.plan(0, &[]))
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::new(Code::FileAccess, format!("The pipeline {} cannot be read: {error}", path.display()));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.len() > MAX_PIPELINE_BYTES as u64 {
        let message = format!("{} has {} bytes; a pipeline has at most {MAX_PIPELINE_BYTES}", path.display(), metadata.len());
        return Err(Failure::new(Code::InvalidPipeline, message));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| Failure::new(Code::InvalidPipeline, format!("{} is no UTF-8 text", path.display())))
}

fn parse_languages(text: &str) -> Result<Vec<String>, Failure> {
    let languages: Vec<String> = text.split('+').map(str::to_owned).collect();
    let bad = languages.iter().find(|code| !is_language_code(code));
    match bad {
        Some(bad) => {
            let message = format!("-l {text}: \"{bad}\" is no language code such as eng, deu or chi_sim");
            Err(Failure::new(Code::InvalidConfiguration, message).with_remedy("Join Tesseract's codes with +, for example: -l eng+deu"))
        }
        None if languages.len() > MAX_LANGUAGES => {
            Err(Failure::new(Code::InvalidConfiguration, format!("-l names {} languages; {MAX_LANGUAGES} are allowed", languages.len()))
                .with_remedy("Name only the languages that the documents are written in; each costs time on every word."))
        }
        None => Ok(languages),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_of_the_command_line_win_over_those_of_the_pipeline() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("p.yaml");
        std::fs::write(&file, "name: x\nstages:\n  - type: ocr\n    languages: [fra]\n").unwrap();
        let languages = |plan: Plan| match &plan.stages[0] {
            Stage::Ocr(ocr) => ocr.languages.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(languages(read(Some(&file), Some("eng+deu")).unwrap()), ["eng", "deu"]);
        assert_eq!(languages(read(Some(&file), None).unwrap()), ["fra"]);
        assert_eq!(languages(read(None, None).unwrap()), ["eng"]);
    }

    #[test]
    fn a_language_is_never_a_path_and_never_empty() {
        for bad in ["", "eng+", "../eng", "eng deu", "eng++deu"] {
            assert_eq!(read(None, Some(bad)).unwrap_err().code.exit_code(), 2, "{bad}");
        }
    }
}
