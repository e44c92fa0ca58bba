//! What fuzzing calls: this crate's readers and writers with any bytes, and what must hold whatever the bytes are. No part of
//! normal builds; see the module of the same name in `crp-model`.
//!
//! What a target does stands beside the code that it is about, in a file called `fuzzing.rs` too.

pub(crate) mod any_layout;
mod blame;
pub(crate) mod pdfs;
mod protocol;

pub(crate) use self::protocol::sent;

use crp_model::{Code, Failure, Limits, fuzzing::Target};

use self::blame::unforgiving;
use crate::{document, parent};

/// The targets of this crate.
pub const TARGETS: &[Target] = &[
    Target { name: "protocol", run: |data| unforgiving(|| protocol::run(data)), seeds: protocol::seeds },
    Target {
        name: "http_answer",
        run: |data| unforgiving(|| parent::fuzzing::http_answer(data)),
        seeds: parent::fuzzing::http_answer_seeds,
    },
    Target { name: "old_layer", run: |data| unforgiving(|| document::fuzzing::old_layer(data)), seeds: document::fuzzing::old_layer_seeds },
    Target { name: "overlay", run: |data| unforgiving(|| document::fuzzing::overlay(data)), seeds: any_layout::seeds },
    Target { name: "pdf_file", run: |data| unforgiving(|| document::fuzzing::pdf_file(data)), seeds: pdfs::all },
    Target { name: "raster", run: |data| unforgiving(|| document::fuzzing::raster(data)), seeds: document::fuzzing::raster_seeds },
];

/// Reads `data` with the target of this crate that is called `name`.
///
/// # Panics
/// If there is none of that name, and where something does not hold that must.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this crate");
    (target.run)(data);
}

/// Limits under which every target ends soon.
pub(crate) fn limits() -> Limits {
    Limits { max_pages: 8, max_page_megapixels: 1, max_child_memory_mebibytes: 64, ..Limits::default() }
}

/// A result whose failure is one of the document's: a defect of ours panics.
pub(crate) fn told<T>(result: Result<T, Failure>) -> Option<T> {
    result.map_err(|failure| assert_ne!(failure.code, Code::Internal, "{failure}")).ok()
}

#[cfg(test)]
mod tests {
    use crp_model::fuzzing::rehearse;

    use super::*;

    fn rehearsed(name: &str, mutations: usize) {
        let times = std::env::var("CRP_FUZZ_TIMES").map_or(1, |times| times.parse().unwrap());
        rehearse(TARGETS.iter().find(|target| target.name == name).unwrap(), mutations * times);
    }

    #[test]
    fn any_frame_is_a_message_or_refused_and_what_is_believed_can_be_used() {
        rehearsed("protocol", 2000);
    }

    #[test]
    fn any_answer_of_an_endpoint_is_words_on_the_picture_or_refused() {
        rehearsed("http_answer", 3000);
    }

    #[test]
    fn what_is_visible_stays_when_old_text_is_cut_out_of_any_content() {
        rehearsed("old_layer", 3000);
    }

    #[test]
    fn any_words_can_be_written_over_any_of_our_pages() {
        rehearsed("overlay", 300);
    }

    #[test]
    fn a_text_layer_on_a_damaged_pdf_leaves_its_pages_as_they_were() {
        rehearsed("pdf_file", 300);
    }

    #[test]
    fn pictures_of_any_bytes_are_refused_or_have_all_their_pixels() {
        rehearsed("raster", 1500);
    }

    #[test]
    fn every_target_is_a_fuzz_target_and_every_fuzz_target_is_one_of_ours() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let names = TARGETS.iter().chain(crp_model::fuzzing::TARGETS).map(|target| format!("{}.rs", target.name));
        assert_eq!(files.collect::<std::collections::BTreeSet<_>>(), names.collect());
    }

    #[test]
    fn a_panic_of_ours_is_found_though_it_was_caught() {
        let found = std::panic::catch_unwind(|| {
            unforgiving(|| drop(std::panic::catch_unwind(|| panic!("on purpose"))));
        });
        assert!(found.is_err());
        unforgiving(|| ());
    }
}
