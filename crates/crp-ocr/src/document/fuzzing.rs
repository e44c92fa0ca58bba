//! The targets about documents; what each does stands beside the code that it is about.

pub(crate) use super::{
    pdf::fuzzing::{old_layer, old_layer_seeds, overlay, pdf_file},
    raster::fuzzing::{run as raster, seeds as raster_seeds},
};
