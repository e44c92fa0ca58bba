//! Tesseract's handles as owned types: what is created here is freed here.
#![allow(unsafe_code, reason = "a C library is called through pointers found by name")]

use std::{
    ffi::{CStr, CString, OsString, c_char, c_int},
    ptr::{self, NonNull},
};

use super::capi::{Capi, LoadError, TessBaseAPI, TessPageIterator, TessResultIterator, copy};
use crate::engine::{GrayPicture, Segmentation};

/// Tesseract mistrusts resolutions outside these bounds and guesses one, with a complaint.
const DOTS_PER_INCH: std::ops::RangeInclusive<u32> = 70..=2400;

/// Which of Tesseract's recognisers runs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Recogniser {
    /// The neural network.
    Lstm = 1,
    /// Whatever the language data has.
    Any = 3,
}

/// Parts of a page that a walk can step over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Level {
    /// A block of paragraphs.
    Block = 0,
    /// A paragraph.
    Paragraph = 1,
    /// A line.
    Line = 2,
    /// A word.
    Word = 3,
}

/// The loaded library.
#[derive(Clone, Copy)]
pub(super) struct Tesseract(&'static Capi);

impl Tesseract {
    /// Loads the library; see [`Capi::load`].
    pub(super) fn load(path: Option<OsString>) -> Result<Self, LoadError> {
        Capi::load(path).map(Self)
    }

    /// Its version.
    pub(super) fn version(self) -> String {
        self.0.version()
    }

    /// An engine for `languages` (codes joined by `+`) with the data in a folder, or in the library's own; `None` if not one of them
    /// can be loaded.
    pub(super) fn start(self, languages: &str, recogniser: Recogniser, data_folder: Option<&CStr>) -> Option<Api> {
        let languages = CString::new(languages).ok()?;
        // SAFETY: creating an engine has no preconditions; null is checked.
        let handle = NonNull::new(unsafe { (self.0.TessBaseAPICreate)() })?;
        // From here on the engine is freed however this ends.
        let api = Api { capi: self.0, handle };
        let data_folder = data_folder.map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: the handle is live, a null data path means the library's own, the strings outlive the call.
        let answer = unsafe { (self.0.TessBaseAPIInit2)(handle.as_ptr(), data_folder, languages.as_ptr(), recogniser as c_int) };
        (answer == 0).then_some(api)
    }
}

/// A live engine.
pub(super) struct Api {
    capi: &'static Capi,
    handle: NonNull<TessBaseAPI>,
}

// SAFETY: the engine has no ties to the thread that made it; we never use it from two threads at once (it is not Sync).
unsafe impl Send for Api {}

impl Api {
    /// The version of the library.
    pub(super) fn version(&self) -> String {
        self.capi.version()
    }

    /// The folder of the language data.
    pub(super) fn data_path(&self) -> String {
        // SAFETY: the handle is live; the string stays the engine's and is copied at once.
        unsafe { copy((self.capi.TessBaseAPIGetDatapath)(self.handle.as_ptr())) }.unwrap_or_default()
    }

    /// The languages that were loaded.
    pub(super) fn loaded_languages(&self) -> Vec<String> {
        // SAFETY: the handle is live and initialised; the answer is a null-terminated array that is ours to free.
        unsafe { self.take_texts((self.capi.TessBaseAPIGetLoadedLanguagesAsVector)(self.handle.as_ptr())) }
    }

    /// The languages that are installed.
    pub(super) fn available_languages(&self) -> Vec<String> {
        // SAFETY: the handle is live and initialised; the answer is a null-terminated array that is ours to free.
        unsafe { self.take_texts((self.capi.TessBaseAPIGetAvailableLanguagesAsVector)(self.handle.as_ptr())) }
    }

    /// # Safety
    /// `texts` is null or a null-terminated array of C strings that the library gave away.
    unsafe fn take_texts(&self, texts: *mut *mut c_char) -> Vec<String> {
        let mut copies = Vec::new();
        if texts.is_null() {
            return copies;
        }
        // SAFETY: the caller vouches for the array; each element up to the null is a C string, and the whole is freed once.
        unsafe {
            let mut at = texts;
            while !(*at).is_null() {
                copies.extend(copy(*at));
                at = at.add(1);
            }
            (self.capi.TessDeleteTextArray)(texts);
        }
        copies
    }

    /// Recognises a picture and gives a walk over the result.
    ///
    /// # Errors
    /// A sentence for the failure's message.
    pub(super) fn recognise(&mut self, picture: &GrayPicture<'_>, segmentation: Segmentation) -> Result<Walk<'_>, &'static str> {
        let GrayPicture { width, height, gray, .. } = *picture;
        let dots_per_inch = picture.dots_per_inch.clamp(*DOTS_PER_INCH.start(), *DOTS_PER_INCH.end());
        let (Ok(columns), Ok(rows), Ok(dpi)) = (c_int::try_from(width), c_int::try_from(height), c_int::try_from(dots_per_inch)) else {
            return Err("its picture is too large for the engine");
        };
        if columns == 0 || rows == 0 || gray.len() as u64 != u64::from(width) * u64::from(height) {
            return Err("its picture has another size than it says");
        }
        let (capi, handle) = (self.capi, self.handle.as_ptr());
        // SAFETY: the handle is live and initialised; the pixels are `width * height` bytes, one per pixel, rows without gaps
        // (checked above), and the engine copies them in SetImage; a null monitor means none.
        let iterator = unsafe {
            (capi.TessBaseAPISetPageSegMode)(handle, page_segmentation_mode(segmentation));
            (capi.TessBaseAPISetImage)(handle, gray.as_ptr(), columns, rows, 1, columns);
            (capi.TessBaseAPISetSourceResolution)(handle, dpi);
            if (capi.TessBaseAPIRecognize)(handle, ptr::null_mut()) != 0 {
                (capi.TessBaseAPIClear)(handle);
                return Err("the engine gave up on it");
            }
            (capi.TessBaseAPIGetIterator)(handle)
        };
        Ok(Walk::begin(self, NonNull::new(iterator)))
    }
}

/// The number of Tesseract's `--psm`.
fn page_segmentation_mode(segmentation: Segmentation) -> c_int {
    match segmentation {
        Segmentation::Automatic => 3,
        Segmentation::SingleBlock => 6,
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        // SAFETY: the handle is live and freed once.
        unsafe { (self.capi.TessBaseAPIDelete)(self.handle.as_ptr()) };
    }
}

/// A walk over the words of the page just recognised. When it ends, the engine forgets the page.
pub(super) struct Walk<'api> {
    api: &'api Api,
    /// `None` for a page on which nothing was found.
    iterators: Option<(NonNull<TessResultIterator>, *const TessPageIterator)>,
}

