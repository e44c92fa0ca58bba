//! Images as documents.
use crp_model::*;
use crate::document::*;
pub(crate) struct ImageDocument;
impl ImageDocument {
    pub(crate) fn open(_: MappedFile, _: MediaType, _: &Limits) -> Result<Self, Failure> { Ok(Self) }
    pub(crate) fn inspect(&self) -> Inspection { Inspection::default() }
    pub(crate) fn render_gray(&self, _: PageNo) -> Result<RenderedPage, Failure> { unreachable!() }
    pub(crate) fn small_gray(&self, _: PageNo, _: u32) -> Result<(u32, u32, Vec<u8>), Failure> { unreachable!() }
    pub(crate) fn write_searchable(&self, _: &mut dyn Iterator<Item = Result<PageLayout, Failure>>, _: &mut dyn std::io::Write) -> Result<Vec<Warning>, Failure> { unreachable!() }
}
