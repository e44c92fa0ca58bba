//! `[queue]`: how much may run at the same time over all processes.

use std::num::NonZeroU32;

use crp_store::tasks::QueueLimits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::setting::{Section, Setting, Shape, Wrong};

/// How much may run at the same time, over all processes together; every process that works should have the same settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct QueueSettings {
    /// Most running tasks of each organization; `crpipeline admin limit` sets another number for one of them. 0: as many as there are slots.
    pub(crate) max_running_tasks_per_organization: u32,
    /// Most running tasks of the stage `ocr`, for an engine that takes only so many pages at a time. 0: as many as there are slots.
    pub(crate) max_running_ocr_tasks: u32,
    /// Most running tasks of the stage `parse`. 0: as many as there are slots.
    pub(crate) max_running_parse_tasks: u32,
    /// Most running tasks of the stage `ai`. 0: as many as there are slots.
    pub(crate) max_running_ai_tasks: u32,
    /// Most running tasks of the stage `report`. 0: as many as there are slots.
    pub(crate) max_running_report_tasks: u32,
}

impl QueueSettings {
    /// The limits as the queue knows them.
    pub(crate) fn limits(&self) -> QueueLimits {
        let stages = [self.max_running_ocr_tasks, self.max_running_parse_tasks, self.max_running_ai_tasks, self.max_running_report_tasks];
        QueueLimits { per_organization: NonZeroU32::new(self.max_running_tasks_per_organization), per_stage: stages.map(NonZeroU32::new) }
    }
}

impl Section for QueueSettings {
    const NAME: &'static str = "queue";
    const SETTINGS: &'static [Setting] = &[
        Setting::new("max_running_tasks_per_organization", "CRPIPELINE_MAX_RUNNING_TASKS_PER_ORGANIZATION", Shape::Number),
        Setting::new("max_running_ocr_tasks", "CRPIPELINE_MAX_RUNNING_OCR_TASKS", Shape::Number),
        Setting::new("max_running_parse_tasks", "CRPIPELINE_MAX_RUNNING_PARSE_TASKS", Shape::Number),
        Setting::new("max_running_ai_tasks", "CRPIPELINE_MAX_RUNNING_AI_TASKS", Shape::Number),
        Setting::new("max_running_report_tasks", "CRPIPELINE_MAX_RUNNING_REPORT_TASKS", Shape::Number),
    ];

    fn check(&self) -> Result<(), Wrong> {
        Ok(())
    }
}
