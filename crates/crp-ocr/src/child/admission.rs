//! Asks the parent for room before pixels exist; the parent lets pages wait for one another.

use std::time::{Duration, Instant};

use crp_model::{Code, Failure, PageNo};

use super::descriptors::Wire;
use crate::protocol::{self, Answer, MAX_REQUEST_BYTES, PixelNeed, Received, Request};

/// Asks for one page.
pub(super) struct Admission<'w> {
    wire: &'w mut Wire,
    page: PageNo,
    /// How long it has waited for answers; that is no work.
    pub(super) waited: Duration,
}

impl<'w> Admission<'w> {
    /// For `page`. The parent is waiting for the answer to it, so nothing else is under way on the wire.
    pub(super) fn new(wire: &'w mut Wire, page: PageNo) -> Self {
        Self { wire, page, waited: Duration::ZERO }
    }

    /// Waits until there is room; gives the pixels that the page's picture may have.
    ///
    /// # Errors
    /// `internal` when the parent does not answer.
    pub(super) fn ask(&mut self, need: PixelNeed) -> Result<u64, Failure> {
        let began = Instant::now();
        let broken = |what: String| Failure::new(Code::Internal, format!("Room for page {} could not be asked for: {what}", self.page));
        protocol::send(&mut self.wire.to_parent, &Answer::Room { page: self.page, need }, b"").map_err(|e| broken(e.to_string()))?;
        let answer = protocol::receive(&mut self.wire.from_parent, MAX_REQUEST_BYTES).map_err(|e| broken(e.to_string()))?;
        let Received { message: Request::Room { picture_pixels }, .. } = answer else {
            return Err(broken("another request came instead".to_owned()));
        };
        self.waited += began.elapsed();
        Ok(picture_pixels)
    }
}
