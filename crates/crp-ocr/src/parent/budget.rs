//! The memory that all processes of a pool may take together: a place for each process, and room for the pages being read in them.
//!
//! A process that is alive holds its engine, whether it reads or waits; so there are never more processes than places, and each place
//! has its engine's memory set aside. What is left is the room for pages. A page asks for its share before its pixels exist, waits in
//! line if others have it, and gives it back when it is read. Whoever waits for a place holds nothing, and whoever holds room waits
//! for nothing more: hence nobody waits for ever, however many want to read. A page that passes the whole room is scaled down to it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::protocol::PixelNeed;

/// Memory of this process itself, in mebibytes. `crpipeline run` takes 16; a server holds uploads and a database besides.
const PARENT_MEBIBYTES: u64 = 64;
/// Memory of a process with its engine, between two pages, in mebibytes: 26 of its own and 25 to 32 of libraries and language data
/// that several share.
const PROCESS_MEBIBYTES: u64 = 64;
/// Room that a process should find for its pages at least, if there are to be several: that of an ordinary page, drawn.
const ORDINARY_PAGE_MEBIBYTES: u64 = 72;
/// Bytes for each pixel of a picture that is taken as it is stored, from its decoding to its last word.
///
/// Measured, most memory of a process minus its 26 MB: small print as gray JPEG of 8, 17 and 50 megapixels took 2.7, 2.7 and 3.8 bytes
/// a pixel, in colour as Flate (17 megapixels) 3.4; large print, which is read from fewer pixels, of 60 megapixels 1.1.
const BYTES_PER_STORED_PIXEL_READ: u64 = 4;
/// The same for a page that is drawn, whose canvas has four bytes a pixel: 7.6 for small print of 17 and 50 megapixels, 7.5 for a
/// page of 60 megapixels with one picture of as many, in gray and in colour.
const BYTES_PER_DRAWN_PIXEL_READ: u64 = 8;
/// Of these, what decoding takes, for each stored pixel.
const BYTES_PER_PIXEL_DECODED: u64 = 3;
/// A picture of so many pixels is made from every page, however little room there is.
const LEAST_PICTURE_PIXELS: u64 = 1_000_000;

const MEBIBYTE: u64 = 1 << 20;

/// How much memory a pool has, and for how many processes.
pub(super) struct Budget {
    places: Arc<Semaphore>,
    places_total: usize,
    room: Arc<Semaphore>,
    room_mebibytes: u32,
}

/// The right to have a process. Dropping it lets the next one have it.
pub(super) type Place = OwnedSemaphorePermit;

impl Budget {
    /// Memory without end.
    pub(super) fn unlimited() -> Self {
        Self::of(Semaphore::MAX_PERMITS, u32::MAX.into())
    }

    /// `mebibytes` for this process and those that it starts, of which there are to be `processes`.
    pub(super) fn new(mebibytes: u64, processes: usize) -> Self {
        let for_children = mebibytes.saturating_sub(PARENT_MEBIBYTES);
        let fitting = usize::try_from(for_children / (PROCESS_MEBIBYTES + ORDINARY_PAGE_MEBIBYTES)).unwrap_or(usize::MAX);
        let places = processes.min(fitting).clamp(1, Semaphore::MAX_PERMITS);
        Self::of(places, for_children.saturating_sub(places as u64 * PROCESS_MEBIBYTES))
    }

    fn of(places: usize, room_mebibytes: u64) -> Self {
        let most = u64::from(u32::MAX).min(Semaphore::MAX_PERMITS as u64);
        let room_mebibytes = u32::try_from(room_mebibytes.clamp(1, most)).unwrap_or(u32::MAX);
        Self {
            places: Arc::new(Semaphore::new(places)),
            places_total: places,
            room: Arc::new(Semaphore::new(room_mebibytes as usize)),
            room_mebibytes,
        }
    }

    /// Processes that there may be at once.
    pub(super) fn places_total(&self) -> usize {
        self.places_total
    }

