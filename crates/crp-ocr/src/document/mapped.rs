//! A file as bytes without reading it into memory.

use std::{
    fs::File,
    io::{Seek, SeekFrom},
    ops::Deref,
    sync::Arc,
};

use crp_model::{Code, Failure};

/// The bytes of a file, mapped read-only and shared by everything that reads the document.
#[derive(Clone)]
pub(crate) struct MappedFile(Arc<memmap2::Mmap>);

impl MappedFile {
    /// Maps the whole file.
    ///
    /// # Errors
    /// `empty_file` if there is nothing to map, `memory_limit` if it is too large, `file_access` if the system refuses.
    pub(crate) fn map(file: &File) -> Result<Self, Failure> {
        // The sandbox refuses to look at a file's other facts.
        let bytes = (&*file).seek(SeekFrom::End(0)).map_err(|e| refused(&e))?;
        if bytes == 0 {
            return Err(Failure::new(Code::EmptyFile, "The file is empty"));
        }
        map_read_only(file, bytes).map(|map| Self(Arc::new(map))).map_err(|e| refused(&e))
    }

    /// Bytes that are no file.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn of_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        if bytes.is_empty() {
            return Err(Failure::new(Code::EmptyFile, "The file is empty"));
        }
        let mut map = memmap2::MmapMut::map_anon(bytes.len()).map_err(|e| refused(&e))?;
        map.copy_from_slice(bytes);
        map.make_read_only().map(|map| Self(Arc::new(map))).map_err(|e| refused(&e))
    }

    /// The same bytes in the form that the PDF reader asks for.
    pub(crate) fn shared(&self) -> Arc<memmap2::Mmap> {
        self.0.clone()
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[allow(unsafe_code, reason = "a mapping has no safe constructor")]
fn map_read_only(file: &File, bytes: u64) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the file was opened read-only for this process alone and is not written while the process lives; if someone
    // truncates it all the same, the process dies of a signal, which its parent reports as a crash and survives.
    unsafe { memmap2::MmapOptions::new().len(bytes.try_into().unwrap_or(usize::MAX)).map(file) }
}

fn refused(error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::OutOfMemory {
        return Failure::new(Code::MemoryLimit, "The file does not fit into max_child_memory_mebibytes");
    }
    Failure::new(Code::FileAccess, format!("The document cannot be mapped into memory: {error}"))
}
