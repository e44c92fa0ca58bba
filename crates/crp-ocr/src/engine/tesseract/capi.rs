//! The functions of Tesseract's C interface that we call, found in its library at run time.
//!
//! Signatures follow `tesseract/capi.h`, the same in Tesseract 4 and 5; only documented functions are used.
#![allow(unsafe_code, reason = "a C library is called through pointers found by name")]
#![allow(non_snake_case, reason = "the fields carry the names of the C functions")]

use std::{
    ffi::{CStr, OsString, c_char, c_float, c_int, c_uchar},
    marker::{PhantomData, PhantomPinned},
};

use libloading::Library;

use super::names::Naming;

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
            /// The functions, or the name of the first that the library does not have.
            fn find(library: &'static Library) -> Result<Self, &'static str> {
                // SAFETY: each name is a function of capi.h with exactly this signature; the library is never unloaded.
                unsafe {
                    Ok(Self { $($name: *library.get(concat!(stringify!($name), "\0").as_bytes()).map_err(|_| stringify!($name))?,)* })
                }
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

/// The oldest major version with the neural recogniser, whose numbers in the interface mean what ours do.
const OLDEST_MAJOR_VERSION: u32 = 4;

/// Why no library could be used; each with what is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LoadError {
    /// Nothing could be loaded; what the loader said about each name.
    NotFound(String),
    /// Something was loaded, and it cannot be used: a sentence with its version.
    Unusable(String),
}

impl Capi {
    /// Loads the library at `path`, or under one of the names that systems give it.
    ///
    /// # Errors
    /// What is wrong with the first library that was there, or what the loader said about each name.
    pub(super) fn load(path: Option<OsString>) -> Result<&'static Self, LoadError> {
        let names: Box<dyn Iterator<Item = OsString>> = match path {
            Some(path) => Box::new(std::iter::once(path)),
            None => Box::new(Naming::of_this_system().candidates()),
        };
        let (mut unusable, mut tried) = (None, Vec::new());
        for name in names {
            // SAFETY: loading Tesseract runs only its own and its dependencies' initialisers; the operator vouches for them.
            match unsafe { Library::new(&name) } {
                Ok(library) => match Self::of(Box::leak(Box::new(library))) {
                    Ok(functions) => return Ok(Box::leak(Box::new(functions))),
                    // Another name may lead to a better one.
                    Err(what) => drop(unusable.get_or_insert(what)),
                },
                Err(error) => tried.push(format!("{}: {}", name.display(), reason(&error))),
            }
        }
        Err(unusable.map_or_else(|| LoadError::NotFound(tried.join("; ")), LoadError::Unusable))
    }

    /// The functions of a library that is loaded.
    fn of(library: &'static Library) -> Result<Self, String> {
        let version = version_of(library).ok_or("the library there is not Tesseract's")?;
        // A version that does not begin with a number is judged by its functions alone.
        if major(&version).is_some_and(|major| major < OLDEST_MAJOR_VERSION) {
            return Err(format!("Tesseract {version} is too old, version {OLDEST_MAJOR_VERSION} or newer is needed"));
        }
        Self::find(library).map_err(|name| format!("Tesseract {version} cannot be used, it has no function {name}"))
    }

    /// The version of the library, for example `5.3.0`.
    pub(super) fn version(&self) -> String {
        // SAFETY: the function takes nothing and returns a static string.
        unsafe { copy((self.TessVersion)()) }.unwrap_or_default()
    }
}

/// What a library says of its version, before it is known to have anything else.
fn version_of(library: &'static Library) -> Option<String> {
    // SAFETY: the function of this name takes nothing and returns a static string in every version of Tesseract.
    unsafe { library.get::<unsafe extern "C-unwind" fn() -> *const c_char>(b"TessVersion\0").ok().and_then(|version| copy(version())) }
}

/// The first number of a version such as `5.3.0` or `v4.1.1-rc2`.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// What the loader says; the reason is the error's source.
fn reason(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// The text behind a C string that stays the library's.
///
/// # Safety
/// `text` is null or a valid C string.
pub(super) unsafe fn copy(text: *const c_char) -> Option<String> {
    // SAFETY: the caller vouches for the pointer.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}
