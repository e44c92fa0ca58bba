//! The round trip of searchable PDFs: what the input was and carried is still there, and the words are where the layout has them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use crp_model::Layout;
use crp_testkit::{
    CommandLine, furnished,
    programs::{corpus, output_of, program, skipped},
    samples,
};
use serde_json::Value;

use crate::{
    agreement::{self, Agreement},
    pdf_objects::{self, Comparison, Objects},
    pdf_tools::{page_text, pages_of, stored_images},
    readers,
};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

/// How far a word's middle may be from where it is, in heights of its line.
const HALF_A_LINE: f64 = 0.5;

/// The least share of the words that poppler has where they are.
const NEARLY_ALL: f64 = 0.985;
/// Files of which it has fewer, the share that it must have, and why.
const FEWER: [(&str, f64, &str); 4] = [
    ("truetype_font_nomapping.pdf", 0.0, PRINTED),
    ("arial_unicode_ab_cidfont.pdf", 0.0, PRINTED),
    ("bug894572.pdf", 0.25, PRINTED),
    ("bug1392647.pdf", 0.0, "its one word is printed as text already, with zero-width blanks that recognition cannot see"),
];
const PRINTED: &str = "what the page prints in a font that tells wrong characters is taken for text that is there already";

/// The least shares of a whole corpus: of the words that are where they are, of the lines that are whole, and copied whole.
const MOST: [f64; 3] = [0.95, 0.7, 0.7];

/// What became of one file.
#[derive(Debug, Default)]
struct Trip {
    file: String,
    /// `unchanged`, `layer`, `rebuilt` or the code of a failure.
    outcome: String,
    pages: usize,
    compared: Comparison,
    agreement: Agreement,
    /// What must not be.
    wrong: Vec<String>,
}

/// Files for one process: what it does must not outlast the patience of a test on a busy machine.
const BATCH: usize = 1;
/// Set, the whole corpus makes the round trip; that takes minutes.
const WHOLE_CORPUS: &str = "CRP_ROUND_TRIP";

/// A pipeline that recognises every page, whether it has text or not.
const FORCE: &str = "name: force\nstages:\n  - type: ocr\n    mode: force\n";

/// Runs the files and looks at each result.
async fn trips(folder: &Path, files: &[PathBuf], arguments: &[&str]) -> Vec<Trip> {
    let command = CommandLine::new(BINARY, folder).env("CRPIPELINE_MAX_PAGE_MEGAPIXELS", "9");
    let mut trips = Vec::new();
    for batch in files.chunks(BATCH) {
        let mut all: Vec<&std::ffi::OsStr> = ["run", "--json", "-o", "out"].iter().chain(arguments).map(AsRef::as_ref).collect();
        all.extend(batch.iter().map(|file| file.as_os_str()));
        let ran = command.run(&all).await;
        let lines = ran.json_lines();
        assert_eq!(lines.len(), batch.len(), "{}", ran.stderr);
        trips.extend(batch.iter().zip(&lines).map(|(file, line)| trip(file, line, &folder.join("out"))));
    }
    trips
}

fn trip(input: &Path, line: &Value, out: &Path) -> Trip {
    let file = input.file_name().unwrap().to_string_lossy().into_owned();
    if line["status"] != "succeeded" {
        let outcome = line["failure"]["code"].as_str().unwrap_or("no code").to_owned();
        return Trip { file, outcome, ..Trip::default() };
    }
    let stem = input.file_stem().unwrap().to_string_lossy();
    let output = out.join(format!("{stem}.pdf"));
    let layout: Layout = serde_json::from_slice(&std::fs::read(out.join(format!("{stem}.json"))).unwrap()).unwrap();
    let mut trip = Trip { file, pages: layout.pages.len(), ..Trip::default() };
    let is_rebuilt = line["warnings"].as_array().unwrap().iter().any(|warning| warning["code"] == "rebuilt_from_images");
    let is_picture = input.extension().is_some_and(|extension| extension != "pdf");
    let is_same = !is_picture && std::fs::read(input).unwrap() == std::fs::read(&output).unwrap();
    trip.outcome = if is_same {
        "unchanged"
    } else if is_picture {
        "picture"
    } else if is_rebuilt {
        "rebuilt"
    } else {
        "layer"
    }
    .to_owned();
    if is_same {
        return trip;
    }
    trip.wrong.extend(unsound(&output, (trip.outcome == "layer").then_some(input)));
    if trip.outcome == "layer" {
        keep_all(input, &output, &mut trip);
    }
    // A JPEG is put into its page as it is.
    if is_picture && input.extension().is_some_and(|extension| extension == "jpg") {
        let same = stored_images(&output).is_none_or(|images| images == [std::fs::read(input).unwrap()]);
        trip.wrong.extend((!same).then(|| "the JPEG in the page is not the one that came".to_owned()));
    }
    if let Some(read) = readers::poppler(&output, &layout) {
        trip.agreement = agreement::of_document(&layout, &read, HALF_A_LINE);
    }
    trip
}

