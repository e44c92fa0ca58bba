//! How far a long command is, for whoever watches.

/// A step of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// What is being done.
    pub what: &'a str,
    /// How much of it is done.
    pub done: u64,
    /// How much there is, where that is known.
    pub total: Option<u64>,
}

/// Hears of every step; called often.
pub type Watch<'a> = &'a (dyn Fn(Step<'_>) + Sync);
