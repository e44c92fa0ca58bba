//! What must hold of any answer that the parent believes.

use crp_model::{Limits, PageNo};

pub(crate) use super::http::fuzzing::{run as http_answer, seeds as http_answer_seeds};
use super::plausible;
use crate::{
    fuzzing::sent,
    protocol::{Answer, Request},
};

/// So many seconds passed on our clock.
const SECONDS: f64 = 2.0;

/// Judges an answer as the parent does, and uses what passes.
pub(crate) fn believe(answer: Answer) {
    let limits = Limits::default();
    match answer {
        Answer::Inspection(inspection) => {
            if plausible::inspection(&inspection, &limits).is_ok() {
                assert!((1..=limits.max_pages as usize).contains(&inspection.pages.len()));
            }
            plausible::warnings(inspection.warnings);
        }
        Answer::Page { layout, warnings, render_seconds, recognise_seconds } => {
            let drawing = plausible::seconds(render_seconds, SECONDS);
            let reading = plausible::seconds(recognise_seconds, SECONDS - drawing);
            assert!(drawing >= 0.0 && reading >= 0.0 && drawing + reading <= SECONDS * 1.0001);
            plausible::warnings(warnings);
            let another = PageNo::from_index(usize::from(layout.page.index() == 0));
            assert!(plausible::layout(&layout, another, None, &limits).is_err());
            if plausible::layout(&layout, layout.page, None, &limits).is_ok() {
                let Request::Layout(arrived) = sent(&Request::Layout(layout)) else { panic!("another request") };
                arrived.check().expect("a layout that is believed can be sent to the child that writes it");
            }
        }
        Answer::Failed(failure) => {
            let text = plausible::text(&failure.message);
            assert!(!text.chars().any(char::is_control));
        }
        Answer::Assembled { warnings, .. } => drop(plausible::warnings(warnings)),
        Answer::Warm | Answer::Started { .. } | Answer::Room { .. } | Answer::Picture { .. } | Answer::Engine(_) => {}
    }
}
