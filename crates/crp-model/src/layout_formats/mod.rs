//! The layout in the formats of other programs: hOCR, ALTO and TSV, written page by page, so that no document is in memory whole.

mod alto;
mod convert;
mod hocr;
mod markup;
#[cfg(test)]
mod tests;
mod tsv;

use serde::{Deserialize, Serialize};

pub use self::convert::LayoutConverter;
use crate::{Line, PageLayout};

/// A format that a layout can be written in. Places are whole pixels of [`PageLayout::picture_size`] in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LayoutFormat {
    /// hOCR 1.2: XHTML whose elements carry places and confidences.
    Hocr,
    /// ALTO 4, the XML of libraries and archives.
    Alto,
    /// The table of Tesseract's `tsv`, with its columns.
    Tsv,
}

impl LayoutFormat {
    /// Every format.
    pub const ALL: [LayoutFormat; 3] = [LayoutFormat::Hocr, LayoutFormat::Alto, LayoutFormat::Tsv];

    /// The name on the command line and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            LayoutFormat::Hocr => "hocr",
            LayoutFormat::Alto => "alto",
            LayoutFormat::Tsv => "tsv",
        }
    }

    /// The format with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }

    /// How the name of a file in this format ends, without the dot before it.
    pub const fn extension(self) -> &'static str {
        match self {
            LayoutFormat::Hocr => "hocr",
            LayoutFormat::Alto => "alto.xml",
            LayoutFormat::Tsv => "tsv",
        }
    }

    /// Its media type.
    pub const fn mime(self) -> &'static str {
        match self {
            LayoutFormat::Hocr => "application/xhtml+xml; charset=utf-8",
            LayoutFormat::Alto => "application/alto+xml; charset=utf-8",
            LayoutFormat::Tsv => "text/tab-separated-values; charset=utf-8",
        }
    }

    /// What stands before the first page; `name` is the document's.
    pub fn head(self, name: &str) -> String {
        match self {
            LayoutFormat::Hocr => hocr::head(name),
            LayoutFormat::Alto => alto::head(name),
            LayoutFormat::Tsv => tsv::HEAD.to_owned(),
        }
    }

    /// One page.
    pub fn page(self, layout: &PageLayout) -> String {
        match self {
            LayoutFormat::Hocr => hocr::page(layout),
            LayoutFormat::Alto => alto::page(layout),
            LayoutFormat::Tsv => tsv::page(layout),
        }
    }

    /// What stands behind the last page.
    pub const fn tail(self) -> &'static str {
        match self {
            LayoutFormat::Hocr => hocr::TAIL,
            LayoutFormat::Alto => alto::TAIL,
            LayoutFormat::Tsv => "",
        }
    }
}

/// The lines of a page as blocks of paragraphs; a block or paragraph that comes again after another one counts anew.
fn blocks(layout: &PageLayout) -> impl Iterator<Item = impl Iterator<Item = &[Line]>> {
    let by_block = layout.lines.chunk_by(|a, b| a.block == b.block);
    by_block.map(|block| block.chunk_by(|a, b| a.paragraph == b.paragraph))
}

/// The box around some lines, in pixels.
fn pixels_around(layout: &PageLayout, lines: &[Line]) -> [u32; 4] {
    let boxes = lines.iter().map(|line| line.bounds);
    boxes.reduce(crate::BoundingBox::union).map_or([0; 4], |bounds| layout.pixel_box(bounds))
}
