//! A text layer on the original PDF: its objects stay as they are, recognised pages gain a content stream of invisible text.
//!
//! The layer is drawn before the page's own content: there the coordinate system is certain to be the default one, however
//! carelessly the rest of the page was written, and readers find text whatever lies over it.

use std::{collections::HashSet, io::Write};

use crp_model::{Code, Failure, PageLayout, PageNo, TextSource, Warning, labels::WarningKind};
use hayro::hayro_syntax::{
    Pdf,
    object::{Array, MaybeRef},
    page::Page,
};
use lopdf::{Dictionary, Object, ObjectId};

use super::{
    PdfDocument,
    geometry::PageGeometry,
    old_layer::{self, OldLayer},
    printed,
    update::Update,
};
use crate::document::{
    failures::{damaged, guarded, unwritable},
    font_objects,
    glyphless::CharacterCodes,
    objects::ObjectSink,
    text_layer::{self, LayerStyle},
};

/// A page tree is followed upwards so far for inherited resources.
const MAX_TREE_DEPTH: usize = 64;

/// A PDF that text layers can be added to.
pub(crate) struct Overlay {
    update: Update,
    pages: Vec<ObjectId>,
    codes: CharacterCodes,
    font: ObjectId,
    font_name: String,
}

impl Overlay {
    /// Finds a way to change the document that leaves all its pages as they lie, and proves it with a change to each of them.
    ///
    /// # Errors
    /// `encrypted_pdf` if its encryption allows no change; `damaged_file` if there is no safe way.
    pub(crate) fn prepare(document: &PdfDocument) -> Result<Self, Failure> {
        let pages = page_ids(document)?;
        let appended = guarded(Code::DamagedFile, "Appending to the file", || Update::append(&document.file))
            .and_then(|update| Self::proven(document, update, &pages));
        match appended {
            Err(failure) if failure.code != Code::EncryptedPdf && document.fits_in_memory(4) => {
                guarded(Code::DamagedFile, "Writing the file anew", || Update::rewrite(&document.file))
                    .and_then(|update| Self::proven(document, update, &pages))
            }
            other => other,
        }
    }

    fn proven(document: &PdfDocument, update: Update, pages: &[ObjectId]) -> Result<Self, Failure> {
        // Both readers must see the same objects as pages.
        if !pages.iter().all(|id| update.dictionary(*id).is_some_and(|page| !page.has(b"Kids"))) {
            return Err(damaged("a page is not an object of its own"));
        }
        let mut overlay = Self { update, pages: pages.to_vec(), codes: CharacterCodes::default(), font: (0, 0), font_name: String::new() };
        if document.fits_in_memory(2) {
            overlay.begin();
            let marks = (0..pages.len()).map(|index| overlay.add_layer(index, b"q\nQ\n", None)).collect::<Result<Vec<_>, _>>()?;
            overlay.close()?;
            overlay.prove(document, &marks)?;
        }
        overlay.begin();
        Ok(overlay)
    }

    fn begin(&mut self) {
        self.update.reset();
        self.codes = CharacterCodes::default();
        self.font = self.update.reserve();
        self.font_name = self.update.unique_name();
    }

    /// Adds the layout's words to its page, in place of invisible text that is there.
    ///
    /// # Errors
    /// `damaged_file` if the page's objects are not what they must be.
    pub(crate) fn add(&mut self, document: &PdfDocument, layout: &PageLayout) -> Result<Option<Warning>, Failure> {
        let (from_display, old) = document.with_page(layout.page, |page, geometry| {
            let old = guarded(Code::PageFailed, "Looking for old text", || Ok(old_layer::remove(page)));
            Ok((geometry.to_display.inverse(), old.unwrap_or(OldLayer::None)))
        })?;
        let (rest, is_kept) = match old {
            OldLayer::None => (None, false),
            OldLayer::Removed(rest) => (Some(rest), false),
            OldLayer::Entangled(rest) => (rest, true),
        };
        let layout = &printed::without_printed_words(layout, &document.printed_words(layout.page)?);
        let style = LayerStyle { font: &self.font_name, from_display };
        let content = text_layer::content(layout, &style, &mut self.codes);
        self.add_layer(layout.page.index(), &content, rest.as_deref())?;
        Ok(is_kept.then(|| {
            let message =
                format!("Invisible text that page {} already had cannot be replaced safely; searching may find words twice", layout.page);
            Warning::new(WarningKind::OldTextKept, Some(layout.page), message)
        }))
    }

