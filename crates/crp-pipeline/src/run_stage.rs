//! Runs a whole stage on the pages that the OCR stage left, behind a panic guard.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crp_model::{ArtifactKind, Code, Failure, PageLayout, Stage};

use crate::{ArtifactFile, StageOutput, Workspace, stages::ocr::write_failure, stages::parse::Parser};

/// Where a stage's pages come from, one at a time, in order.
#[allow(async_fn_in_trait, reason = "the callers are ours and name the type")]
pub trait StageInput: Send {
    /// The next page, `None` after the last.
    fn next_page(&mut self) -> impl Future<Output = Result<Option<PageLayout>, Failure>> + Send;
}

/// Runs one stage that works on the text of all pages. The OCR stage is run page by page through [`crate::stages::ocr`].
///
/// # Errors
/// Why the stage failed; a panic in it is an internal failure, not the end of the worker.
pub async fn run_stage(stage: &Stage, workspace: &Workspace, input: &mut impl StageInput) -> Result<StageOutput, Failure> {
    match stage {
        Stage::Parse(settings) => {
            let mut parser = Parser::new(settings)?;
            while let Some(page) = input.next_page().await? {
                guard(|| parser.page(&page))?;
            }
            write_fields(workspace, parser)
        }
        Stage::Ocr(_) => Err(Failure::new(Code::Internal, "The OCR stage runs page by page, not as a whole")),
        Stage::Ai { .. } | Stage::Report { .. } => Err(Failure::new(
            Code::StageNotAvailable,
            format!("This version does not run stages of type \"{}\" yet", stage.stage_type().as_str()),
        )),
    }
}

fn write_fields(workspace: &Workspace, parser: Parser) -> Result<StageOutput, Failure> {
    let fields = parser.finish();
    let path = workspace.scratch_file("fields.json");
    let json = serde_json::to_vec_pretty(&serde_json::json!({ "fields": fields }))
        .map_err(|error| Failure::new(Code::Internal, format!("The fields cannot be written: {error}")))?;
    std::fs::write(&path, json).map_err(|error| write_failure(&path, &error))?;
    Ok(StageOutput { artifacts: vec![ArtifactFile { kind: ArtifactKind::Fields, path }], warnings: Vec::new(), fields })
}

/// A panic becomes a failure.
fn guard<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Failure::new(Code::Internal, "A stage stopped because of a defect in crPipeline")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_stage_is_a_failure() {
        let failure = guard::<()>(|| panic!("boom")).unwrap_err();
        assert_eq!(failure.code, Code::Internal);
    }
}
