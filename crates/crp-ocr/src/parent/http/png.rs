//! The picture as a PNG: gray, eight bits, with its resolution.

use crp_model::{Code, Failure};
use png::{BitDepth, ColorType, Compression, Encoder, PixelDimensions, Unit};

use super::Picture;
use crate::engine::GrayPicture;

/// Encodes a picture, aside from the threads that wait for others. Gives what has to be known of it afterwards, without its pixels.
///
/// # Errors
/// `internal`.
pub(super) async fn encode(picture: Picture) -> Result<(bytes::Bytes, GrayPicture<'static>), Failure> {
    let Picture { page, width, height, dots_per_inch, .. } = picture;
    let failed =
        |what: String| Failure::new(Code::Internal, format!("The picture of page {page} cannot be packed for the http engine: {what}"));
    let encoded = tokio::task::spawn_blocking(move || pack(&picture)).await;
    let png = encoded.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
    Ok((png.into(), GrayPicture { width, height, gray: &[], dots_per_inch, page }))
}

fn pack(picture: &Picture) -> Result<Vec<u8>, png::EncodingError> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, picture.width, picture.height);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let per_metre = (f64::from(picture.dots_per_inch) / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(PixelDimensions { xppu: per_metre, yppu: per_metre, unit: Unit::Meter }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&picture.gray)?;
    writer.finish()?;
    Ok(out)
}
