//! Whose panic it was. Reading a document turns a library's panic into a failure of that document, which is well; one of ours is a
//! defect and must not hide behind that.

use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind, set_hook, take_hook},
    sync::Once,
};

thread_local! {
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    static OURS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Where this file stands below the folder of all crates.
const OWN_PLACE: &str = "crp-ocr/src/fuzzing/blame.rs";

/// Runs `work`, and panics if code of ours panicked in it, though that was caught.
pub(super) fn unforgiving(work: impl FnOnce()) {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if IS_WATCHED.get() {
                if !is_ours(panic) {
                    return;
                }
                OURS.set(Some(panic.to_string()));
            }
            usual(panic);
        }));
    });
    IS_WATCHED.set(true);
    let ended = catch_unwind(AssertUnwindSafe(work));
    IS_WATCHED.set(false);
    let ours = OURS.take();
    if let Err(panic) = ended {
        resume_unwind(panic);
    }
    assert!(ours.is_none(), "{}", ours.unwrap_or_default());
}

fn is_ours(panic: &PanicHookInfo<'_>) -> bool {
    // How the compiler names a file depends on where it was started; all of ours begin alike.
    let crates = file!().strip_suffix(OWN_PLACE).unwrap_or("crates/");
    panic.location().is_some_and(|at| at.file().starts_with(crates))
}