    /// A place, if one is free now and nobody waits for it.
    pub(super) fn place_now(&self) -> Option<Place> {
        self.places.clone().try_acquire_owned().ok()
    }

    /// Waits for a place, in the order of asking.
    pub(super) async fn place(&self) -> Option<Place> {
        // It is never closed; were it, the process would start all the same.
        self.places.clone().acquire_owned().await.ok()
    }

    /// Room for one page.
    pub(super) fn share(&self) -> Share<'_> {
        Share { budget: self, held: None }
    }

    /// Pixels of the largest picture that the room allows.
    fn most_picture_pixels(&self, need: PixelNeed) -> u64 {
        let room = u64::from(self.room_mebibytes) * MEBIBYTE;
        let beside_decoding =
            room.saturating_sub(need.stored.saturating_mul(BYTES_PER_PIXEL_DECODED)) / (per_pixel(need) - BYTES_PER_PIXEL_DECODED);
        beside_decoding.min(room / per_pixel(need)).max(LEAST_PICTURE_PIXELS)
    }
}

fn per_pixel(need: PixelNeed) -> u64 {
    if need.is_drawn { BYTES_PER_DRAWN_PIXEL_READ } else { BYTES_PER_STORED_PIXEL_READ }
}

/// Bytes that a page takes at most if its picture has so many pixels: while it is decoded, and while it is read.
fn bytes(need: PixelNeed, picture: u64) -> u64 {
    let decoding = need.stored.saturating_mul(BYTES_PER_PIXEL_DECODED);
    let beside = picture.saturating_mul(per_pixel(need) - BYTES_PER_PIXEL_DECODED);
    decoding.saturating_add(beside).max(picture.saturating_mul(per_pixel(need)))
}

/// The share of one page. Dropping it gives it back.
pub(super) struct Share<'a> {
    budget: &'a Budget,
    held: Option<OwnedSemaphorePermit>,
}

