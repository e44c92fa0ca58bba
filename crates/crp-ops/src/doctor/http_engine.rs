//! Whether the engine behind HTTP that the operator has named reads a picture as the protocol says.

use crp_ocr::{HttpEngine, HttpProbe};

use super::Check;

const NAME: &str = "http_engine";

/// A small picture is sent once; nothing else tells whether documents would be read.
pub(super) async fn check(engine: &HttpEngine) -> Check {
    match engine.probe().await {
        Ok(probe) => Check::ok(NAME, told(&probe)),
        Err(failure) => Check::failed(NAME, &failure),
    }
}

fn told(HttpProbe { url, took, read_the_word }: &HttpProbe) -> String {
    let seconds = took.as_secs_f64();
    // An engine that answers the same to everything is a fine start; that it does should be seen.
    let word = if *read_the_word { "it read the word on the test picture" } else { "but it did not read the word on the test picture" };
    format!("{url} answers as the protocol says, in {seconds:.1} seconds; {word}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_engine_that_reads_something_else_can_be_told_from_one_that_reads() {
        let of = |read_the_word| told(&HttpProbe { url: "http://[::1]/".to_owned(), took: Duration::from_millis(340), read_the_word });
        assert!(of(true).ends_with("in 0.3 seconds; it read the word on the test picture"), "{}", of(true));
        assert!(of(false).contains("did not read the word"), "{}", of(false));
    }
}
