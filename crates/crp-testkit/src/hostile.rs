//! Hostile and broken documents: small files that crash, fill or stall careless readers.

mod bombs;
mod files;
mod structures;

pub use self::{
    bombs::{flate_bomb_content, flate_bomb_image, flate_bomb_object_stream, huge_png},
    files::{
        damaged, damaged_images, empty, encrypted, encrypted_without_password, jpeg_and_pdf, not_a_document, plain_zip,
        tiff_with_looping_directories, tiff_with_many_directories, truncated, zip_and_pdf,
    },
    structures::{deep_arrays, no_pages, page_of_two_kilometres, page_tree_loop, pages_without_contents, recursive_forms},
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_of_the_files_is_large() {
        let files = [
            damaged(),
            damaged_images(),
            encrypted("secret"),
            encrypted_without_password(),
            jpeg_and_pdf(),
            plain_zip(),
            zip_and_pdf(),
            tiff_with_many_directories(),
            tiff_with_looping_directories(),
            truncated(0.5),
            flate_bomb_content(),
            flate_bomb_image(),
            flate_bomb_object_stream(),
            huge_png(30_000),
            deep_arrays(),
            page_of_two_kilometres(),
            pages_without_contents(10_000),
            recursive_forms(),
            page_tree_loop(),
            no_pages(),
        ];
        for file in files {
            assert!(!file.is_empty() && file.len() < 8 * 1024 * 1024, "{} bytes", file.len());
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
        let small = image::load_from_memory(&huge_png(64)).unwrap();
        assert_eq!((small.width(), small.height()), (64, 64));
    }

    #[test]
    fn the_bomb_unpacks_to_what_it_promises() {
        use std::io::Read as _;
        let packed = bombs::zeros_packed(3);
        let mut unpacked = Vec::new();
        flate2::read::ZlibDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked.len(), 3 * bombs::BLOCK_BYTES);
        assert!(unpacked.iter().all(|b| *b == 0));
    }
}
