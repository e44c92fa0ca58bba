//! Pages, page ranges and the hash that names a document's bytes.

use std::{fmt, num::NonZeroU32, str::FromStr};

use serde::{Deserialize, Serialize};

/// A page; the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageNo(NonZeroU32);

impl PageNo {
    /// The page with this number; `None` for 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The page at this place when counting from 0.
    pub fn from_index(index: usize) -> Self {
        Self(NonZeroU32::MIN.saturating_add(u32::try_from(index).unwrap_or(u32::MAX - 1)))
    }

    /// The number, from 1.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The place when counting from 0.
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl fmt::Display for PageNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Pages `first ..= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PageRange {
    /// First page.
    pub first: PageNo,
    /// Last page, inclusive.
    pub last: PageNo,
}

impl PageRange {
    /// Splits `pages_total` pages into ranges of at most `pages_per_task`, in order.
    pub fn split(pages_total: u32, pages_per_task: u32) -> Vec<PageRange> {
        let step = pages_per_task.max(1);
        (1..=pages_total)
            .step_by(step as usize)
            .filter_map(|first| {
                let last = first.saturating_add(step - 1).min(pages_total);
                Some(PageRange { first: PageNo::new(first)?, last: PageNo::new(last)? })
            })
            .collect()
    }

    /// The pages, in order.
    pub fn pages(self) -> impl Iterator<Item = PageNo> {
        (self.first.get()..=self.last.get()).filter_map(PageNo::new)
    }
}

/// SHA-256 (FIPS 180-4) of a document's bytes, shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256Hash(pub [u8; 32]);

impl Sha256Hash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256Hash({self})")
    }
}

impl FromStr for Sha256Hash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 64 || !text.is_ascii() {
            return Err("a SHA-256 hash has 64 hexadecimal digits");
        }
        let mut bytes = [0u8; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| "a SHA-256 hash has 64 hexadecimal digits")?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Sha256Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_every_page_once() {
        for total in [0u32, 1, 15, 16, 17, 33, 5000] {
            let pages: Vec<u32> =
                PageRange::split(total, 16).into_iter().flat_map(|r| r.pages().map(PageNo::get).collect::<Vec<_>>()).collect();
            assert_eq!(pages, (1..=total).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_hash_survives_its_text() {
        let hash = Sha256Hash::of(b"abc");
        assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(hash.to_string().parse::<Sha256Hash>().unwrap(), hash);
    }
}
