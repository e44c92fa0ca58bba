//! Small PDFs of our own, one of every kind that a text layer is written into in another way.

use lopdf::{Dictionary, Document, EncryptionState, EncryptionVersion, Object, ObjectId, Permissions, Stream, dictionary};

/// How many there are.
pub(crate) const COUNT: u8 = 7;

/// All of them.
pub(crate) fn all() -> Vec<Vec<u8>> {
    let letter = letter();
    vec![letter.clone(), inherited(), scan_with_old_text(), locked(), without_cross_reference(&letter), signed(), shared_fonts()]
}

/// A page with text of its own and a cross-reference table.
fn letter() -> Vec<u8> {
    let mut pdf = Pdf::new();
    let font = pdf.helvetica();
    let resources = dictionary! { "Font" => dictionary! { "F1" => font } };
    pdf.page(dictionary! { "Resources" => resources }, &["BT /F1 12 Tf 72 700 Td (Dear reader) Tj ET"]);
    pdf.saved()
}

/// Two pages that inherit size and resources, turned and cropped, in object streams.
fn inherited() -> Vec<u8> {
    let mut pdf = Pdf::new();
    let font = pdf.helvetica();
    pdf.tree.set("Resources", dictionary! { "Font" => dictionary! { "F1" => font } });
    pdf.tree.set("Rotate", 90);
    let crop: Vec<Object> = [10, 20, 300, 400].into_iter().map(Object::Integer).collect();
    pdf.page(dictionary! { "CropBox" => crop, "UserUnit" => 2 }, &["q 1 0 0 1 5 5 cm BT /F1 9 Tf", "(in two parts) Tj ET Q"]);
    pdf.page(dictionary! { "Rotate" => 270 }, &[]);
    let mut document = pdf.finished();
    let mut out = Vec::new();
    document.save_modern(&mut out).expect("bytes can be written to memory");
    out
}

/// A page with invisible text, some of it in a form, and a font that draws by itself.
fn scan_with_old_text() -> Vec<u8> {
    let mut pdf = Pdf::new();
    let font = pdf.helvetica();
    let form = Stream::new(
        dictionary! {
            "Type" => "XObject",
            "Subtype" => "Form",
            "BBox" => vec![0.into(), 0.into(), 612.into(), 792.into()],
            "Resources" => dictionary! { "Font" => dictionary! { "F1" => font.clone() } },
        },
        b"BT 3 Tr /F1 10 Tf 72 700 Td (recognised before) Tj ET".to_vec(),
    );
    let form = pdf.document.add_object(form);
    let pixels = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => 2, "Height" => 2, "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8,
    };
    let picture = pdf.document.add_object(Stream::new(pixels, vec![0, 255, 255, 0]));
    let glyphs = dictionary! {
        "Type" => "Font", "Subtype" => "Type3", "FontMatrix" => vec![0.001.into(), 0.into(), 0.into(), 0.001.into(), 0.into(), 0.into()],
        "FontBBox" => vec![0.into(), 0.into(), 0.into(), 0.into()], "CharProcs" => Dictionary::new(),
        "Encoding" => dictionary! { "Differences" => Vec::<Object>::new() }, "FirstChar" => 0, "LastChar" => 0, "Widths" => vec![500.into()],
    };
    let resources = dictionary! {
        "Font" => dictionary! { "F1" => font, "T3" => pdf.document.add_object(glyphs) },
        "XObject" => dictionary! { "Im" => picture, "Fm" => form },
    };
    let content = "q 612 0 0 792 0 0 cm /Im Do Q q /Fm Do Q q BT 3 Tr /F1 9 Tf 72 600 Td (old words) Tj ET Q BT 3 Tr /T3 9 Tf (x) Tj ET";
    pdf.page(dictionary! { "Resources" => resources }, &[content]);
    pdf.saved()
}

/// Encrypted, but open to everybody.
fn locked() -> Vec<u8> {
    let mut document = Document::load_mem(&letter()).expect("our own PDF can be read");
    let version = EncryptionVersion::V2 {
        document: &document,
        owner_password: "owner",
        user_password: "",
        key_length: 128,
        permissions: Permissions::PRINTABLE,
    };
    let state = EncryptionState::try_from(version).expect("passwords of ASCII make a key");
    document.encrypt(&state).expect("our own PDF can be encrypted");
    let mut out = Vec::new();
    document.save_to(&mut out).expect("bytes can be written to memory");
    out
}

/// Its cross-reference stands where it does not say.
fn without_cross_reference(pdf: &[u8]) -> Vec<u8> {
    let at = pdf.windows(9).rposition(|window| window == b"startxref").expect("a PDF says where its cross-reference is");
    [&pdf[..at], b"startxref\n1\n%%EOF\n"].concat()
}

/// A form that says that it is signed.
fn signed() -> Vec<u8> {
    let mut pdf = Pdf::new();
    pdf.page(Dictionary::new(), &["0 0 10 10 re f"]);
    pdf.catalog.set("AcroForm", dictionary! { "SigFlags" => 3, "Fields" => Vec::<Object>::new() });
    pdf.saved()
}

/// Two pages with one dictionary of fonts, and the letters of one of them in an array of streams that is an object.
fn shared_fonts() -> Vec<u8> {
    let mut pdf = Pdf::new();
    let font = pdf.helvetica();
    let fonts = pdf.document.add_object(dictionary! { "F1" => font });
    let resources = pdf.document.add_object(dictionary! { "Font" => fonts });
    for content in ["BT /F1 12 Tf 72 700 Td (first) Tj ET", "BT /F1 12 Tf (never ends) Tj q q q"] {
        pdf.page(dictionary! { "Resources" => resources }, &[content]);
    }
    pdf.saved()
}

struct Pdf {
    document: Document,
    tree_id: ObjectId,
    tree: Dictionary,
    catalog: Dictionary,
    pages: Vec<Object>,
}

impl Pdf {
    fn new() -> Self {
        let mut document = Document::with_version("1.7");
        let tree_id = document.new_object_id();
        let media = vec![0.into(), 0.into(), 612.into(), 792.into()];
        let tree = dictionary! { "Type" => "Pages", "MediaBox" => media };
        let catalog = dictionary! { "Type" => "Catalog", "Pages" => tree_id };
        Self { document, tree_id, tree, catalog, pages: Vec::new() }
    }

    fn helvetica(&mut self) -> Object {
        let font = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding" };
        self.document.add_object(font).into()
    }

    fn page(&mut self, mut entries: Dictionary, contents: &[&str]) {
        let streams = contents.iter().map(|content| Stream::new(Dictionary::new(), content.as_bytes().to_vec()));
        let streams: Vec<Object> = streams.map(|stream| self.document.add_object(stream).into()).collect();
        entries.set("Type", "Page");
        entries.set("Parent", self.tree_id);
        entries.set("Contents", streams);
        self.pages.push(self.document.add_object(entries).into());
    }

    fn finished(mut self) -> Document {
        self.tree.set("Count", self.pages.len() as i64);
        self.tree.set("Kids", self.pages);
        self.document.objects.insert(self.tree_id, self.tree.into());
        let root = self.document.add_object(self.catalog);
        let id = || Object::string_literal("0123456789abcdef");
        self.document.trailer.set("Root", root);
        self.document.trailer.set("ID", vec![id(), id()]);
        self.document
    }

    fn saved(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.finished().save_to(&mut out).expect("bytes can be written to memory");
        out
    }
}
