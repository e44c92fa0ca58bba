//! Objects appended to a PDF: the original bytes stay, what changes follows them with its own cross-reference section
//! (ISO 32000-1, 7.5.6). A file whose own cross-reference cannot be trusted is written out anew first.

use std::collections::{BTreeMap, BTreeSet};

use crp_model::{Code, Failure};
use lopdf::{
    Dictionary, Document, LoadOptions, Object, ObjectId, Stream, Writer,
    encryption::encrypt_object,
    xref::{XrefEntry, XrefType},
};

use crate::document::{
    failures::{damaged, unwritable},
    flate,
    mapped::MappedFile,
    objects::{ObjectSink, write_indirect},
};

/// The highest object number that readers must accept (ISO 32000-1, annex C).
const MAX_OBJECT_NUMBER: u32 = 8_388_607;

/// What stands before the appended objects.
enum Prefix {
    /// The original file, from this byte on.
    Original(MappedFile, usize),
    /// The original's objects, written anew.
    Rewritten(Vec<u8>),
}

/// A PDF with objects appended to it.
pub(crate) struct Update {
    document: Document,
    prefix: Prefix,
    first_offsets: BTreeMap<u32, (u64, u16)>,
    first_free: u32,
    /// Numbers from `first_free` on that the file refers to though it has no such objects: they mean nothing and must stay so.
    dangling: BTreeSet<u32>,
    tail: Vec<u8>,
    offsets: BTreeMap<u32, (u64, u16)>,
    next_free: u32,
    changed: BTreeSet<ObjectId>,
}

impl Update {
    /// An update that keeps the original bytes.
    ///
    /// # Errors
    /// `encrypted_pdf` if nothing can be appended to its encryption, `damaged_file` if its cross-reference is not sound.
    pub(crate) fn append(file: &MappedFile) -> Result<Self, Failure> {
        let options = LoadOptions { filter: Some(without_stream_bytes), ..LoadOptions::default() };
        let document = load(file, options)?;
        if document.xref_recovery.is_some() || document.xref_start == 0 {
            return Err(damaged("its cross-reference is not sound"));
        }
        let start = file.windows(5).position(|w| w == b"%PDF-").unwrap_or(0);
        Self::new(document, Prefix::Original(file.clone(), start), BTreeMap::new())
    }

    /// An update on top of a copy whose objects are all written anew, streams byte by byte as they were.
    ///
    /// # Errors
    /// `encrypted_pdf` if it is encrypted, `damaged_file` if it cannot be read.
    pub(crate) fn rewrite(file: &MappedFile) -> Result<Self, Failure> {
        let mut document = load(file, LoadOptions::default())?;
        if document.encryption_state.is_some() || document.is_encrypted() {
            return Err(unchangeable_encryption());
        }
        let mut bytes = format!("%PDF-{}\n%\u{e2}\u{e3}\u{cf}\u{d3}\n", version(&document)).into_bytes();
        let mut offsets = BTreeMap::new();
        for (id, object) in &mut document.objects {
            let kept = !matches!(object.type_name(), Ok(b"ObjStm" | b"XRef" | b"Linearized"));
            if kept {
                offsets.insert(id.0, (bytes.len() as u64, id.1));
                write_indirect(&mut bytes, *id, object).map_err(|e| unwritable(&e))?;
            }
            // Written once; only the structure is needed from here on.
            let _ = without_stream_bytes(*id, object);
        }
        document.reference_table.cross_reference_type = XrefType::CrossReferenceTable;
        Self::new(document, Prefix::Rewritten(bytes), offsets)
    }