/// Nothing of the input is lost.
fn keep_all(input: &Path, output: &Path, trip: &mut Trip) {
    let (Some(before), after) = (Objects::of(input), Objects::of(output)) else { return };
    match after {
        Some(after) => trip.compared = pdf_objects::compare(&before, &after),
        None if program("qpdf").is_some() => trip.wrong.push("qpdf could read the input and cannot read the output".to_owned()),
        None => {}
    }
    trip.wrong.append(&mut trip.compared.losses);
}

/// What qpdf complains about in the output and not in the input.
fn unsound(output: &Path, input: Option<&Path>) -> Option<String> {
    let qpdf = program("qpdf")?;
    let check = |file: &Path| {
        let output = Command::new(&qpdf).arg("--check").arg(file).output().expect("qpdf can be started");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        // Success is 0, warnings are 3, errors 2.
        let severity = [Some(0), Some(3)].iter().position(|code| *code == output.status.code()).unwrap_or(2);
        (severity, said.matches("WARNING").count(), said)
    };
    let before = input.map_or((0, 0, String::new()), check);
    let (severity, warnings, said) = check(output);
    (severity > before.0 || warnings > before.1).then(|| format!("qpdf --check: {said}"))
}

/// One line for each file, and how many had each outcome.
fn summary(trips: &[Trip]) -> String {
    let mut table = String::new();
    let (mut outcomes, mut all) = (BTreeMap::<&str, usize>::new(), Agreement::default());
    for trip in trips {
        *outcomes.entry(&trip.outcome).or_default() += 1;
        let Trip { file, outcome, pages, compared, agreement, wrong } = trip;
        table += &format!("{file:<34} {outcome:<12} pages {pages}, layers {}, images {}, ", compared.layers, compared.images);
        table += &format!("{agreement}{}\n", if wrong.is_empty() { "" } else { "  WRONG" });
        all.add(Agreement { complaints: Vec::new(), ..agreement.clone() });
    }
    let pages: usize = trips.iter().map(|trip| trip.pages).sum();
    table + &format!("{} files, {pages} pages: {outcomes:?}; {all}\n", trips.len())
}

fn assert_nothing_wrong(trips: &[Trip]) {
    eprintln!("{}", summary(trips));
    let wrong: Vec<_> = trips.iter().flat_map(|trip| trip.wrong.iter().map(move |what| format!("{}: {what}", trip.file))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Each file by itself: its words are where they are, and no page's own content is another.
fn judge_each(trips: &mut [Trip]) {
    for trip in trips {
        let fewer = FEWER.iter().find(|(file, ..)| *file == trip.file);
        if let Some((file, least, why)) = fewer {
            eprintln!("{file} needs {:.0} % of its words: {why}", least * 100.0);
        }
        let least = fewer.map_or(NEARLY_ALL, |(_, least, _)| *least);
        if trip.agreement.shares()[0] < least {
            trip.wrong.push(format!("{}: {:#?}", trip.agreement, trip.agreement.complaints));
        }
        // No page here has an old layer of ours or of another program that is to be replaced.
        trip.wrong.extend(trip.compared.rewritten.iter().map(|page| format!("{page} is not what it was")));
    }
}

/// Judges documents of the corpus: each keeps what it has, most are read, and their words are where they are.
fn assert_corpus(mut trips: Vec<Trip>, outcomes: &[&str], least: [f64; 3]) {
    judge_each(&mut trips);
    let mut all = Agreement::default();
    for trip in trips.iter().filter(|trip| outcomes.contains(&trip.outcome.as_str())) {
        all.add(trip.agreement.clone());
    }
    assert_nothing_wrong(&trips);
    let read = trips.iter().filter(|trip| outcomes.contains(&trip.outcome.as_str())).count();
    assert!(read * 10 >= trips.len() * 9, "only {read} of {} files were read", trips.len());
    let enough = all.shares().iter().zip(least).all(|(share, least)| *share >= least);
    assert!(enough && all.words > 1000, "{all}");
}

fn corpus_if_asked_for() -> Option<PathBuf> {
    if std::env::var_os(WHOLE_CORPUS).is_none() {
        skipped("the round trip of the corpus is made when CRP_ROUND_TRIP is set");
        return None;
    }
    corpus()
}

fn files_of(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted)));
    files.sort();
    files
}

