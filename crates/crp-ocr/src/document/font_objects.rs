//! The PDF objects of the glyphless font.

use crp_model::Failure;
use lopdf::{Dictionary, Object, ObjectId, dictionary};

use super::{
    glyphless::{ADVANCE, ASCENT, CharacterCodes, DESCENT, font_file, glyph_map},
    objects::ObjectSink,
};

/// Writes the font under the id that pages refer to.
///
/// # Errors
/// As [`ObjectSink::set`].
pub(crate) fn write(sink: &mut dyn ObjectSink, font: ObjectId, codes: &CharacterCodes) -> Result<(), Failure> {
    let file = font_file();
    let file = sink.add_stream(dictionary! { "Length1" => file.len() as i64 }, &file)?;
    let descriptor = sink.add(descriptor(file).into())?;
    let map = sink.add_stream(Dictionary::new(), &glyph_map())?;
    let to_unicode = sink.add_stream(Dictionary::new(), &codes.to_unicode())?;
    let descendant = sink.add(descendant(descriptor, map).into())?;
    sink.set(font, composite(descendant, to_unicode).into())
}

/// The font as pages see it: two bytes per character, read back through `to_unicode`.
fn composite(descendant: ObjectId, to_unicode: ObjectId) -> Dictionary {
    dictionary! {
        "Type" => "Font",
        "Subtype" => "Type0",
        "BaseFont" => "CrpGlyphless",
        "Encoding" => "Identity-H",
        "DescendantFonts" => Object::Array(vec![Object::Reference(descendant)]),
        "ToUnicode" => Object::Reference(to_unicode),
    }
}

/// The font as it is drawn: every code the same width.
fn descendant(descriptor: ObjectId, glyph_map: ObjectId) -> Dictionary {
    dictionary! {
        "Type" => "Font",
        "Subtype" => "CIDFontType2",
        "BaseFont" => "CrpGlyphless",
        "CIDSystemInfo" => dictionary! {
            "Registry" => Object::string_literal("Adobe"),
            "Ordering" => Object::string_literal("Identity"),
            "Supplement" => 0,
        },
        "FontDescriptor" => Object::Reference(descriptor),
        "DW" => i64::from(ADVANCE),
        "CIDToGIDMap" => Object::Reference(glyph_map),
    }
}

/// Its measures and its file.
fn descriptor(file: ObjectId) -> Dictionary {
    let bounds = [0, i64::from(DESCENT), i64::from(ADVANCE), i64::from(ASCENT)];
    dictionary! {
        "Type" => "FontDescriptor",
        "FontName" => "CrpGlyphless",
        // Symbolic, fixed pitch.
        "Flags" => 5,
        "FontBBox" => Object::Array(bounds.into_iter().map(Object::Integer).collect()),
        "ItalicAngle" => 0,
        "Ascent" => i64::from(ASCENT),
        "Descent" => i64::from(DESCENT),
        "CapHeight" => i64::from(ASCENT),
        "StemV" => 80,
        "FontFile2" => Object::Reference(file),
    }
}
