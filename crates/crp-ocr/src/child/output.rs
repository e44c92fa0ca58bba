//! The output of an assembly: counts its bytes and remembers why writing failed, so that a full disk is told as a full disk.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use crp_model::{Code, Failure};

/// A file that is written from its start.
pub(super) struct Output {
    file: BufWriter<Watched>,
}

struct Watched {
    file: File,
    bytes: u64,
    error: Option<(io::ErrorKind, i32)>,
}

impl Output {
    /// Writes into `file`.
    pub(super) fn new(file: File) -> Self {
        Self { file: BufWriter::with_capacity(1 << 16, Watched { file, bytes: 0, error: None }) }
    }

    /// Ends the writing; gives the number of bytes.
    ///
    /// # Errors
    /// What prevented it, as a failure.
    pub(super) fn finish(mut self) -> Result<u64, Failure> {
        let flushed = self.file.flush();
        match (self.failure(), flushed) {
            (Some(failure), _) => Err(failure),
            (None, Err(error)) => Err(Failure::new(Code::Internal, format!("The searchable PDF could not be written: {error}"))),
            (None, Ok(())) => Ok(self.file.get_ref().bytes),
        }
    }

    /// Why writing failed, if it did.
    pub(super) fn failure(&self) -> Option<Failure> {
        let (kind, number) = self.file.get_ref().error?;
        Some(match number {
            libc::EFBIG => Failure::new(Code::TooLarge, "The searchable PDF is larger than max_output_mebibytes allows"),
            libc::ENOSPC | libc::EDQUOT => Failure::new(Code::DiskFull, "The disk is full; the searchable PDF could not be written"),
            _ => Failure::new(Code::FileAccess, format!("The searchable PDF could not be written: {kind}")),
        })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.file.write(bytes) {
            Ok(written) => {
                self.bytes += written as u64;
                Ok(written)
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.error = Some((error.kind(), error.raw_os_error().unwrap_or(0)));
                }
                Err(error)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_and_a_full_disk_is_told_as_one() {
        let mut output = Output::new(tempfile::tempfile().unwrap());
        output.write_all(&[7; 100_000]).unwrap();
        assert_eq!(output.finish().unwrap(), 100_000);
        let Ok(full) = File::options().write(true).open("/dev/full") else { return eprintln!("SKIPPED: there is no /dev/full here") };
        let mut output = Output::new(full);
        let written = output.write_all(&[7; 100_000]).and_then(|()| output.flush());
        assert!(written.is_err());
        assert_eq!(output.failure().unwrap().code, Code::DiskFull);
    }
}