#[tokio::test]
async fn every_pdf_of_the_corpus_keeps_what_it_has_and_gets_its_words_where_they_are() {
    let Some(corpus) = corpus_if_asked_for() else { return };
    let folder = tempfile::tempdir().unwrap();
    let files = files_of(&corpus.join("ocrmypdf"), &["pdf"]);
    let trips = trips(folder.path(), &files, &[]).await;
    assert_corpus(trips, &["layer", "unchanged"], MOST);
}

#[tokio::test]
async fn every_page_of_a_long_scan_keeps_what_it_has_and_gets_its_words_where_they_are() {
    let Some(corpus) = corpus_if_asked_for() else { return };
    let folder = tempfile::tempdir().unwrap();
    // In parts, for the same reason as `BATCH`.
    let part = |pages: &&str| {
        let to = folder.path().join(format!("scan24-{pages}.pdf"));
        pages_of(&corpus.join("scan24/scan24.pdf"), pages, &to).map(|()| to)
    };
    let files: Vec<PathBuf> = ["1-4", "5-8", "9-12", "13-16", "17-20", "21-24"].iter().filter_map(part).collect();
    let trips = trips(folder.path(), &files, &[]).await;
    assert_corpus(trips, &["layer"], MOST);
}

#[tokio::test]
async fn every_odd_pdf_of_the_corpus_is_refused_or_keeps_what_it_has() {
    let Some(corpus) = corpus_if_asked_for() else { return };
    let folder = tempfile::tempdir().unwrap();
    let files = files_of(&corpus.join("odd-pdfs"), &["pdf"]);
    let mut trips = trips(folder.path(), &files, &[]).await;
    judge_each(&mut trips);
    assert_nothing_wrong(&trips);
}

#[tokio::test]
async fn every_odd_pdf_of_the_corpus_keeps_what_it_has_when_all_its_pages_are_recognised() {
    let Some(corpus) = corpus_if_asked_for() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("force.yaml"), FORCE).unwrap();
    let files = files_of(&corpus.join("odd-pdfs"), &["pdf"]);
    // Where words stand is no question here: most are printed as text already, and are not said twice.
    assert_nothing_wrong(&trips(folder.path(), &files, &["-p", "force.yaml"]).await);
}

#[tokio::test]
async fn every_picture_of_the_corpus_becomes_a_page_with_its_words_where_they_are() {
    let Some(corpus) = corpus_if_asked_for() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut files = files_of(&corpus.join("ocrmypdf"), &["png", "jpg"]);
    files.extend(files_of(&corpus.join("pages"), &["png", "tif"]));
    let trips = trips(folder.path(), &files, &[]).await;
    assert_corpus(trips, &["picture"], MOST);
}

#[tokio::test]
async fn every_receipt_of_the_corpus_becomes_a_page_with_its_words_where_they_are() {
    let Some(corpus) = corpus_if_asked_for() else { return };
    let folder = tempfile::tempdir().unwrap();
    let files = files_of(&corpus.join("receipts"), &["jpg"]);
    let trips = trips(folder.path(), &files, &[]).await;
    // Poppler takes a price for a column of its own where it stands far from what it is the price of.
    assert_corpus(trips, &["picture"], [MOST[0], 0.45, 0.55]);
}

