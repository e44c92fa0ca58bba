//! Makes the text layer of a searchable PDF visible, in red over the page, for people who check where its words stand.
//!
//! `cargo run -p crp-ocr --example visible_layer IN.pdf OUT.pdf`; IN is a result of crPipeline. Characters beyond ASCII are shown
//! as `?`; only places and widths are what is looked at.

use std::error::Error;

use lopdf::{Dictionary, Document, Object, Stream, content::Content, dictionary};

/// Width of a glyph of the layer's font, and of Courier, in thousandths of the font size.
const ADVANCES: (f32, f32) = (500.0, 600.0);

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = paths.as_slice() else { return Err("usage: visible_layer IN.pdf OUT.pdf".into()) };
    let mut document = Document::load(input)?;
    let courier = document.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier" });
    let pages: Vec<_> = document.get_pages().into_values().collect();
    let mut layers = 0;
    for page in pages {
        let streams = document.get_page_contents(page);
        let found: Vec<Vec<u8>> =
            streams.iter().filter_map(|id| visible(&document.get_object(*id).ok()?.as_stream().ok()?.get_plain_content().ok()?)).collect();
        layers += found.len();
        for layer in found {
            // The state that the page's own content leaves must not move the layer.
            let before = document.add_object(Stream::new(Dictionary::new(), b"q\n".to_vec()));
            let after = document.add_object(Stream::new(Dictionary::new(), [b"Q\n", layer.as_slice()].concat()));
            let contents = [before].into_iter().chain(streams.iter().copied()).chain([after]).map(Object::Reference).collect();
            document.get_object_mut(page)?.as_dict_mut()?.set("Contents", Object::Array(contents));
            name_font(&mut document, page, courier)?;
        }
    }
    document.save(output)?;
    println!("{layers} layers made visible");
    Ok(())
}

/// The part of a content stream that is a layer of ours, drawn in red Courier; `None` if there is none.
fn visible(content: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(content);
    let start = text.find("BT 3 Tr /Crp")?;
    let end = text.rfind("ET")? + 2;
    let mut operations = Content::decode(&text.as_bytes()[start..end]).ok()?.operations;
    for operation in &mut operations {
        match (operation.operator.as_str(), operation.operands.as_mut_slice()) {
            ("Tr", [mode]) => *mode = 0.into(),
            ("Tf", [font, _]) => *font = Object::Name(b"VisibleLayer".to_vec()),
            ("Tz", [percent]) => *percent = Object::Real(percent.as_float().ok()? * ADVANCES.0 / ADVANCES.1),
            ("Tj", [Object::String(codes, _)]) => {
                *codes = codes.chunks(2).map(|c| if c[0] == 0 && c[1].is_ascii() { c[1] } else { b'?' }).collect();
            }
            _ => {}
        }
    }
    let drawn = Content { operations }.encode().ok()?;
    Some([b"q 1 0 0 rg\n", drawn.as_slice(), b"\nQ\n"].concat())
}

fn name_font(document: &mut Document, page: lopdf::ObjectId, font: lopdf::ObjectId) -> Result<(), Box<dyn Error>> {
    let (own, inherited) = document.get_page_resources(page)?;
    let mut resources = match (own, inherited.first()) {
        (Some(own), _) => own.clone(),
        (None, Some(id)) => document.get_dictionary(*id)?.clone(),
        (None, None) => Dictionary::new(),
    };
    let fonts = resources.get(b"Font").ok().and_then(|fonts| document.dereference(fonts).ok());
    let mut fonts = fonts.and_then(|(_, fonts)| fonts.as_dict().ok().cloned()).unwrap_or_default();
    fonts.set("VisibleLayer", Object::Reference(font));
    resources.set("Font", fonts);
    document.get_object_mut(page)?.as_dict_mut()?.set("Resources", resources);
    Ok(())
}
