//! A place that PDF objects are written to.

use std::io::Write;

use crp_model::Failure;
use lopdf::{Dictionary, Object, ObjectId, Stream, Writer};

use super::flate;

/// Takes objects one by one.
pub(crate) trait ObjectSink {
    /// A number for an object that is written later.
    fn reserve(&mut self) -> ObjectId;

    /// Writes an object under an id.
    ///
    /// # Errors
    /// `internal` if it cannot be encrypted, or what writing fails with.
    fn set(&mut self, id: ObjectId, object: Object) -> Result<(), Failure>;

    /// Writes a new object.
    ///
    /// # Errors
    /// As [`Self::set`].
    fn add(&mut self, object: Object) -> Result<ObjectId, Failure> {
        let id = self.reserve();
        self.set(id, object)?;
        Ok(id)
    }

    /// Writes a new stream, compressed.
    ///
    /// # Errors
    /// As [`Self::set`].
    fn add_stream(&mut self, mut dictionary: Dictionary, bytes: &[u8]) -> Result<ObjectId, Failure> {
        dictionary.set("Filter", "FlateDecode");
        self.add(Stream::new(dictionary, flate::deflate(bytes)).into())
    }
}

/// An object with its frame.
///
/// # Errors
/// What `out` fails with.
pub(crate) fn write_indirect(out: &mut dyn Write, id: ObjectId, object: &Object) -> std::io::Result<()> {
    writeln!(out, "{} {} obj", id.0, id.1)?;
    Writer::write_object(out, object)?;
    out.write_all(b"\nendobj\n")
}
