//! What a child asks while it reads a page: room for its pixels, and words for a picture. Each question is checked and answered.

use crp_model::PageNo;

use super::{budget::Share, clock::Clock, pictures::PictureReader};
use crate::protocol::{Answer, Request};

/// A page asks for room before it is decoded, before it is drawn instead, and for its thumbnail. More is no reading.
const MAX_ROOMS_PER_PAGE: u32 = 6;

/// Answers the questions of a child that reads one page.
pub(super) struct Questions<'a> {
    page: PageNo,
    share: Share<'a>,
    rooms_left: u32,
    pictures: PictureReader<'a>,
}

impl<'a> Questions<'a> {
    /// For `page`, from now on.
    pub(super) fn new(page: PageNo, share: Share<'a>, pictures: PictureReader<'a>) -> Self {
        Self { page, share, rooms_left: MAX_ROOMS_PER_PAGE, pictures }
    }

    /// Answers one. The child's time stands still while its page waits for room.
    ///
    /// # Errors
    /// What about the question cannot be true; then the child is not to be trusted any more.
    pub(super) async fn answer(&mut self, question: Answer, bytes: Vec<u8>, clock: &Clock) -> Result<Request, String> {
        let Answer::Room { page, need } = question else {
            return self.pictures.answer(question, bytes).await;
        };
        if page != self.page || !bytes.is_empty() {
            return Err(format!("room for page {page} was asked for, which nobody reads"));
        }
        self.rooms_left = self.rooms_left.checked_sub(1).ok_or_else(|| format!("page {page} asked for room again and again"))?;
        let (picture_pixels, waited) = clock.pause(self.share.wait(need)).await;
        self.pictures.postpone(waited);
        Ok(Request::Room { picture_pixels })
    }
}
