//! A new PDF whose pages are pictures with an invisible text layer, written page by page.

use std::{collections::BTreeMap, io::Write};

use crp_model::{Failure, PageLayout};
use hayro::kurbo::Affine;
use lopdf::{Dictionary, Object, ObjectId, Writer, dictionary};

use super::{
    failures::unwritable,
    font_objects,
    glyphless::CharacterCodes,
    objects::{ObjectSink, write_indirect},
    orientation::Orientation,
    text_layer::{self, LayerStyle},
};

const FONT_NAME: &str = "Crp";

/// Where a picture lies: the whole page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PagePlace {
    /// Width of the page in points, as displayed.
    pub(crate) width_points: f64,
    /// Height of the page in points, as displayed.
    pub(crate) height_points: f64,
    /// How the picture must be turned to stand upright.
    pub(crate) orientation: Orientation,
}

/// The PDF that is being written.
pub(crate) struct ImagePdf<'o> {
    output: Counting<'o>,
    offsets: BTreeMap<u32, u64>,
    next_free: u32,
    tree: ObjectId,
    font: ObjectId,
    pages: Vec<ObjectId>,
    codes: CharacterCodes,
}

struct Counting<'o> {
    output: &'o mut dyn Write,
    written: u64,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.output.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.output.flush()
    }
}

impl ObjectSink for ImagePdf<'_> {
    fn reserve(&mut self) -> ObjectId {
        self.next_free += 1;
        (self.next_free - 1, 0)
    }

    fn set(&mut self, id: ObjectId, object: Object) -> Result<(), Failure> {
        self.offsets.insert(id.0, self.output.written);
        write_indirect(&mut self.output, id, &object).map_err(|e| unwritable(&e))
    }
}

impl<'o> ImagePdf<'o> {
    /// Begins the file.
    ///
    /// # Errors
    /// What writing fails with.
    pub(crate) fn begin(output: &'o mut dyn Write) -> Result<Self, Failure> {
        let mut output = Counting { output, written: 0 };
        output.write_all(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n").map_err(|e| unwritable(&e))?;
        Ok(Self {
            output,
            offsets: BTreeMap::new(),
            next_free: 3,
            tree: (1, 0),
            font: (2, 0),
            pages: Vec::new(),
            codes: CharacterCodes::default(),
        })
    }

    /// Writes a picture whose bytes are already encoded, in parts: `dictionary` says how.
    ///
    /// # Errors
    /// What writing fails with.
    pub(crate) fn add_picture(&mut self, mut dictionary: Dictionary, parts: &[&[u8]]) -> Result<ObjectId, Failure> {
        let id = self.reserve();
        self.offsets.insert(id.0, self.output.written);
        dictionary.set("Type", "XObject");
        dictionary.set("Subtype", "Image");
        dictionary.set("Length", parts.iter().map(|p| p.len() as i64).sum::<i64>());
        let write = || -> std::io::Result<()> {
            writeln!(self.output, "{} {} obj", id.0, id.1)?;
            Writer::write_object(&mut self.output, &Object::Dictionary(dictionary))?;
            self.output.write_all(b"\nstream\n")?;
            parts.iter().try_for_each(|part| self.output.write_all(part))?;
            self.output.write_all(b"\nendstream\nendobj\n")
        };
        write().map_err(|e| unwritable(&e))?;
        Ok(id)
    }

    /// Writes a page that shows the picture and carries the layout's words.
    ///
    /// # Errors
    /// What writing fails with.
    pub(crate) fn add_page(&mut self, picture: ObjectId, place: PagePlace, layout: &PageLayout) -> Result<(), Failure> {
        let (width, height) = (place.width_points, place.height_points);
        let [a, b, c, d, e, f] = place.orientation.picture_matrix(width, height).as_coeffs().map(|v| (v * 1e4).round() / 1e4);
        let mut content = format!("q {a} {b} {c} {d} {e} {f} cm /Im Do Q\n").into_bytes();
        let style = LayerStyle { font: FONT_NAME, from_display: Affine::new([1.0, 0.0, 0.0, -1.0, 0.0, height]) };
        content.extend(text_layer::content(layout, &style, &mut self.codes));
        let content = self.add_stream(Dictionary::new(), &content)?;
        let page = self.add(
            dictionary! {
                "Type" => "Page",
                "Parent" => Object::Reference(self.tree),
                "MediaBox" => Object::Array(vec![0.into(), 0.into(), real(width), real(height)]),
                "Resources" => dictionary! {
                    "XObject" => dictionary! { "Im" => Object::Reference(picture) },
                    "Font" => dictionary! { FONT_NAME => Object::Reference(self.font) },
                },
                "Contents" => Object::Reference(content),
            }
            .into(),
        )?;
        self.pages.push(page);
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// What writing fails with.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let codes = std::mem::take(&mut self.codes);
        let font = self.font;
        font_objects::write(&mut self, font, &codes)?;
        let tree = dictionary! {
            "Type" => "Pages",
            "Count" => self.pages.len() as i64,
            "Kids" => Object::Array(self.pages.iter().map(|id| Object::Reference(*id)).collect()),
        };
        self.set(self.tree, tree.into())?;
        let root = self.add(dictionary! { "Type" => "Catalog", "Pages" => Object::Reference(self.tree) }.into())?;
        self.write_cross_reference(root).map_err(|e| unwritable(&e))
    }

    fn write_cross_reference(&mut self, root: ObjectId) -> std::io::Result<()> {
        let start = self.output.written;
        write!(self.output, "xref\n0 {}\n0000000000 65535 f \n", self.next_free)?;
        for number in 1..self.next_free {
            let offset = self.offsets.get(&number).copied().unwrap_or(0);
            writeln!(self.output, "{offset:010} 00000 n ")?;
        }
        let trailer = dictionary! { "Size" => i64::from(self.next_free), "Root" => Object::Reference(root) };
        self.output.write_all(b"trailer\n")?;
        Writer::write_object(&mut self.output, &Object::Dictionary(trailer))?;
        write!(self.output, "\nstartxref\n{start}\n%%EOF\n")
    }
}

fn real(value: f64) -> Object {
    Object::Real(((value * 1000.0).round() / 1000.0) as f32)
}
