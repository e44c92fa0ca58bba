//! Whether a PDF lacks its end, and with it pages or parts of them.

use crp_model::{Failure, PageNo};
use hayro::hayro_syntax::{
    Pdf,
    object::{Array, Dict, Stream},
    page::Page,
};

use crate::document::failures::broken_off;

/// The end mark stands in so many last bytes, by the readers' custom.
const END_BYTES: usize = 1024;
const END_MARK: &[u8] = b"%%EOF";

/// Refuses a file without an end whose pages are not all there; a reader would rebuild what is left and nobody would notice.
/// A file without an end mark that is otherwise whole passes.
///
/// # Errors
/// `damaged_file`.
pub(crate) fn refuse_what_is_lost(bytes: &[u8], pdf: &Pdf) -> Result<(), Failure> {
    if has_end_mark(bytes) {
        return Ok(());
    }
    let found = pdf.pages().len();
    let Some(promised) = promised_pages(pdf) else {
        return Err(broken_off("the list of its pages is missing"));
    };
    if promised > found {
        return Err(broken_off(format_args!("it should have {promised} pages, {found} are there")));
    }
    match pdf.pages().iter().position(lacks_parts) {
        Some(index) => Err(broken_off(format_args!("page {} is not complete", PageNo::from_index(index)))),
        None => Ok(()),
    }
}

/// Whether the file ends as a PDF does. Copying from tapes and disks adds blanks and NULs behind the end.
fn has_end_mark(bytes: &[u8]) -> bool {
    let end = bytes.iter().rposition(|b| !matches!(b, b'\0' | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')).map_or(0, |last| last + 1);
    let tail = &bytes[end.saturating_sub(END_BYTES)..end];
    tail.windows(END_MARK.len()).any(|window| window == END_MARK)
}

/// How many pages the root of the page tree promises.
fn promised_pages(pdf: &Pdf) -> Option<usize> {
    let catalog = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id())?;
    let count = catalog.get::<Dict<'_>>(b"Pages")?.get::<i32>(b"Count")?;
    usize::try_from(count).ok()
}

/// Whether the page names contents or pictures that are not in the file.
fn lacks_parts(page: &Page<'_>) -> bool {
    let (dictionary, pictures) = (page.raw(), &page.resources().x_objects);
    let has_contents = match dictionary.get::<Array<'_>>(b"Contents") {
        Some(parts) => parts.iter::<Stream<'_>>().count() == parts.raw_iter().count(),
        None => !dictionary.contains_key(b"Contents") || dictionary.get::<Stream<'_>>(b"Contents").is_some(),
    };
    !has_contents || pictures.keys().any(|name| pictures.get::<Stream<'_>>(name).is_none())
}