impl<'api> Walk<'api> {
    fn begin(api: &'api Api, iterator: Option<NonNull<TessResultIterator>>) -> Self {
        let iterators = iterator.map(|iterator| {
            // SAFETY: the iterator is live; its page iterator is a view into it and lives as long.
            let page = unsafe { (api.capi.TessResultIteratorGetPageIterator)(iterator.as_ptr()) };
            if !page.is_null() {
                // SAFETY: `page` is live, see above.
                unsafe { (api.capi.TessPageIteratorBegin)(page) };
            }
            (iterator, page.cast_const())
        });
        Self { api, iterators: iterators.filter(|(_, page)| !page.is_null()) }
    }

    /// The word at which the walk stands; `None` between words and on an empty page.
    pub(super) fn word(&self) -> Option<String> {
        let (iterator, _) = self.iterators?;
        // SAFETY: the iterator is live; the text is ours to free and is copied before.
        unsafe {
            let text = (self.api.capi.TessResultIteratorGetUTF8Text)(iterator.as_ptr(), Level::Word as c_int);
            let copied = copy(text);
            if !text.is_null() {
                (self.api.capi.TessDeleteText)(text);
            }
            copied
        }
    }

    /// How sure the engine is of the word, in percent.
    pub(super) fn confidence_percent(&self) -> f32 {
        // SAFETY: the iterator is live.
        self.iterators
            .map_or(0.0, |(iterator, _)| unsafe { (self.api.capi.TessResultIteratorConfidence)(iterator.as_ptr(), Level::Word as c_int) })
    }

    /// Whether the word is the first of its block, paragraph or line.
    pub(super) fn is_first_of(&self, level: Level) -> bool {
        // SAFETY: the page iterator lives as long as the iterator.
        self.iterators.is_some_and(|(_, page)| unsafe { (self.api.capi.TessPageIteratorIsAtBeginningOf)(page, level as c_int) != 0 })
    }

    /// The box `[left, top, right, bottom]` around the word or its line, in pixels.
    pub(super) fn bounds(&self, level: Level) -> Option<[i32; 4]> {
        self.four(level, |capi| capi.TessPageIteratorBoundingBox)
    }

    /// Two points `[x0, y0, x1, y1]` of the baseline of the word or its line, in pixels.
    pub(super) fn baseline(&self, level: Level) -> Option<[i32; 4]> {
        self.four(level, |capi| capi.TessPageIteratorBaseline)
    }

    #[allow(clippy::type_complexity, reason = "the type of a C function is what it is")]
    fn four(
        &self,
        level: Level,
        function: fn(
            &Capi,
        ) -> unsafe extern "C-unwind" fn(
            *const TessPageIterator,
            c_int,
            *mut c_int,
            *mut c_int,
            *mut c_int,
            *mut c_int,
        ) -> c_int,
    ) -> Option<[i32; 4]> {
        let (_, page) = self.iterators?;
        let [mut a, mut b, mut c, mut d] = [0; 4];
        // SAFETY: the page iterator lives as long as the iterator; the four numbers are ours.
        let found = unsafe { function(self.api.capi)(page, level as c_int, &raw mut a, &raw mut b, &raw mut c, &raw mut d) };
        (found != 0).then_some([a, b, c, d])
    }

    /// Steps to the next word; false at the end.
    pub(super) fn next(&mut self) -> bool {
        // SAFETY: the iterator is live.
        self.iterators
            .is_some_and(|(iterator, _)| unsafe { (self.api.capi.TessResultIteratorNext)(iterator.as_ptr(), Level::Word as c_int) != 0 })
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        let capi = self.api.capi;
        // SAFETY: the iterator is live and freed once; the engine is live and may forget the page once nothing walks over it.
        unsafe {
            if let Some((iterator, _)) = self.iterators.take() {
                (capi.TessResultIteratorDelete)(iterator.as_ptr());
            }
            (capi.TessBaseAPIClear)(self.api.handle.as_ptr());
        }
    }
}
