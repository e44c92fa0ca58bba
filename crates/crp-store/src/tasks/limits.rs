//! Limits of what runs at the same time, over all processes.

use std::num::NonZeroU32;

use crp_model::StageType;

/// How many tasks may run at the same time; `None`: as many as there are slots. Every process that claims should have the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueLimits {
    /// Of each organization that has no limit of its own.
    pub per_organization: Option<NonZeroU32>,
    /// Of each stage, in the order of [`StageType::ALL`].
    pub per_stage: [Option<NonZeroU32>; StageType::ALL.len()],
}

impl QueueLimits {
    pub(super) fn are_any(&self) -> bool {
        self.per_organization.is_some() || self.per_stage.iter().any(Option::is_some)
    }

    /// The limit as the claim compares it.
    pub(super) fn or_all(limit: Option<NonZeroU32>) -> i64 {
        limit.map_or(i64::MAX, |most| i64::from(most.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_claim_names_the_stages_in_this_order() {
        assert_eq!(StageType::ALL.map(StageType::as_str), ["ocr", "parse", "ai", "report"], "CLAIM_LIMITED binds $5 to $8 so");
    }
}
