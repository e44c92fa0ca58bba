//! How a page is read: its picture goes to the engine, cut and turned as it needs to be, and the answer becomes its layout.

mod place;
mod upside_down;

use crp_model::{Failure, PageLayout, PageNo};

use crate::{
    document::RenderedPage,
    engine::{self, Engine, GrayPicture, Segmentation},
};

/// A page this many times taller than wide is a receipt or a till roll: one column, which engines read better as one block.
/// The tallest usual paper (US legal) has 1.65.
const RECEIPT_HEIGHT_TO_WIDTH: f32 = 1.75;

/// Reads a rendered page.
///
/// # Errors
/// Those of the engine.
pub(crate) fn read(engine: &mut dyn Engine, page: PageNo, rendered: &mut RenderedPage) -> Result<PageLayout, Failure> {
    upside_down::either_way(engine, page, rendered)
}

/// Reads the picture as it is.
fn as_displayed(engine: &mut dyn Engine, page: PageNo, rendered: &RenderedPage) -> Result<PageLayout, Failure> {
    let (width, height) = (rendered.width, rendered.height);
    let narrow = height as f32 >= width as f32 * RECEIPT_HEIGHT_TO_WIDTH;
    let segmentation = if narrow { Segmentation::SingleBlock } else { Segmentation::Automatic };
    let dots_per_inch = rendered.dots_per_inch.round().max(1.0) as u32;
    let picture = GrayPicture { width, height, gray: &rendered.gray, dots_per_inch, page };
    Ok(place::on_page(engine::recognise(engine, &picture, segmentation)?, page, rendered))
}
