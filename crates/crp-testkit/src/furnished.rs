//! A scan that carries everything that a PDF can carry beside what its pages show: links, outline, form, attachments, tags and more.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};

use crate::{pdf_file::PdfFile, samples};

/// Pages of [`pdf`]; each shows the slip of its number.
pub const PAGES: usize = 3;

/// What is attached, byte for byte.
pub const ATTACHMENT: &[u8] = b"Item;Price\nPump;129.00\nHose;\xe4\xf6\xfc\x00\x01\xff";

/// The scan. With `is_signed`, its form has a signature field with a value (which no authority ever gave).
pub fn pdf(is_signed: bool) -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let [parent, first, second, third] = [(); 4].map(|()| pdf.reserve());
    let pages = [first, second, third];
    let layers = Layers::add(&mut pdf);
    let annotations = annotations(&mut pdf, pages);
    let form = form(&mut pdf, first, is_signed);
    let tags = tags(&mut pdf, pages);
    let images = images(&mut pdf);

    let on_page = [[annotations.as_slice(), &form.widgets].concat(), Vec::new(), Vec::new()];
    for (at, (page, image)) in pages.into_iter().zip(images).enumerate() {
        let content = "/P << /MCID 0 >> BDC q 288 0 0 28.8 0 0 cm /Im0 Do Q EMC /OC /Layer BDC 0.9 g 0 0 1 1 re f EMC";
        // The second page's content comes in parts that make sense only together.
        let contents = if at == 1 {
            let (before, after) = content.split_at(content.find("cm").unwrap_or(0));
            format!("[{} 0 R {} 0 R]", pdf.add_stream("", before.as_bytes()), pdf.add_stream("", after.as_bytes()))
        } else {
            format!("{} 0 R", pdf.add_stream("", content.as_bytes()))
        };
        let own = match at {
            0 => {
                "/Trans << /S /Dissolve /D 0.5 >> /Dur 5 /Tabs /S /PieceInfo << /Scanner << /LastModified (D:20260301120000Z) /Private (roller 3) >> >>"
            }
            1 => {
                "/CropBox [2 2 286 27] /TrimBox [3 3 285 26] /BleedBox [2.5 2.5 285.5 26.5] /ArtBox [4 4 284 25] /Group << /S /Transparency /CS /DeviceGray >>"
            }
            _ => "/AA << /O << /S /URI /URI (https://example.org/opened) >> >> /UserUnit 1.0",
        };
        let references = on_page[at].iter().map(|id| format!("{id} 0 R ")).collect::<String>();
        pdf.set(
            page,
            format!(
                "<< /Type /Page /Parent {parent} 0 R /Contents {contents} /Annots [{references}] /StructParents {at} {own} /Resources \
                 << /XObject << /Im0 {image} 0 R >> /Properties << /Layer {} 0 R >> >> >>",
                layers.group
            ),
        );
    }
    pdf.set(parent, format!("<< /Type /Pages /Count {PAGES} /MediaBox [0 0 288 28.8] /Kids [{first} 0 R {second} 0 R {third} 0 R] >>"));
    let (outline, names) = (outline(&mut pdf, pages), names(&mut pdf, pages));
    let metadata = metadata(&mut pdf);
    let intent = pdf.add_stream("/N 1", b"no profile that anybody could use");
    let catalog = pdf.add(format!(
        "<< /Type /Catalog /Version /1.7 /Pages {parent} 0 R /Outlines {outline} 0 R /Names {names} 0 R /Metadata {metadata} 0 R \
         /AcroForm {} 0 R /StructTreeRoot {tags} 0 R /MarkInfo << /Marked true >> /Lang (en-GB) /OCProperties {} \
         /PageLabels << /Nums [0 << /S /r >> 1 << /S /D /P (A-) /St 7 >>] >> /Dests << /Old [{second} 0 R /Fit] >> \
         /ViewerPreferences << /DisplayDocTitle true /Direction /L2R /NumCopies 2 >> /PageLayout /TwoColumnRight /PageMode /UseOutlines \
         /OpenAction [{second} 0 R /XYZ 0 28 2] /OutputIntents [<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (gray) \
         /DestOutputProfile {intent} 0 R >>] /Threads [] /URI << /Base (https://example.org/) >> \
         /Extensions << /ADBE << /BaseVersion /1.7 /ExtensionLevel 3 >> >> >>",
        form.form, layers.properties
    ));
    let info = pdf.add(
        "<< /Title (Three slips) /Author <FEFF00C40072007A0074006500200026002000430069006500> /Subject (kept) /Keywords (slip, scan) \
         /Creator (a scanner) /Producer (its driver) /CreationDate (D:20260301120000+01'00') /ModDate (D:20260302120000Z) /Trapped /False \
         /Department (accounts) >>",
    );
    pdf.finish_with_trailer(catalog, &format!("/Info {info} 0 R"))
}

