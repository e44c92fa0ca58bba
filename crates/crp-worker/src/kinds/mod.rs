//! The kinds of tasks, one file each.

pub(crate) mod assemble;
pub(crate) mod inspect;
pub(crate) mod pages;
pub(crate) mod stage;
