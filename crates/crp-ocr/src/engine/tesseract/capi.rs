//! The functions of Tesseract's C interface that we call, found in its library at run time.
//!
//! Signatures follow `tesseract/capi.h`, the same in Tesseract 4 and 5; only documented functions are used.
#![allow(unsafe_code, reason = "a C library is called through pointers found by name")]
#![allow(non_snake_case, reason = "the fields carry the names of the C functions")]

use std::{
    ffi::{CStr, OsStr, OsString, c_char, c_float, c_int, c_uchar},
    marker::{PhantomData, PhantomPinned},
};

use libloading::Library;

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident),*) => { $(
        $(#[$doc])*
        #[repr(C)]
        pub(super) struct $name { _bytes: [u8; 0], _not_ours: PhantomData<(*mut u8, PhantomPinned)> }
    )* };
}

opaque! {
    /// An engine.
    TessBaseAPI,
    /// A walk over the results.
    TessResultIterator,
    /// The part of a walk that knows places.
    TessPageIterator,
    /// A progress monitor; we pass none.
    EtextDesc
}

macro_rules! capi {
    ($($name:ident($($argument:ty),*) $(-> $answer:ty)?;)*) => {
        /// Pointers to the functions, valid as long as the process lives: the library is never unloaded.
        pub(super) struct Capi { $(pub(super) $name: unsafe extern "C-unwind" fn($($argument),*) $(-> $answer)?,)* }

        impl Capi {
            fn find(library: &'static Library) -> Result<Self, libloading::Error> {
                // SAFETY: each name is a function of capi.h with exactly this signature; the library is never unloaded.
                unsafe { Ok(Self { $($name: *library.get(concat!(stringify!($name), "\0").as_bytes())?,)* }) }
            }
        }
    };
}

capi! {
    TessVersion() -> *const c_char;
    TessDeleteText(*const c_char);
    TessDeleteTextArray(*mut *mut c_char);
    TessBaseAPICreate() -> *mut TessBaseAPI;
    TessBaseAPIDelete(*mut TessBaseAPI);
    TessBaseAPIInit2(*mut TessBaseAPI, *const c_char, *const c_char, c_int) -> c_int;
    TessBaseAPIGetDatapath(*mut TessBaseAPI) -> *const c_char;
    TessBaseAPIGetLoadedLanguagesAsVector(*const TessBaseAPI) -> *mut *mut c_char;
    TessBaseAPIGetAvailableLanguagesAsVector(*const TessBaseAPI) -> *mut *mut c_char;
    TessBaseAPISetPageSegMode(*mut TessBaseAPI, c_int);
    TessBaseAPISetImage(*mut TessBaseAPI, *const c_uchar, c_int, c_int, c_int, c_int);
    TessBaseAPISetSourceResolution(*mut TessBaseAPI, c_int);
    TessBaseAPIRecognize(*mut TessBaseAPI, *mut EtextDesc) -> c_int;
    TessBaseAPIGetIterator(*mut TessBaseAPI) -> *mut TessResultIterator;
    TessBaseAPIClear(*mut TessBaseAPI);
    TessResultIteratorDelete(*mut TessResultIterator);
    TessResultIteratorGetPageIterator(*mut TessResultIterator) -> *mut TessPageIterator;
    TessResultIteratorNext(*mut TessResultIterator, c_int) -> c_int;
    TessResultIteratorGetUTF8Text(*const TessResultIterator, c_int) -> *mut c_char;
    TessResultIteratorConfidence(*const TessResultIterator, c_int) -> c_float;
    TessPageIteratorBegin(*mut TessPageIterator);
    TessPageIteratorIsAtBeginningOf(*const TessPageIterator, c_int) -> c_int;
    TessPageIteratorBoundingBox(*const TessPageIterator, c_int, *mut c_int, *mut c_int, *mut c_int, *mut c_int) -> c_int;
    TessPageIteratorBaseline(*const TessPageIterator, c_int, *mut c_int, *mut c_int, *mut c_int, *mut c_int) -> c_int;
}

/// Names under which systems install the library, the newest first; the loader searches its own folders for bare names.
#[cfg(target_os = "macos")]
const LIBRARY_NAMES: &[&str] = &[
    "libtesseract.5.dylib",
    "/opt/homebrew/lib/libtesseract.5.dylib",
    "/usr/local/lib/libtesseract.5.dylib",
    "/opt/local/lib/libtesseract.5.dylib",
    "libtesseract.4.dylib",
    "libtesseract.dylib",
    "/opt/homebrew/lib/libtesseract.dylib",
    "/usr/local/lib/libtesseract.dylib",
];
/// Names under which systems install the library, the newest first; the loader searches its own folders for bare names.
#[cfg(not(target_os = "macos"))]
const LIBRARY_NAMES: &[&str] =
    &["libtesseract.so.5", "libtesseract.so.5.5", "libtesseract.so.5.4", "libtesseract.so.5.3", "libtesseract.so.4", "libtesseract.so"];

impl Capi {
    /// Loads the library at `path`, or under one of the names that systems give it.
    ///
    /// # Errors
    /// What the loader said about each name, for the log.
    pub(super) fn load(path: Option<OsString>) -> Result<&'static Self, String> {
        let names: Vec<&OsStr> = match &path {
            Some(path) => vec![path.as_os_str()],
            None => LIBRARY_NAMES.iter().map(OsStr::new).collect(),
        };
        let mut tried = Vec::new();
        for name in names {
            // SAFETY: loading Tesseract runs only its own and its dependencies' initialisers; the operator vouches for them.
            match unsafe { Library::new(name) } {
                Ok(library) => {
                    let functions = Self::find(Box::leak(Box::new(library))).map_err(|e| told(name, &e))?;
                    return Ok(Box::leak(Box::new(functions)));
                }
                Err(error) => tried.push(told(name, &error)),
            }
        }
        Err(tried.join("; "))
    }

    /// The version of the library, for example `5.3.0`.
    pub(super) fn version(&self) -> String {
        // SAFETY: the function takes nothing and returns a static string.
        unsafe { copy((self.TessVersion)()) }.unwrap_or_default()
    }
}

/// What the loader says about `name`; the reason is the error's source.
fn told(name: &OsStr, error: &libloading::Error) -> String {
    let reason = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    format!("{}: {reason}", name.display())
}

/// The text behind a C string that stays the library's.
///
/// # Safety
/// `text` is null or a valid C string.
pub(super) unsafe fn copy(text: *const c_char) -> Option<String> {
    // SAFETY: the caller vouches for the pointer.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}
