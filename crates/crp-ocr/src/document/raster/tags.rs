//! The few facts of a TIFF directory that are needed before or beside a decoder, read straight from the bytes.

/// A directory's entries, in the byte order of its file.
pub(crate) struct Directory<'a> {
    bytes: &'a [u8],
    is_big_endian: bool,
    is_big_tiff: bool,
    offset: usize,
}

/// An entry: type, count and where its value begins.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    kind: u16,
    /// Number of values.
    pub(crate) count: u64,
    /// Byte at which the first value stands.
    pub(crate) value_at: usize,
}

impl<'a> Directory<'a> {
    /// The directory at `offset`, or the first one.
    pub(crate) fn at(bytes: &'a [u8], offset: Option<usize>) -> Option<Self> {
        let is_big_endian = bytes.starts_with(b"MM");
        if !is_big_endian && !bytes.starts_with(b"II") {
            return None;
        }
        let mut directory = Self { bytes, is_big_endian, is_big_tiff: false, offset: 0 };
        directory.is_big_tiff = directory.number(2, 2)? == 43;
        let first = if directory.is_big_tiff { directory.number(8, 8)? } else { directory.number(4, 4)? };
        directory.offset = offset.unwrap_or(usize::try_from(first).ok()?);
        Some(directory)
    }

    /// The entry with this tag.
    pub(crate) fn entry(&self, tag: u64) -> Option<Entry> {
        let (count, start, size) = if self.is_big_tiff {
            (self.number(self.offset, 8)?, self.offset.checked_add(8)?, 20)
        } else {
            (self.number(self.offset, 2)?, self.offset.checked_add(2)?, 12)
        };
        let at = (0..usize::try_from(count).ok()?.min(4096))
            .map(|i| start.saturating_add(i * size))
            .find(|at| self.number(*at, 2) == Some(tag))?;
        let kind = self.number(at + 2, 2)? as u16;
        let word = if self.is_big_tiff { 8 } else { 4 };
        let count = self.number(at + 4, word)?;
        let inside = at + 4 + word;
        let fits = count.saturating_mul(size_of_kind(kind) as u64) <= word as u64;
        let value_at = if fits { inside } else { usize::try_from(self.number(inside, word)?).ok()? };
        Some(Entry { kind, count, value_at })
    }

    /// The value with this place among an entry's, if it is a whole number.
    pub(crate) fn whole(&self, entry: Entry, index: usize) -> Option<u64> {
        let size = size_of_kind(entry.kind);
        let at = entry.value_at.checked_add(index.checked_mul(size)?)?;
        (matches!(entry.kind, 1 | 3 | 4 | 16) && (index as u64) < entry.count).then(|| self.number(at, size))?
    }

    /// The first value of `tag`, if it is a whole number.
    pub(crate) fn first(&self, tag: u64) -> Option<u64> {
        self.whole(self.entry(tag)?, 0)
    }

    /// The first value of `tag`, if it is a fraction.
    pub(crate) fn fraction(&self, tag: u64) -> Option<f64> {
        let entry = self.entry(tag)?;
        if entry.kind != 5 {
            return self.whole(entry, 0).map(|v| v as f64);
        }
        let (over, under) = (self.number(entry.value_at, 4)?, self.number(entry.value_at.checked_add(4)?, 4)?);
        (under != 0).then(|| over as f64 / under as f64)
    }

    /// Resolution in dots per inch along and across the rows.
    pub(crate) fn resolution(&self) -> Option<(f64, f64)> {
        let factor = match self.first(296).unwrap_or(2) {
            2 => 1.0,
            3 => 2.54,
            _ => return None,
        };
        let x = self.fraction(282)?;
        Some((x * factor, self.fraction(283).unwrap_or(x) * factor))
    }

    fn number(&self, at: usize, size: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(size)?)?;
        let fold = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
        Some(if self.is_big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) })
    }

    /// A 16-bit number as this file writes it.
    pub(crate) fn short(&self, value: u16) -> [u8; 2] {
        if self.is_big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }
}

fn size_of_kind(kind: u16) -> usize {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 1,
    }
}