/// The slips' images, compressed.
fn images(pdf: &mut PdfFile) -> Vec<usize> {
    let slips = lopdf::Document::load_mem(&samples::slips(PAGES)).expect("our own PDF can be read");
    let streams = slips.objects.values().filter_map(|object| object.as_stream().ok());
    let images: Vec<Vec<u8>> = streams.filter(|stream| stream.dict.has_type(b"XObject")).map(|stream| deflated(&stream.content)).collect();
    let entries = "/Type /XObject /Subtype /Image /Width 1200 /Height 120 /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /FlateDecode";
    images.iter().map(|image| pdf.add_stream(entries, image)).collect()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written")
}

/// Optional content.
struct Layers {
    group: usize,
    properties: String,
}

impl Layers {
    fn add(pdf: &mut PdfFile) -> Self {
        let group = pdf.add("<< /Type /OCG /Name (Stamp) /Usage << /Print << /PrintState /OFF >> >> >>");
        let properties =
            format!("<< /OCGs [{group} 0 R] /D << /Name (Office) /OFF [{group} 0 R] /Order [{group} 0 R] /Locked [{group} 0 R] >> >>");
        Self { group, properties }
    }
}

/// Links of every kind, a note with its window, an attached file on the page.
fn annotations(pdf: &mut PdfFile, [first, second, third]: [usize; 3]) -> Vec<usize> {
    let file = attached(pdf, "on-page.csv");
    let (note, popup) = (pdf.reserve(), pdf.reserve());
    pdf.set(
        note,
        format!(
            "<< /Type /Annot /Subtype /Text /Rect [200 2 210 12] /P {first} 0 R /Contents (Paid?) /T (Ms Roth) /Popup {popup} 0 R \
             /M (D:20260301120000Z) /NM (note-1) /CA 0.8 >>"
        ),
    );
    pdf.set(popup, format!("<< /Type /Annot /Subtype /Popup /Rect [210 2 260 20] /Parent {note} 0 R /Open false >>"));
    let link = |target: String| format!("<< /Type /Annot /Subtype /Link /Rect [5 5 60 20] /Border [0 0 0] /P {first} 0 R {target} >>");
    let links = [
        "/A << /S /URI /URI (https://example.org/slip?number=1&x=\\(y\\)) >>".to_owned(),
        format!("/Dest [{third} 0 R /XYZ 10 20 null]"),
        "/Dest (chapter)".to_owned(),
        format!("/A << /S /GoTo /D [{second} 0 R /FitR 0 0 100 20] /Next << /S /Named /N /NextPage >> >>"),
        "/A << /S /GoToR /F (other.pdf) /D (start) /NewWindow true >>".to_owned(),
    ];
    let mut all: Vec<usize> = links.into_iter().map(|target| pdf.add(link(target))).collect();
    all.extend([note, popup]);
    all.push(pdf.add(format!("<< /Type /Annot /Subtype /FileAttachment /Rect [270 2 280 12] /FS {file} 0 R /Name /Paperclip >>")));
    all
}

struct Form {
    form: usize,
    widgets: Vec<usize>,
}

/// A filled-in form: text, check box, choice, a pair of radio buttons below one field, and perhaps a signature.
fn form(pdf: &mut PdfFile, page: usize, is_signed: bool) -> Form {
    let font = pdf.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>");
    let look = pdf.add_stream(&format!("/Subtype /Form /BBox [0 0 60 12] /Resources << /Font << /Helv {font} 0 R >> >>"), b"/Tx BMC EMC");
    let on = pdf.add_stream("/Subtype /Form /BBox [0 0 8 8]", b"0 0 8 8 re s");
    let widget = "/Type /Annot /Subtype /Widget /F 4";
    let mut widgets = vec![
        pdf.add(format!(
            "<< {widget} /P {page} 0 R /Rect [62 2 122 14] /FT /Tx /T (name) /TU (Your name) /V (J\\366rg & S\\366hne) /DV (none) \
             /DA (/Helv 8 Tf 0 g) /MaxLen 40 /AP << /N {look} 0 R >> >>"
        )),
        pdf.add(format!("<< {widget} /P {page} 0 R /Rect [130 2 138 10] /FT /Btn /T (paid) /V /Yes /AS /Yes /AP << /N << /Yes {on} 0 R >> >> >>")),
        pdf.add(format!(
            "<< {widget} /P {page} 0 R /Rect [140 2 170 14] /FT /Ch /Ff 131072 /T (way) /Opt [(cash) [(c) (card)]] /V (c) /I [1] /DA (/Helv 0 Tf 0 g) >>"
        )),
    ];
    let radio = pdf.reserve();
    let buttons = [0, 1].map(|at| {
        let state = if at == 1 { "/B" } else { "/Off" };
        pdf.add(format!("<< {widget} /P {page} 0 R /Parent {radio} 0 R /Rect [{} 2 18{at} 9] /AS {state} /MK << /CA (l) >> >>", 172 + at))
    });
    pdf.set(radio, format!("<< /FT /Btn /Ff 49152 /T (kind) /V /B /Kids [{} 0 R {} 0 R] >>", buttons[0], buttons[1]));
    let mut fields = widgets.clone();
    fields.push(radio);
    widgets.extend(buttons);
    if is_signed {
        let signature = pdf.add(
            "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /ByteRange [0 10 20 30] /Contents <3000> \
             /M (D:20260301120000Z) /Name (Ms Roth) >>",
        );
        let field = pdf.add(format!("<< {widget} /P {page} 0 R /Rect [220 2 260 14] /FT /Sig /T (signature) /V {signature} 0 R >>"));
        fields.push(field);
        widgets.push(field);
    }
    let references = fields.iter().map(|id| format!("{id} 0 R ")).collect::<String>();
    let flags = if is_signed { 3 } else { 0 };
    let form = pdf.add(format!(
        "<< /Fields [{references}] /NeedAppearances false /SigFlags {flags} /DA (/Helv 0 Tf 0 g) /Q 1 /DR << /Font << /Helv {font} 0 R >> >> \
         /CO [{} 0 R] >>",
        fields[0]
    ));
    Form { form, widgets }
}

