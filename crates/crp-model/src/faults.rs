//! In debug builds the inputs and outputs of a process can be made to fail, one after each upload, to see that nothing is lost by it.
//! Release builds have none of it.

/// An upload begins: the count of what follows begins anew.
#[cfg(not(debug_assertions))]
pub const fn upload_begins() {}

/// Whether this input or output is to fail.
#[cfg(not(debug_assertions))]
pub const fn is_due(_what: &str) -> bool {
    false
}

#[cfg(debug_assertions)]
pub use self::counted::{is_due, upload_begins};

#[cfg(debug_assertions)]
mod counted {
    use std::sync::{
        LazyLock,
        atomic::{AtomicI64, Ordering},
    };

    /// Which ones fail: `CRPIPELINE_TEST_FAIL_IO=first:step` makes the input or output with the number `first` behind the first upload
    /// fail, `first + step` behind the second, and so on.
    struct Plan {
        step: i64,
        /// The number behind the next upload.
        next: AtomicI64,
        /// The number behind this one.
        now: AtomicI64,
        /// How many come before it.
        left: AtomicI64,
    }

    static PLAN: LazyLock<Option<Plan>> = LazyLock::new(|| {
        let text = std::env::var("CRPIPELINE_TEST_FAIL_IO").ok()?;
        let (first, step) = text.split_once(':')?;
        let (first, step) = (first.parse::<i64>().ok()?, step.parse().ok()?);
        Some(Plan { step, next: first.into(), now: 0.into(), left: i64::MAX.into() })
    });

    /// An upload begins: the count of what follows begins anew.
    pub fn upload_begins() {
        let Some(plan) = &*PLAN else { return };
        let now = plan.next.fetch_add(plan.step, Ordering::SeqCst);
        plan.now.store(now, Ordering::SeqCst);
        plan.left.store(now, Ordering::SeqCst);
    }

    /// Whether this input or output is to fail.
    pub fn is_due(what: &str) -> bool {
        let Some(plan) = &*PLAN else { return false };
        let is_now = plan.left.fetch_sub(1, Ordering::SeqCst) == 1;
        if is_now {
            eprintln!("failed on purpose: {} {what}", plan.now.load(Ordering::SeqCst));
        }
        is_now
    }
}