/// How the same document can be stored: what qpdf is told to make of it.
const STORED: [(&str, &[&str]); 5] = [
    ("tables", &["--object-streams=disable"]),
    ("object-streams", &["--object-streams=generate"]),
    ("linearized", &["--linearize"]),
    ("aes-256", &["--encrypt", "", "owner", "256", "--"]),
    ("rc4-128", &["--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=n", "--"]),
];

/// The furnished scan in every form: as it was written, as qpdf stores it, and as bad programs hand it on.
fn furnished_files(folder: &Path) -> Option<Vec<PathBuf>> {
    let qpdf = program("qpdf")?;
    let written = furnished::pdf(false);
    let file = |name: &str| folder.join(format!("{name}.pdf"));
    std::fs::write(file("written"), &written).unwrap();
    let mut files = vec![file("written")];
    for (name, arguments) in STORED {
        output_of(Command::new(&qpdf).args(arguments).arg(file("written")).arg(file(name)));
        files.push(file(name));
    }
    let end = written.windows(9).rposition(|window| window == b"startxref").unwrap();
    let broken = [&written[..end], b"startxref\n7\n%%EOF\n"].concat();
    let after_junk = [b"\n\nfrom a mail\n", written.as_slice()].concat();
    for (name, bytes) in [("broken-reference", broken), ("after-junk", after_junk)] {
        std::fs::write(file(name), bytes).unwrap();
        files.push(file(name));
    }
    Some(files)
}

#[tokio::test]
async fn whatever_a_scan_carries_beside_its_pages_is_still_there_however_it_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    let Some(files) = furnished_files(folder.path()) else { return };
    let mut trips = trips(folder.path(), &files, &[]).await;
    for trip in &mut trips {
        let Trip { outcome, compared, agreement, .. } = &*trip;
        let expected = outcome == "layer" && (compared.layers, compared.images) == (furnished::PAGES, furnished::PAGES);
        let words = agreement.is_full() && agreement.words > furnished::PAGES;
        if !(expected && words && compared.rewritten.is_empty()) {
            let told = format!("{trip:#?}");
            trip.wrong.push(told);
        }
    }
    assert_nothing_wrong(&trips);
}

#[tokio::test]
async fn a_layer_of_ours_is_replaced_and_everything_else_stays() {
    let folder = tempfile::tempdir().unwrap();
    let [first, again] = ["first.pdf", "again.pdf"].map(|name| folder.path().join(name));
    std::fs::write(&first, furnished::pdf(false)).unwrap();
    trips(folder.path(), &[first], &[]).await;
    std::fs::rename(folder.path().join("out/first.pdf"), &again).unwrap();
    std::fs::write(folder.path().join("force.yaml"), FORCE).unwrap();
    let trips = trips(folder.path(), &[again], &["-p", "force.yaml"]).await;
    assert_nothing_wrong(&trips);
    let Trip { outcome, compared, agreement, .. } = &trips[0];
    assert_eq!((outcome.as_str(), compared.images), ("layer", furnished::PAGES), "{trips:#?}");
    assert!(agreement.is_full() && agreement.words > furnished::PAGES, "{agreement:?}");
    // The first page has a form, whose values are words too.
    let text = page_text(&folder.path().join("out/again.pdf"), 2).map(|text| text.split_whitespace().count());
    let once = samples::slip_texts()[1].split_whitespace().count();
    assert!(text.is_none_or(|words| words == once), "{text:?} words are on the second page, {once} are right");
}

#[tokio::test]
async fn a_signed_scan_is_left_alone_or_gets_its_layer_as_the_pipeline_says() {
    let folder = tempfile::tempdir().unwrap();
    let signed = folder.path().join("signed.pdf");
    std::fs::write(&signed, furnished::pdf(true)).unwrap();
    let kept = trips(folder.path(), std::slice::from_ref(&signed), &[]).await;
    assert_eq!(kept[0].outcome, "unchanged");
    std::fs::write(folder.path().join("change.yaml"), "name: change\nstages:\n  - type: ocr\n    signed: change\n").unwrap();
    let changed = trips(folder.path(), &[signed], &["-p", "change.yaml"]).await;
    assert_nothing_wrong(&changed);
    assert_eq!((changed[0].outcome.as_str(), changed[0].compared.layers), ("layer", furnished::PAGES), "{changed:#?}");
}
