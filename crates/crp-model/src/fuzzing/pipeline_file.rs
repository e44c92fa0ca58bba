//! The pipeline file from any bytes: a pipeline that can be planned and stored, or a code and a short sentence that says why not.

use crate::{Code, PipelineFile, Plan};

/// Longest explanation of what is wrong with a file.
const MAX_MESSAGE_CHARACTERS: usize = 1000;

pub(super) fn run(data: &[u8]) {
    let Ok(yaml) = std::str::from_utf8(data) else { return };
    let with_future_stages = PipelineFile::parse_with_future_stages(yaml);
    match PipelineFile::parse(yaml) {
        Ok(file) => {
            assert_eq!(with_future_stages.as_ref(), Ok(&file));
            let plan = file.plan(1, &["eng".to_owned()]);
            let stored = serde_json::to_string(&plan).expect("a plan is JSON");
            assert_eq!(serde_json::from_str::<Plan>(&stored).expect("a stored plan is a plan"), plan);
        }
        Err(failure) => {
            assert!(matches!(failure.code, Code::InvalidPipeline | Code::StageNotAvailable), "{failure:?}");
            assert_eq!(with_future_stages.is_ok(), failure.code == Code::StageNotAvailable, "{failure:?}");
            assert!(failure.message.chars().count() <= MAX_MESSAGE_CHARACTERS, "{failure:?}");
        }
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let all_keys = "name: everything\nstages:\n  - type: ocr\n    languages: [eng, deu_latf]\n    mode: force\n    engine: http\n    \
                    on_page_error: continue\n    signed: change\n  - type: parse\n    fields:\n      - name: total\n        \
                    pattern: 'Total:?\\s+(?P<value>\\d+[.,]\\d{2})'\n        all: true\n";
    let future = "name: x\nstages:\n  - type: ocr\n  - type: ai\n    prompt: invoice\n    schema: {type: object, required: [a, 1, null]}\n  \
                  - {type: report, template: letter}\n";
    let anchors = "name: &a x\nstages: &s\n  - &o {type: ocr}\n  - {type: parse, fields: [{name: a, pattern: '((a{10}){10}){10}'}]}\n";
    let odd = "%YAML 1.2\n---\n\"name\": !!str x\n? stages\n: - type: |-\n    ocr\n  # a comment\n...\n";
    let mut seeds: Vec<Vec<u8>> =
        PipelineFile::BUILT_IN.iter().chain([&all_keys, &future, &anchors, &odd]).map(|s| s.as_bytes().to_vec()).collect();
    // Deeper than any stack, if nobody counts.
    seeds.push(format!("name: x\nstages:\n  - type: ocr\n  - type: ai\n    prompt: x\n    schema: {}", "[".repeat(60_000)).into_bytes());
    seeds.push(format!("name: x\nstages: {}{}\n", "[".repeat(30_000), "]".repeat(30_000)).into_bytes());
    seeds
}