    /// Writes the whole file.
    ///
    /// # Errors
    /// `internal` if the result cannot be read back, `disk_full` and `file_access` if it cannot be written.
    pub(crate) fn write(mut self, document: &PdfDocument, output: &mut dyn Write) -> Result<(), Failure> {
        self.close()?;
        if document.fits_in_memory(2) {
            self.read_back().and_then(|pdf| self.same_pages(document, &pdf)).map_err(|f| Failure::new(Code::Internal, f.message))?;
        }
        output.write_all(self.update.prefix_bytes()).map_err(|e| unwritable(&e))?;
        output.write_all(self.update.tail()).map_err(|e| unwritable(&e))
    }

    fn close(&mut self) -> Result<(), Failure> {
        font_objects::write(&mut self.update, self.font, &self.codes)?;
        self.update.finish();
        Ok(())
    }

    /// Puts a content stream in front of the page's own, or of what is left of it; returns its id.
    fn add_layer(&mut self, index: usize, content: &[u8], rest: Option<&[u8]>) -> Result<ObjectId, Failure> {
        let id = *self.pages.get(index).ok_or_else(|| damaged("a page is missing"))?;
        let mut page = self.update.dictionary(id).cloned().ok_or_else(|| damaged("a page is no dictionary"))?;
        let layer = self.update.add_stream(Dictionary::new(), content)?;
        let mut contents = vec![Object::Reference(layer)];
        match rest {
            Some(rest) => contents.push(Object::Reference(self.update.add_stream(Dictionary::new(), rest)?)),
            None => contents.extend(self.own_contents(&page)),
        }
        page.set("Contents", Object::Array(contents));
        self.add_font(&mut page)?;
        self.update.set(id, Object::Dictionary(page))?;
        Ok(layer)
    }

    fn own_contents(&self, page: &Dictionary) -> Vec<Object> {
        match page.get(b"Contents") {
            Ok(Object::Array(streams)) => streams.clone(),
            Ok(Object::Reference(id)) => match self.update.resolve(&Object::Reference(*id)).1 {
                Object::Array(streams) => streams.clone(),
                _ => vec![Object::Reference(*id)],
            },
            _ => Vec::new(),
        }
    }

    /// Names the font where the page's resources live, so that shared resources stay shared.
    fn add_font(&mut self, page: &mut Dictionary) -> Result<(), Failure> {
        if let Ok(own) = page.get_mut(b"Resources") {
            if let Object::Dictionary(resources) = own {
                let mut resources = std::mem::take(resources);
                self.add_font_to(&mut resources)?;
                *own = Object::Dictionary(resources);
                return Ok(());
            }
            let own = own.clone();
            if let (Some(id), Object::Dictionary(resources)) = self.update.resolve(&own) {
                let resources = resources.clone();
                return self.add_font_in(id, resources);
            }
        } else if self.add_font_to_inherited(page)? {
            return Ok(());
        }
        let mut resources = Dictionary::new();
        self.add_font_to(&mut resources)?;
        page.set("Resources", resources);
        Ok(())
    }

    fn add_font_to_inherited(&mut self, page: &Dictionary) -> Result<bool, Failure> {
        let mut parent = page.get(b"Parent").and_then(Object::as_reference).ok();
        for _ in 0..MAX_TREE_DEPTH {
            let Some((id, node)) = parent.and_then(|id| Some((id, self.update.dictionary(id)?.clone()))) else { return Ok(false) };
            match node.get(b"Resources").map(|r| (r, self.update.resolve(r))) {
                Ok((Object::Reference(_), (Some(resources_id), Object::Dictionary(resources)))) => {
                    let resources = resources.clone();
                    self.add_font_in(resources_id, resources)?;
                    return Ok(true);
                }
                Ok((Object::Dictionary(resources), _)) => {
                    if !self.update.is_changed(id) {
                        let (mut node, mut resources) = (node.clone(), resources.clone());
                        self.add_font_to(&mut resources)?;
                        node.set("Resources", resources);
                        self.update.set(id, Object::Dictionary(node))?;
                    }
                    return Ok(true);
                }
                _ => parent = node.get(b"Parent").and_then(Object::as_reference).ok(),
            }
        }
        Ok(false)
    }

    fn add_font_in(&mut self, id: ObjectId, mut resources: Dictionary) -> Result<(), Failure> {
        if self.update.is_changed(id) {
            return Ok(());
        }
        self.add_font_to(&mut resources)?;
        self.update.set(id, Object::Dictionary(resources))
    }

    fn add_font_to(&mut self, resources: &mut Dictionary) -> Result<(), Failure> {
        let shared = match resources.get(b"Font") {
            Ok(reference @ Object::Reference(_)) => match self.update.resolve(reference) {
                (Some(id), Object::Dictionary(fonts)) => Some((id, fonts.clone())),
                _ => None,
            },
            _ => None,
        };
        if let Some((id, mut fonts)) = shared {
            if !self.update.is_changed(id) {
                fonts.set(self.font_name.as_bytes(), Object::Reference(self.font));
                self.update.set(id, Object::Dictionary(fonts))?;
            }
            return Ok(());
        }
        let mut fonts = resources.get(b"Font").and_then(Object::as_dict).cloned().unwrap_or_default();
        fonts.set(self.font_name.as_bytes(), Object::Reference(self.font));
        resources.set("Font", fonts);
        Ok(())
    }

