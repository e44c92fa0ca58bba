//! What stays free on the disks that documents and rows are written to, so that the database can go on writing.

use std::path::PathBuf;

use crp_model::{Code, Failure};

/// A number of bytes that stays free on each of some disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// Folders on these disks.
    pub disks: Vec<PathBuf>,
    /// Bytes that stay free on each.
    pub min_free_bytes: u64,
}

impl Reserve {
    /// 64 MiB: some minutes of rows and logs.
    pub const USUAL_BYTES: u64 = 64 * 1024 * 1024;

    /// Free bytes for us on the disk that has the fewest; `None` where the system tells of none. Waits for the disks.
    pub fn free_bytes(&self) -> Option<u64> {
        self.disks.iter().filter_map(|folder| fs4::available_space(folder).ok()).min()
    }

    /// Refuses what would not leave the reserve free, before the first byte of it is written. Waits for the disks.
    ///
    /// # Errors
    /// `disk_full`
    pub fn check(&self, wanted_bytes: u64) -> Result<(), Failure> {
        match self.free_bytes() {
            Some(free) if free < wanted_bytes.saturating_add(self.min_free_bytes) => {
                let mebibytes = |bytes: u64| bytes / (1024 * 1024);
                let (free, reserve) = (mebibytes(free), mebibytes(self.min_free_bytes));
                Err(Failure::new(Code::DiskFull, format!("The disk has {free} MiB left, of which {reserve} MiB are a reserve")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_touch_the_reserve_is_refused_and_a_disk_that_tells_nothing_is_not_counted() {
        let of = |disk: &str, min_free_bytes| Reserve { disks: vec![disk.into()], min_free_bytes };
        assert_eq!(of("/", 0).check(1), Ok(()));
        assert_eq!(of("/", u64::MAX / 2).check(1).unwrap_err().code, Code::DiskFull);
        assert_eq!(of("/", 1).check(u64::MAX).unwrap_err().code, Code::DiskFull);
        assert_eq!((of("/nowhere", 1).free_bytes(), of("/nowhere", u64::MAX).check(1)), (None, Ok(())));
    }
}