    fn new(document: Document, prefix: Prefix, offsets: BTreeMap<u32, (u64, u16)>) -> Result<Self, Failure> {
        if document.is_encrypted() {
            return Err(unchangeable_encryption());
        }
        if document.encryption_state.as_ref().is_some_and(|state| state.encrypt_object_id().is_none()) {
            return Err(unchangeable_encryption());
        }
        let highest = document.reference_table.entries.iter().rev().find(|(_, e)| is_used(e)).map_or(0, |(id, _)| *id);
        let highest = highest.max(document.objects.keys().next_back().map_or(0, |id| id.0));
        let declared = document.trailer.get(b"Size").and_then(Object::as_i64).ok().and_then(|s| u32::try_from(s).ok()).unwrap_or(0);
        let first_free = if declared < MAX_OBJECT_NUMBER / 2 { declared.max(highest.saturating_add(1)) } else { highest.saturating_add(1) };
        if first_free > MAX_OBJECT_NUMBER / 2 {
            return Err(damaged("it uses object numbers beyond what readers accept"));
        }
        let dangling = referred_to_from(&document, first_free);
        Ok(Self {
            document,
            prefix,
            dangling,
            first_offsets: offsets.clone(),
            first_free,
            tail: b"\n".to_vec(),
            offsets,
            next_free: first_free,
            changed: BTreeSet::new(),
        })
    }

    /// Forgets everything that was appended.
    pub(crate) fn reset(&mut self) {
        self.tail.truncate(1);
        self.offsets = self.first_offsets.clone();
        self.next_free = self.first_free;
        self.changed.clear();
    }

    /// A name for a resource that no earlier run on this file can have used: files only grow.
    pub(crate) fn unique_name(&self) -> String {
        format!("Crp{:x}", self.prefix_bytes().len())
    }

    /// Bytes before what is appended.
    pub(crate) fn prefix_bytes(&self) -> &[u8] {
        match &self.prefix {
            Prefix::Original(file, start) => &file[*start..],
            Prefix::Rewritten(bytes) => bytes,
        }
    }

    /// The original's dictionary with this id.
    pub(crate) fn dictionary(&self, id: ObjectId) -> Option<&Dictionary> {
        match self.document.objects.get(&id)? {
            Object::Dictionary(dictionary) => Some(dictionary),
            _ => None,
        }
    }

    /// Follows references; the id is that of the last one.
    pub(crate) fn resolve<'a>(&'a self, object: &'a Object) -> (Option<ObjectId>, &'a Object) {
        self.document.dereference(object).unwrap_or((None, &Object::Null))
    }

    /// Whether the object was already replaced.
    pub(crate) fn is_changed(&self, id: ObjectId) -> bool {
        self.changed.contains(&id)
    }

    /// All that follows the prefix.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Appends the cross-reference section.
    pub(crate) fn finish(&mut self) {
        let mut trailer = self.document.trailer.clone();
        for key in ["Type", "W", "Index", "Filter", "DecodeParms", "Length", "XRefStm", "Prev", "Size"] {
            trailer.remove(key.as_bytes());
        }
        if let Prefix::Original(..) = self.prefix {
            trailer.set("Prev", self.document.xref_start as i64);
        }
        if let Some(id) = self.document.encryption_state.as_ref().and_then(|state| state.encrypt_object_id()) {
            trailer.set("Encrypt", Object::Reference(id));
        }
        let start = self.prefix_bytes().len() + self.tail.len();
        match self.document.reference_table.cross_reference_type {
            XrefType::CrossReferenceTable => self.write_table(trailer),
            XrefType::CrossReferenceStream => self.write_stream(trailer, start),
        }
        self.tail.extend(format!("startxref\n{start}\n%%EOF\n").into_bytes());
    }

    fn write_table(&mut self, mut trailer: Dictionary) {
        trailer.set("Size", i64::from(self.next_free));
        let mut table = String::from("xref\n0 1\n0000000000 65535 f \n");
        for (first, section) in sections(&self.offsets) {
            table.push_str(&format!("{first} {}\n", section.len()));
            for (offset, generation) in section {
                table.push_str(&format!("{offset:010} {generation:05} n \n"));
            }
        }
        table.push_str("trailer\n");
        self.tail.extend(table.into_bytes());
        let _ = Writer::write_object(&mut self.tail, &Object::Dictionary(trailer));
        self.tail.push(b'\n');
    }

    fn write_stream(&mut self, mut trailer: Dictionary, start: usize) {
        let id = self.reserve();
        self.offsets.insert(id.0, (start as u64, 0));
        let (mut index, mut rows) = (Vec::new(), Vec::new());
        for (first, section) in sections(&self.offsets) {
            index.extend([Object::Integer(i64::from(first)), Object::Integer(section.len() as i64)]);
            for (offset, generation) in section {
                rows.push(1);
                rows.extend_from_slice(&offset.to_be_bytes()[3..]);
                rows.extend_from_slice(&generation.to_be_bytes());
            }
        }
        trailer.set("Type", "XRef");
        trailer.set("Size", i64::from(self.next_free));
        trailer.set("W", Object::Array([1i64, 5, 2].into_iter().map(Object::Integer).collect()));
        trailer.set("Index", Object::Array(index));
        trailer.set("Filter", "FlateDecode");
        let stream = Stream::new(trailer, flate::deflate(&rows));
        let _ = write_indirect(&mut self.tail, id, &stream.into());
    }
}

