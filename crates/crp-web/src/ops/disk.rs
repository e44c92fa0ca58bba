//! Room on the disks that documents and rows are written to.

use crp_model::{Code, Failure};

use crate::Web;

/// Free bytes for us on the disk that has the fewest; `None` where the system tells of none.
pub(crate) fn free_bytes(web: &Web) -> Option<u64> {
    let disks = web.settings.disks.iter().filter_map(|folder| rustix::fs::statvfs(folder).ok());
    disks.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)).min()
}

/// Refuses what would not leave the reserve free, before the first byte of it is written.
///
/// # Errors
/// `disk_full`
pub(crate) fn check_room(web: &Web, wanted_bytes: u64) -> Result<(), Failure> {
    let reserve = web.settings.min_free_disk_bytes;
    match free_bytes(web) {
        Some(free) if free < wanted_bytes.saturating_add(reserve) => {
            let mebibytes = |bytes: u64| bytes / (1024 * 1024);
            let message = format!("The disk has {} MiB left, of which {} MiB are a reserve", mebibytes(free), mebibytes(reserve));
            Err(Failure::new(Code::DiskFull, message))
        }
        _ => Ok(()),
    }
}