/// The tree of tags: a paragraph on each page.
fn tags(pdf: &mut PdfFile, pages: [usize; 3]) -> usize {
    let (root, section) = (pdf.reserve(), pdf.reserve());
    let paragraphs = pages.map(|page| {
        pdf.add(format!(
            "<< /Type /StructElem /S /Para /P {section} 0 R /Pg {page} 0 R /K 0 /ActualText (a slip) /Alt (slip) /Lang (de) >>"
        ))
    });
    let [a, b, c] = paragraphs;
    pdf.set(section, format!("<< /Type /StructElem /S /Sect /P {root} 0 R /K [{a} 0 R {b} 0 R {c} 0 R] /T (All slips) >>"));
    pdf.set(
        root,
        format!(
            "<< /Type /StructTreeRoot /K {section} 0 R /RoleMap << /Para /P >> /ParentTreeNextKey 3 /ParentTree \
             << /Nums [0 [{a} 0 R] 1 [{b} 0 R] 2 [{c} 0 R]] >> >>"
        ),
    );
    root
}

/// Two levels, by page, by name, by action; colours and flags.
fn outline(pdf: &mut PdfFile, [first, _, third]: [usize; 3]) -> usize {
    let [root, one, two, below] = [(); 4].map(|()| pdf.reserve());
    pdf.set(root, format!("<< /Type /Outlines /First {one} 0 R /Last {two} 0 R /Count 3 >>"));
    pdf.set(
        one,
        format!("<< /Title (First slip) /Parent {root} 0 R /Next {two} 0 R /Dest [{first} 0 R /XYZ 0 28 0] /C [0.8 0 0.1] /F 2 /First {below} 0 R /Last {below} 0 R /Count 1 >>"),
    );
    pdf.set(below, format!("<< /Title <FEFF00DC00620065007200730069006300680074> /Parent {one} 0 R /Dest (chapter) >>"));
    pdf.set(two, format!("<< /Title (Third slip) /Parent {root} 0 R /Prev {one} 0 R /A << /S /GoTo /D [{third} 0 R /FitH 20] >> >>"));
    root
}

/// Trees of names: destinations, attached files, a script.
fn names(pdf: &mut PdfFile, [_, second, _]: [usize; 3]) -> usize {
    let file = attached(pdf, "items.csv");
    let leaf = pdf
        .add(format!("<< /Limits [(chapter) (end)] /Names [(chapter) [{second} 0 R /XYZ 0 20 0] (end) << /D [{second} 0 R /Fit] >>] >>"));
    pdf.add(format!(
        "<< /Dests << /Kids [{leaf} 0 R] >> /EmbeddedFiles << /Names [(items.csv) {file} 0 R] >> \
         /JavaScript << /Names [(sum) << /S /JavaScript /JS (var total = 0;) >>] >> >>"
    ))
}

fn attached(pdf: &mut PdfFile, name: &str) -> usize {
    let entries = format!("/Type /EmbeddedFile /Subtype /text#2Fcsv /Params << /Size {} /ModDate (D:20260301120000Z) >>", ATTACHMENT.len());
    let stream = pdf.add_stream(&entries, ATTACHMENT);
    pdf.add(format!(
        "<< /Type /Filespec /F ({name}) /UF ({name}) /Desc (The items) /AFRelationship /Data /EF << /F {stream} 0 R /UF {stream} 0 R >> >>"
    ))
}

fn metadata(pdf: &mut PdfFile) -> usize {
    let xmp = "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
               <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" \
               xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">Three slips</rdf:li>\
               </rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>";
    pdf.add_stream("/Type /Metadata /Subtype /XML", xmp.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_a_sound_pdf_that_carries_what_it_says() {
        for is_signed in [false, true] {
            let document = lopdf::Document::load_mem(&pdf(is_signed)).unwrap();
            assert_eq!(document.get_pages().len(), PAGES);
            let catalog = document.catalog().unwrap();
            for key in ["Outlines", "Names", "Metadata", "AcroForm", "StructTreeRoot", "OCProperties", "PageLabels", "OutputIntents"] {
                assert!(catalog.has(key.as_bytes()), "{key}");
            }
            let attached = document.objects.values().filter_map(|object| object.as_stream().ok());
            assert_eq!(attached.filter(|stream| stream.content == ATTACHMENT).count(), 2);
        }
    }
}