impl ObjectSink for Update {
    fn reserve(&mut self) -> ObjectId {
        while self.dangling.contains(&self.next_free) {
            self.next_free += 1;
        }
        self.next_free += 1;
        (self.next_free - 1, 0)
    }

    /// Writes an object anew or in place of the one with this id.
    fn set(&mut self, id: ObjectId, mut object: Object) -> Result<(), Failure> {
        if let Some(state) = &self.document.encryption_state {
            encrypt_object(state, id, &mut object)
                .map_err(|e| Failure::new(Code::Internal, format!("An object cannot be encrypted: {e}")))?;
        }
        let offset = self.prefix_bytes().len() + self.tail.len();
        self.offsets.insert(id.0, (offset as u64, id.1));
        self.changed.insert(id);
        write_indirect(&mut self.tail, id, &object).map_err(|e| unwritable(&e))
    }
}

/// Runs of consecutive object numbers.
fn sections(offsets: &BTreeMap<u32, (u64, u16)>) -> Vec<(u32, Vec<(u64, u16)>)> {
    let mut sections: Vec<(u32, Vec<(u64, u16)>)> = Vec::new();
    for (&number, &place) in offsets {
        match sections.last_mut() {
            Some((first, section)) if *first + section.len() as u32 == number => section.push(place),
            _ => sections.push((number, vec![place])),
        }
    }
    sections
}

fn load(file: &MappedFile, options: LoadOptions) -> Result<Document, Failure> {
    Document::load_mem_with_options(file, options).map_err(|error| match error {
        lopdf::Error::InvalidPassword | lopdf::Error::Decryption(_) | lopdf::Error::UnsupportedSecurityHandler(_) => {
            unchangeable_encryption()
        }
        other => damaged(other),
    })
}

/// Numbers from `first` on that any object refers to.
fn referred_to_from(document: &Document, first: u32) -> BTreeSet<u32> {
    let mut open: Vec<&Object> = document.objects.values().chain(document.trailer.iter().map(|(_, value)| value)).collect();
    let mut found = BTreeSet::new();
    while let Some(object) = open.pop() {
        match object {
            Object::Reference((number, _)) if *number >= first => {
                found.insert(*number);
            }
            Object::Array(items) => open.extend(items),
            Object::Dictionary(dictionary) | Object::Stream(Stream { dict: dictionary, .. }) => {
                open.extend(dictionary.iter().map(|(_, value)| value));
            }
            _ => {}
        }
    }
    found
}

/// Scans are nearly all stream bytes; they stay in the file and are not copied into memory.
fn without_stream_bytes(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    if let Object::Stream(stream) = object
        && !matches!(stream.dict.get_type(), Ok(b"ObjStm" | b"XRef"))
    {
        // One that has no bytes at all would be read once more.
        stream.content = vec![b' '];
    }
    Some((id, object.clone()))
}

fn is_used(entry: &XrefEntry) -> bool {
    entry.is_normal() || entry.is_compressed()
}

fn version(document: &Document) -> &str {
    let version = document.version.as_str();
    if version.len() == 3 && version.starts_with(['1', '2']) { version } else { "1.7" }
}

fn unchangeable_encryption() -> Failure {
    Failure::new(Code::EncryptedPdf, "The PDF is encrypted in a way that allows no text layer to be added")
}
