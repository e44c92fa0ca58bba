//! Any answer of an endpoint: words that stand on the picture and can be sent to the child, or a short sentence about it.

use crp_model::PageNo;

use super::answer;
use crate::{engine::GrayPicture, fuzzing::sent, protocol::Request};

/// The first bytes say how large the picture is; the rest is the answer.
const SIZE_BYTES: usize = 4;
/// Longest sentence; it goes into a message that people read.
const MAX_SENTENCE_BYTES: usize = 300;

/// Reads an answer.
pub(crate) fn run(data: &[u8]) {
    let Some((&[a, b, c, d], body)) = data.split_first_chunk::<SIZE_BYTES>() else { return };
    let side = |low, high| u32::from(u16::from_le_bytes([low, high])).max(1);
    let picture = GrayPicture { width: side(a, b), height: side(c, d), gray: &[], dots_per_inch: 300, page: PageNo::from_index(0) };
    match answer::read(body, &picture) {
        Ok(recognised) => {
            recognised.check(&picture).expect("what is taken passes the check of every engine");
            let Request::Recognised(Ok(arrived)) = sent(&Request::Recognised(Ok(recognised.clone()))) else { panic!("another request") };
            assert_eq!(arrived, recognised);
        }
        Err(sentence) => assert!(sentence.len() <= MAX_SENTENCE_BYTES, "{sentence}"),
    }
}

/// Answers of every kind about a picture of 200 × 100 pixels.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let words = r#"{"protocol":1,"words":[{"text":"one","confidence":0.5,"box":[10,10,30,20]},{"text":"zwei","confidence":1,"box":[-1,12.5,201.5,22]},
                   {"text":"三","confidence":0,"box":[10,60,30,70]}]}"#;
    let lines = r#"{"protocol":1,"model":"x","words":[{"text":"a","confidence":1,"box":[-1,0,10,9.5]},{"text":"b","confidence":0,"box":[20,0,30,10]}],
                   "lines":[{"first_word":0,"word_count":1,"baseline":[0,8,10,9.4]},{"first_word":1,"word_count":1,"block":1,"paragraph":1,"box":[15,0,200,12]}]}"#;
    [words, lines, r#"{"protocol":1,"words":[]}"#, r#"{"protocol":2,"words":[],"lines":null}"#, "[]"]
        .map(|body| [&[200, 0, 100, 0], body.as_bytes()].concat())
        .to_vec()
}