    /// Reads the result back: the same pages, and its layer on each of them.
    fn prove(&self, document: &PdfDocument, layers: &[ObjectId]) -> Result<(), Failure> {
        let pdf = self.read_back()?;
        self.same_pages(document, &pdf)?;
        let shows = |(page, layer): (&Page<'_>, &ObjectId)| {
            let first = page.raw().get::<Array<'_>>(b"Contents").and_then(|contents| contents.raw_iter().next());
            matches!(first, Some(MaybeRef::Ref(reference)) if reference.obj_number == layer.0)
        };
        if pdf.pages().iter().zip(layers).all(shows) { Ok(()) } else { Err(damaged("a change to a page does not show")) }
    }

    fn read_back(&self) -> Result<Pdf, Failure> {
        let bytes = [self.update.prefix_bytes(), self.update.tail()].concat();
        guarded(Code::DamagedFile, "Reading the result back", || {
            Pdf::new(bytes).map_err(|e| damaged(format!("the result cannot be read back ({e:?})")))
        })
    }

    /// The same objects are pages, and each lies as it did: two programs may understand a damaged page tree in two ways.
    fn same_pages(&self, document: &PdfDocument, pdf: &Pdf) -> Result<(), Failure> {
        if ids_of(pdf).is_none_or(|ids| ids != self.pages) {
            return Err(damaged("its pages would not be the same after a change"));
        }
        for (index, (before, after)) in document.pdf().pages().iter().zip(pdf.pages().iter()).enumerate() {
            let number = PageNo::from_index(index);
            if !PageGeometry::of(before, number)?.is_near(&PageGeometry::of(after, number)?) {
                return Err(damaged(format!("page {number} would lie otherwise after a change")));
            }
        }
        Ok(())
    }
}

/// The pages' objects; an error if a page has none of its own.
fn page_ids(document: &PdfDocument) -> Result<Vec<ObjectId>, Failure> {
    let pdf = document.pdf();
    let ids = ids_of(&pdf).ok_or_else(|| damaged("a page is not an object of its own"))?;
    let distinct: HashSet<&ObjectId> = ids.iter().collect();
    if distinct.len() == ids.len() { Ok(ids) } else { Err(damaged("two pages are one object")) }
}

fn ids_of(pdf: &Pdf) -> Option<Vec<ObjectId>> {
    let id = |page: &Page<'_>| {
        let dictionary = page.raw();
        // A page inside its parent has the parent's id.
        let id = dictionary.obj_id().filter(|_| !dictionary.contains_key(b"Kids"))?;
        Some((id.obj_number, u16::try_from(id.gen_number).ok()?))
    };
    pdf.pages().iter().map(id).collect()
}

/// Writes the original byte by byte, and says so if words are missing from it.
pub(crate) fn write_original(
    document: &PdfDocument,
    pages: &mut dyn Iterator<Item = Result<PageLayout, Failure>>,
    output: &mut dyn Write,
) -> Result<Vec<Warning>, Failure> {
    let mut lacks_words = false;
    for index in 0..document.page_count() {
        let layout = super::next_layout(pages, PageNo::from_index(index))?;
        lacks_words |= layout.source == TextSource::Ocr && !layout.words.is_empty();
    }
    output.write_all(&document.file).map_err(|e| unwritable(&e))?;
    let message = "The document is signed and was left as it is: a text layer would break the signature. \
                   To get one all the same, set signed: change in the pipeline's ocr stage";
    Ok(lacks_words.then(|| Warning::new(WarningKind::SignatureKept, None, message)).into_iter().collect())
}

/// Writes the document with the layers that `pages` bring.
pub(crate) fn write(
    mut overlay: Overlay,
    document: &PdfDocument,
    pages: &mut dyn Iterator<Item = Result<PageLayout, Failure>>,
    output: &mut dyn Write,
) -> Result<Vec<Warning>, Failure> {
    let mut changed = false;
    let mut warnings = Vec::new();
    for index in 0..document.page_count() {
        let layout = super::next_layout(pages, PageNo::from_index(index))?;
        if layout.source == TextSource::Ocr && !layout.words.is_empty() {
            warnings.extend(overlay.add(document, &layout)?);
            changed = true;
        }
    }
    if !changed {
        output.write_all(&document.file).map_err(|e| unwritable(&e))?;
        return Ok(Vec::new());
    }
    overlay.write(document, output)?;
    warnings.extend(document.signature_warning());
    Ok(warnings)
}
