//! Files that lost a part of themselves: what is missing is told, never passed over.

use crp_model::{Code, Failure, MediaType, labels::WarningKind};

use super::bench::{layout, open_bytes, page};

/// Two scanned pages, each one JPEG, in the order of the page tree.
static LETTER: &[u8] = include_bytes!("../../../../../examples/documents/letter.pdf");

fn open_letter(bytes: &[u8]) -> Result<usize, Failure> {
    open_bytes(bytes, MediaType::Pdf)?.inspect().map(|inspection| inspection.pages.len())
}

fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|window| window == what).unwrap()
}

#[test]
fn a_pdf_broken_off_before_its_last_page_is_whole_is_refused() {
    for per_mille in [2, 10, 300, 520, 530, 600, 900, 990] {
        let cut = &LETTER[..LETTER.len() * per_mille / 1000];
        let failure = open_letter(cut).expect_err("what is missing must be told");
        assert_eq!(failure.code, Code::DamagedFile, "{per_mille} ‰: {failure}");
        assert!(failure.message.contains("broken off"), "{per_mille} ‰: {failure}");
    }
    let failure = open_letter(&LETTER[..LETTER.len() * 3 / 10]).unwrap_err();
    assert!(failure.message.contains("should have 2 pages, 1 are there"), "{failure}");
}

#[test]
fn a_pdf_that_lacks_its_end_mark_alone_is_read_whole() {
    assert_eq!(open_letter(LETTER).unwrap(), 2);
    let table = LETTER.windows(5).rposition(|window| window == b"xref\n").unwrap();
    for end in [find(LETTER, b"%%EOF"), table, find(LETTER, b"\nxref\n")] {
        assert_eq!(open_letter(&LETTER[..end]).unwrap(), 2, "cut at {end}");
    }
}

#[test]
fn an_end_mark_before_blanks_and_nuls_is_an_end() {
    let one_lost = find(LETTER, b"6 0 R]");
    let mut bytes = LETTER.to_vec();
    // A page that the tree counts and nobody finds: odd, but the file has its end.
    bytes[one_lost] = b'9';
    bytes.extend_from_slice(&[0; 5000]);
    bytes.extend_from_slice(b"\r\n  ");
    assert_eq!(open_letter(&bytes).unwrap(), 1);
}

#[test]
fn a_picture_that_cannot_be_decoded_is_told_for_its_page_alone() {
    let mut bytes = LETTER.to_vec();
    let start = find(&bytes, b"\xff\xd8\xff");
    bytes[start..start + 100_000].fill(0xA5);
    let document = open_bytes(&bytes, MediaType::Pdf).unwrap();
    let told = |number| {
        let drawn = document.render_gray(page(number)).unwrap();
        let kinds: Vec<WarningKind> = drawn.warnings.iter().map(|w| w.code.0).collect();
        (kinds, drawn.picture.gray.iter().all(|sample| *sample == 255))
    };
    assert_eq!(told(1), (vec![WarningKind::PictureUnreadable], true));
    assert_eq!(told(2), (vec![], false));
}

#[test]
fn a_page_that_lacks_its_picture_and_has_no_words_is_lost() {
    let mut bytes = LETTER.to_vec();
    let start = find(&bytes, b"\xff\xd8\xff");
    bytes[start..start + 100_000].fill(0xA5);
    let document = open_bytes(&bytes, MediaType::Pdf).unwrap();
    let read = |number, words: &[(&str, f32, f32)]| {
        let drawn = document.render_gray(page(number)).unwrap();
        drawn.refuse_if_lost(&layout(page(number), (595.2, 841.92), 10.0, words))
    };
    let failure = read(1, &[]).unwrap_err();
    assert_eq!(failure.code, Code::PageFailed);
    assert!(!failure.retryable, "the picture does not heal");
    read(1, &[("stamp", 10.0, 10.0)]).unwrap();
    read(2, &[]).unwrap();
}

/// Opens and draws an image file.
fn drawn(bytes: &[u8], media: MediaType) -> Result<(), Failure> {
    open_bytes(bytes, media)?.render_gray(page(1)).map(drop)
}

#[test]
fn an_image_file_that_is_damaged_or_broken_off_is_refused() {
    let start = find(LETTER, b"\xff\xd8\xff");
    let jpeg = &LETTER[start..start + 107_764];
    let mut png = Vec::new();
    let noise: Vec<u8> = (0..300u32 * 300).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let gray = image::GrayImage::from_raw(300, 300, noise).unwrap();
    gray.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    let mut tiff = Vec::new();
    gray.write_to(&mut std::io::Cursor::new(&mut tiff), image::ImageFormat::Tiff).unwrap();
    for (whole, media) in [(jpeg, MediaType::Jpeg), (&png[..], MediaType::Png), (&tiff[..], MediaType::Tiff)] {
        drawn(whole, media).unwrap();
        for percent in [5, 30, 60, 90] {
            let failure = drawn(&whole[..whole.len() * percent / 100], media).expect_err(&format!("{media:?} cut at {percent} %"));
            assert!(matches!(failure.code, Code::DamagedFile | Code::PageFailed), "{media:?} cut at {percent} %: {failure}");
        }
    }
}