impl Share<'_> {
    /// Waits, in the order of asking, until what the page needs fits beside the others; what it had before is given back first.
    /// Gives the pixels of the picture that it may make, fewer than it needs where it would not fit even alone.
    pub(super) async fn wait(&mut self, need: PixelNeed) -> u64 {
        self.held = None;
        let pixels = need.picture.min(self.budget.most_picture_pixels(need));
        // What is decoded cannot be made smaller: such a page is read alone.
        let mebibytes = u32::try_from(bytes(need, pixels).div_ceil(MEBIBYTE)).unwrap_or(u32::MAX).min(self.budget.room_mebibytes);
        self.held = self.budget.room.clone().acquire_many_owned(mebibytes).await.ok();
        pixels
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::{FutureExt as _, poll};

    use super::*;

    fn picture(pixels: u64) -> PixelNeed {
        PixelNeed { stored: 0, picture: pixels, is_drawn: true }
    }

    /// A picture that takes so many mebibytes.
    fn of_mebibytes(mebibytes: u64) -> PixelNeed {
        picture(mebibytes * MEBIBYTE / BYTES_PER_DRAWN_PIXEL_READ)
    }

    #[test]
    fn there_are_as_many_processes_as_are_wanted_if_each_finds_room_for_an_ordinary_page() {
        let places_and_room = |mebibytes, processes| {
            let budget = Budget::new(mebibytes, processes);
            (budget.places_total(), u64::from(budget.room_mebibytes))
        };
        let (one, page) = (PROCESS_MEBIBYTES, ORDINARY_PAGE_MEBIBYTES);
        assert_eq!(places_and_room(PARENT_MEBIBYTES + 2 * (one + page), 8), (2, 2 * page));
        assert_eq!(places_and_room(PARENT_MEBIBYTES + 2 * (one + page), 1), (1, one + 2 * page));
        assert_eq!(places_and_room(10_000, 2), (2, 10_000 - PARENT_MEBIBYTES - 2 * one));
        assert_eq!(places_and_room(0, 8), (1, 1), "one process there is always");
    }

    #[tokio::test]
    async fn pages_wait_in_line_and_a_small_one_does_not_overtake_a_large_one() {
        let budget = Budget::of(8, 100);
        let (mut first, mut large, mut small) = (budget.share(), budget.share(), budget.share());
        first.wait(of_mebibytes(60)).await;
        let mut waits = pin!(large.wait(of_mebibytes(90)));
        assert!(poll!(waits.as_mut()).is_pending());
        let mut behind = pin!(small.wait(of_mebibytes(10)));
        assert!(poll!(behind.as_mut()).is_pending(), "it would fit, but another came first");
        drop(first);
        assert!(poll!(waits.as_mut()).is_ready());
        assert!(poll!(behind.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn a_page_that_stops_waiting_lets_those_behind_it_pass() {
        let budget = Budget::of(8, 100);
        let (mut first, mut large, mut small) = (budget.share(), budget.share(), budget.share());
        first.wait(of_mebibytes(60)).await;
        let mut waits = Box::pin(large.wait(of_mebibytes(90)));
        assert!(poll!(waits.as_mut()).is_pending());
        let mut behind = pin!(small.wait(of_mebibytes(10)));
        assert!(poll!(behind.as_mut()).is_pending());
        drop(waits);
        assert!(poll!(behind.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn a_page_that_would_not_fit_alone_is_made_smaller_and_gets_the_whole_room() {
        let budget = Budget::of(8, 100);
        let mut share = budget.share();
        assert_eq!(share.wait(of_mebibytes(1000)).await, of_mebibytes(100).picture);
        assert_eq!(budget.room.available_permits(), 0);
        let all_that_is_decoded = PixelNeed { stored: 1 << 40, ..picture(50_000_000) };
        assert_eq!(share.wait(all_that_is_decoded).await, LEAST_PICTURE_PIXELS);
        assert_eq!(share.wait(picture(5)).await, 5, "what it had is given back first");
        assert_eq!(budget.room.available_permits(), 99);
        drop(share);
        assert_eq!(budget.room.available_permits(), 100);
    }

    #[test]
    fn a_page_takes_what_decoding_or_reading_it_takes_whichever_is_more() {
        let scan = PixelNeed { stored: 60_000_000, picture: 60_000_000, is_drawn: false };
        assert_eq!(bytes(scan, scan.picture), 240_000_000);
        assert_eq!(bytes(PixelNeed { is_drawn: true, ..scan }, scan.picture), 480_000_000);
        assert_eq!(bytes(scan, 1_000_000), 181_000_000, "it is decoded whole, however small it becomes");
        assert_eq!(bytes(picture(1_000_000), 1_000_000), 8_000_000);
        let budget = Budget::of(1, 200);
        let most = budget.most_picture_pixels(scan);
        assert!(bytes(scan, most) <= 200 * MEBIBYTE && bytes(scan, most + MEBIBYTE) > 200 * MEBIBYTE, "{most}");
    }

    #[tokio::test]
    async fn a_place_goes_to_whoever_has_waited_longest() {
        let budget = Budget::of(1, 100);
        let place = budget.place_now().unwrap();
        assert!(budget.place_now().is_none());
        let (mut first, mut second) = (Box::pin(budget.place()), Box::pin(budget.place()));
        assert!(poll!(first.as_mut()).is_pending() && poll!(second.as_mut()).is_pending());
        drop(place);
        assert!(poll!(second.as_mut()).is_pending() && budget.place_now().is_none());
        let place = first.now_or_never().flatten().unwrap();
        drop(place);
        assert!(second.now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn without_a_limit_nobody_waits() {
        let budget = Budget::unlimited();
        let (mut one, mut other) = (budget.share(), budget.share());
        let largest = PixelNeed { stored: 1_000_000_000, ..picture(1_000_000_000) };
        assert_eq!(one.wait(largest).now_or_never(), Some(largest.picture));
        assert_eq!(other.wait(largest).now_or_never(), Some(largest.picture));
    }
}
