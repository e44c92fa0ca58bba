//! How a page is read: its picture goes to the engine as large, as level and as upright as the text needs, and the answer
//! becomes the page's layout.

mod directions;
mod ink;
mod measure;
mod picture;
mod place;
mod prepare;

use crp_model::{Failure, PageLayout, PageNo, labels::EngineKind};

pub(crate) use picture::PagePicture;

use crate::{
    document::RenderedPage,
    engine::{self, Engine, GrayPicture, Recognised},
};
use prepare::Prepared;

/// Reads a rendered page.
///
/// # Errors
/// Those of the engine.
pub(crate) fn read(engine: &mut dyn Engine, page: PageNo, rendered: &mut RenderedPage) -> Result<PageLayout, Failure> {
    // The stored pixels are not needed once the picture for the engine is made of them.
    let picture = std::mem::replace(&mut rendered.picture, PagePicture::empty());
    let (recognised, picture) = directions::read(picture, &mut |prepared| recognise(engine, page, prepared))?;
    Ok(place::on_page(recognised, page, &picture, rendered))
}

fn recognise(engine: &mut dyn Engine, page: PageNo, prepared: &Prepared) -> Result<Recognised, Failure> {
    let PagePicture { width, height, gray, .. } = &prepared.picture;
    // An endpoint is told the true resolution, as its protocol says.
    let dots_per_inch = match engine.kind() {
        EngineKind::Tesseract => prepared.seeming_dots_per_inch,
        _ => prepared.picture.dots_per_inch(),
    };
    let dots_per_inch = dots_per_inch.round().clamp(1.0, 9999.0) as u32;
    let picture = GrayPicture { width: *width, height: *height, gray, dots_per_inch, page };
    engine::recognise(engine, &picture, prepared.segmentation)
}
