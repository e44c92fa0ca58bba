//! `[limits]`: what one document may cost; the type is [`Limits`] itself.

use crp_model::Limits;

use super::setting::{Section, Setting, Shape, Wrong};

impl Section for Limits {
    const NAME: &'static str = "limits";
    const SETTINGS: &'static [Setting] = &[
        Setting::new("max_upload_mebibytes", "CRPIPELINE_MAX_UPLOAD_MEBIBYTES", Shape::Number),
        Setting::new("max_pages", "CRPIPELINE_MAX_PAGES", Shape::Number),
        Setting::new("max_page_megapixels", "CRPIPELINE_MAX_PAGE_MEGAPIXELS", Shape::Number),
        Setting::new("page_timeout_seconds", "CRPIPELINE_PAGE_TIMEOUT_SECONDS", Shape::Number),
        Setting::new("document_timeout_seconds", "CRPIPELINE_DOCUMENT_TIMEOUT_SECONDS", Shape::Number),
        Setting::new("max_child_memory_mebibytes", "CRPIPELINE_MAX_CHILD_MEMORY_MEBIBYTES", Shape::Number),
        Setting::new("max_output_mebibytes", "CRPIPELINE_MAX_OUTPUT_MEBIBYTES", Shape::Number),
        Setting::new("pages_per_task", "CRPIPELINE_PAGES_PER_TASK", Shape::Number),
        Setting::new("max_attempts", "CRPIPELINE_MAX_ATTEMPTS", Shape::Number),
    ];

    fn check(&self) -> Result<(), Wrong> {
        // A limit without upper bound overflows somewhere; a tebibyte and a million pages are beyond every use.
        let mebibyte = 1..=1024 * 1024;
        let bounds: [(&'static str, u64, std::ops::RangeInclusive<u64>); 9] = [
            ("max_upload_mebibytes", self.max_upload_mebibytes, mebibyte.clone()),
            ("max_pages", self.max_pages.into(), 1..=1_000_000),
            ("max_page_megapixels", self.max_page_megapixels.into(), 1..=1000),
            ("page_timeout_seconds", self.page_timeout_seconds.into(), 1..=86_400),
            ("document_timeout_seconds", self.document_timeout_seconds.into(), 1..=86_400),
            ("max_child_memory_mebibytes", self.max_child_memory_mebibytes, 256..=1024 * 1024),
            ("max_output_mebibytes", self.max_output_mebibytes, mebibyte),
            ("pages_per_task", self.pages_per_task.into(), 1..=1000),
            ("max_attempts", self.max_attempts.into(), 1..=100),
        ];
        match bounds.iter().find(|(_, value, allowed)| !allowed.contains(value)) {
            Some((key, _, allowed)) => Err(Wrong::new(key, format!("it is not within {} to {}", allowed.start(), allowed.end()))),
            None => Ok(()),
        }
    }
}
