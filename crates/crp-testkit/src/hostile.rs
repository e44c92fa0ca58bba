//! Hostile and broken documents: small files that crash, fill, stall or mislead careless readers.
//!
//! [`all`] is the table of all of them; what tests need one by one has a function of its own.

mod active;
mod bombs;
mod cross_references;
mod drawing;
mod files;
mod fonts;
mod jpeg;
mod one_page;
mod packing;
mod pictures;
mod png;
mod structures;
mod table;
mod tiff;

pub use self::{
    bombs::{flate_bomb_content, flate_bomb_image, flate_bomb_object_stream},
    drawing::{deep_arrays, recursive_forms},
    files::{
        damaged, damaged_images, empty, encrypted, encrypted_without_password, jpeg_and_pdf, not_a_document, plain_zip, truncated,
        zip_and_pdf,
    },
    png::huge_png,
    structures::{no_pages, page_of_two_kilometres, page_tree_loop, pages_without_contents},
    table::{HostileFile, all},
    tiff::{tiff_with_looping_directories, tiff_with_many_directories},
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_many_all_of_them_different_and_none_is_large() {
        let files = all("127.0.0.1:1");
        assert!(files.len() >= 60, "{}", files.len());
        let names: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names.len(), files.len(), "every name is used once");
        let mut kinds = BTreeSet::new();
        for file in &files {
            let bytes = file.bytes();
            assert!(bytes.len() < 8 * 1024 * 1024, "{}: {} bytes", file.name, bytes.len());
            assert!(!file.attacks.is_empty() && (file.name == "empty.pdf") == bytes.is_empty(), "{}", file.name);
            assert!(kinds.insert(bytes), "{} is a copy of another", file.name);
        }
    }

    #[test]
    fn the_encrypted_ones_are_encrypted_and_only_one_opens_without_a_password() {
        assert!(lopdf::Document::load_mem(&encrypted("secret")).unwrap().is_encrypted());
        let mut open = lopdf::Document::load_mem(&encrypted_without_password()).unwrap();
        assert!(!open.is_encrypted() || open.decrypt("").is_ok());
    }

    #[test]
    fn the_huge_png_is_a_true_png() {
        for side in [64, 2000] {
            let small = image::load_from_memory(&huge_png(side)).unwrap().into_luma8();
            assert_eq!(small.dimensions(), (side, side));
            assert!(small.as_raw().iter().all(|pixel| *pixel == 255));
        }
    }

    #[test]
    fn what_calls_names_the_one_who_listens() {
        for file in all("192.0.2.7:4711").iter().filter(|file| file.name.starts_with("call-")) {
            assert!(file.bytes().windows(14).any(|window| window == b"192.0.2.7:4711"), "{}", file.name);
        }
    }
}
