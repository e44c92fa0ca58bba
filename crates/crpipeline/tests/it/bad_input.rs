//! What bad input gets: each case by name with its code, on the command line and through the API.

use crp_testkit::{Api, CommandLine, Server, ServerPlan, Upload, hostile, poll, samples, words::score};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

/// What becomes of a file that cannot, or cannot easily, be read.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// Its first bytes show it: HTTP refuses with this status, the command line with exit code 3.
    Refused(&'static str, u16),
    /// Only reading shows it: a failed job with one of these codes; the command line ends with the code's exit code.
    Fails(&'static [(&'static str, i32)]),
    /// It is read, with this warning.
    Warns(&'static str),
    /// It is read.
    Works,
}

use Outcome::{Fails, Refused, Warns, Works};

struct Case {
    name: &'static str,
    file: &'static str,
    bytes: Vec<u8>,
    outcome: Outcome,
}

const DAMAGED: Outcome = Fails(&[("damaged_file", 3)]);
/// A bomb may be noticed by the reader's own limit or by that of its process; both say that it is the document.
const BOMB: Outcome = Fails(&[("memory_limit", 3), ("page_too_large", 3), ("damaged_file", 3)]);

fn cases() -> Vec<Case> {
    let case = |name, file, bytes, outcome| Case { name, file, bytes, outcome };
    vec![
        case("encrypted", "encrypted.pdf", hostile::encrypted("secret"), Fails(&[("encrypted_pdf", 3)])),
        case("damaged", "damaged.pdf", hostile::damaged(), DAMAGED),
        case("broken off early", "truncated-early.pdf", hostile::truncated(0.002), DAMAGED),
        case("images are noise", "noise.pdf", hostile::damaged_images(), Fails(&[("page_failed", 5), ("damaged_file", 3)])),
        case("empty", "empty.pdf", hostile::empty(), Refused("empty_file", 422)),
        case("not a PDF", "letter-in-disguise.pdf", hostile::not_a_document(), Refused("unsupported_type", 415)),
        case("an archive", "archive.pdf", hostile::plain_zip(), Refused("unsupported_type", 415)),
        case("polyglot: image and PDF", "polyglot.jpg", hostile::jpeg_and_pdf(), Refused("ambiguous_type", 415)),
        case("polyglot: archive and PDF", "polyglot.pdf", hostile::zip_and_pdf(), Refused("ambiguous_type", 415)),
        case("10,000 pages", "many-pages.pdf", hostile::pages_without_contents(10_000), Fails(&[("too_many_pages", 3)])),
        case("no page at all", "no-pages.pdf", hostile::no_pages(), Fails(&[("no_pages", 3)])),
        case("a page of 2 km", "two-kilometres.pdf", hostile::page_of_two_kilometres(), Warns("page_scaled")),
        case("30,000 x 30,000 pixels", "huge.png", hostile::huge_png(30_000), Warns("page_scaled")),
        case("8,000 x 8,000 pixels", "large.png", hostile::huge_png(8_000), Warns("page_scaled")),
        case("bomb in the page's drawing", "bomb-content.pdf", hostile::flate_bomb_content(), BOMB),
        case("bomb in a picture", "bomb-image.pdf", hostile::flate_bomb_image(), BOMB),
        case("bomb in the structure", "bomb-objects.pdf", hostile::flate_bomb_object_stream(), BOMB),
        case("20,000 TIFF directories", "directories.tif", hostile::tiff_with_many_directories(), Fails(&[("too_many_pages", 3)])),
        case("TIFF directories in a loop", "loop.tif", hostile::tiff_with_looping_directories(), Works),
        case("page tree in a loop", "tree-loop.pdf", hostile::page_tree_loop(), Fails(&[("damaged_file", 3), ("no_pages", 3)])),
        case("forms that draw each other", "recursive.pdf", hostile::recursive_forms(), Works),
        case("arrays a hundred thousand deep", "deep.pdf", hostile::deep_arrays(), Fails(&[("damaged_file", 3), ("no_pages", 3)])),
    ]
}

/// What one file became, on either way.
#[derive(Debug, PartialEq)]
struct Became {
    status: String,
    code: String,
    warnings: Vec<String>,
}

impl Became {
    /// Of a job, or of a line of `--json`.
    fn of(result: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let failure = &result["failure"];
        if !failure.is_null() {
            for member in ["message", "remedy"] {
                assert!(failure[member].as_str().is_some_and(|text| text.len() > 15), "{member} is missing in {failure}");
            }
            assert!(failure["retryable"].is_boolean());
        }
        let warnings = result["warnings"].as_array().into_iter().flatten().map(|warning| text(&warning["code"])).collect();
        Self { status: text(&result["status"]), code: text(&failure["code"]), warnings }
    }

    /// `None` if it is as it should be.
    fn differs_from(&self, outcome: Outcome) -> Option<String> {
        let good = match outcome {
            Refused(code, _) => self.status == "failed" && self.code == code,
            Fails(codes) => self.status == "failed" && codes.iter().any(|(code, _)| *code == self.code),
            Warns(warning) => self.status == "succeeded" && self.warnings.iter().any(|code| code == warning),
            Works => self.status == "succeeded",
        };
        (!good).then(|| format!("{outcome:?} was wanted, {self:?} came"))
    }
}

#[tokio::test]
async fn each_bad_file_gets_its_code_and_its_exit_code_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let line = CommandLine::new(BINARY, folder.path());
    let mut wrong = Vec::new();
    for Case { name, file, bytes, outcome } in cases() {
        std::fs::write(folder.path().join(file), bytes).unwrap();
        let ran = line.run(&["run", "--json", "-o", "out", file]).await;
        let became = Became::of(ran.json_lines().first().unwrap_or_else(|| panic!("{name}: no line of JSON\n{}", ran.stderr)));
        let exit_code = match outcome {
            Refused(..) => 3,
            Fails(codes) => codes.iter().find(|(code, _)| *code == became.code).map_or(-1, |(_, exit)| *exit),
            Warns(_) | Works => 0,
        };
        wrong.extend(became.differs_from(outcome).map(|what| format!("{name}: {what}")));
        wrong.extend((ran.code != Some(exit_code)).then(|| format!("{name}: exit code {:?}, {exit_code} was wanted", ran.code)));
        let outputs = std::fs::read_dir(folder.path().join("out")).map_or(0, Iterator::count);
        wrong.extend((became.status == "failed" && outputs > 0).then(|| format!("{name}: a failure left {outputs} outputs")));
        let _ = std::fs::remove_dir_all(folder.path().join("out"));
        std::fs::remove_file(folder.path().join(file)).unwrap();
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert!(left.is_empty(), "{name}: temporary files stay: {left:?}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    good_document_works_on(&line, folder.path()).await;
}

async fn good_document_works_on(line: &CommandLine, folder: &std::path::Path) {
    std::fs::write(folder.join("good.pdf"), samples::slips(1)).unwrap();
    let ran = line.run(&["run", "good.pdf"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[tokio::test]
async fn each_bad_file_gets_its_code_through_the_api_and_the_server_stays_up_for_the_next_good_one() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let mut wrong = Vec::new();
    let mut waiting = Vec::new();
    for Case { name, file, bytes, outcome } in cases() {
        let answer = api.upload(&Upload::of(file, &bytes)).await;
        match outcome {
            Refused(code, status) => {
                let problem = answer.problem_code();
                wrong.extend(((answer.status, problem.as_str()) != (status, code)).then(|| format!("{name}: {} {problem}", answer.status)));
            }
            _ => waiting.push((name, answer.expect(202).json()["job"]["id"].as_str().unwrap().to_owned(), outcome)),
        }
    }
    let mut failed = 0.0;
    for (name, job, outcome) in waiting {
        let became = Became::of(&api.final_job(&job).await);
        failed += f64::from(u8::from(became.status == "failed"));
        wrong.extend(became.differs_from(outcome).map(|what| format!("{name}: {what}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(server.is_alive());
    good_document_works(&api).await;
    let scrape = server.settled().await;
    assert_eq!(scrape.value("jobs_total", &[("status", "failed")]), failed);
    assert_eq!(scrape.value("crpipeline_documents_total", &[("result", "rejected_type")]), 5.0);
    assert_eq!(scrape.sum("crpipeline_panics_total"), 0.0);
    // The document is the cause, never the server.
    let internal: f64 = ["ocr", "parse"]
        .iter()
        .map(|stage| scrape.value("crpipeline_job_failures_total", &[("stage", stage), ("cause", "internal")]))
        .sum();
    assert_eq!(internal, 0.0);
    server.expect_no_leftovers().await;
}

async fn good_document_works(api: &Api) {
    let ids = api.accepted(&Upload::of("good.pdf", &samples::slips(2))).await;
    api.succeeded_job(&ids.job).await;
    let texts = api.texts(&ids.job).await;
    assert!(samples::slip_texts().iter().zip(&texts).all(|(truth, text)| score(truth, text).recall == 1.0), "{texts:?}");
}

#[tokio::test]
async fn a_document_that_is_encrypted_but_opens_without_a_password_is_read_or_refused_by_its_code_never_damaged() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("open.pdf"), hostile::encrypted_without_password()).unwrap();
    let ran = CommandLine::new(BINARY, folder.path()).run(&["run", "--json", "-o", "out", "open.pdf"]).await;
    let became = Became::of(&ran.json_lines()[0]);
    match became.status.as_str() {
        "succeeded" => {
            let text = std::fs::read_to_string(folder.path().join("out/open.txt")).unwrap();
            assert!(score(samples::letter_texts()[0], &text).recall > 0.95, "{text}");
            crate::pdf_tools::assert_sound(&folder.path().join("out/open.pdf"));
        }
        _ => assert_eq!((became.code.as_str(), ran.code), ("encrypted_pdf", Some(3))),
    }
}

#[tokio::test]
async fn a_document_that_breaks_off_late_never_counts_as_complete() {
    let folder = tempfile::tempdir().unwrap();
    let line = CommandLine::new(BINARY, folder.path());
    for share in [0.3, 0.6, 0.9] {
        std::fs::write(folder.path().join("cut.pdf"), hostile::truncated(share)).unwrap();
        let ran = line.run(&["run", "--json", "-o", "out", "cut.pdf"]).await;
        let became = Became::of(&ran.json_lines()[0]);
        assert_eq!(became.status, "failed", "{share}: {became:?}");
        assert!(["damaged_file", "page_failed", "no_pages"].contains(&became.code.as_str()), "{share}: {became:?}");
        assert!(!folder.path().join("out/cut.pdf").exists());
    }
}

#[tokio::test]
async fn hostile_names_are_cleaned_or_refused_and_never_become_paths_or_headers() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let slip = samples::slips(1);
    let named = |name: &'static [u8]| Upload { name, bytes: &slip, pipeline: None, idempotency_key: None };
    let cleaned: [(&[u8], &str); 4] = [
        (b"../../../../tmp/crp-escaped.pdf", "crp-escaped.pdf"),
        ("inv\u{202e}fdp.exe".as_bytes(), "invfdp.exe"),
        (b"..", "document"),
        ("Gr\u{f6}\u{df}e 3 \u{b5}m.pdf".as_bytes(), "Gr\u{f6}\u{df}e 3 \u{b5}m.pdf"),
    ];
    for (sent, kept) in cleaned {
        let answer = api.upload(&named(sent)).await.expect(202).json();
        assert_eq!(answer["document"]["name"], kept);
        let content = api.get(&format!("/api/v1/documents/{}/content", answer["document"]["id"].as_str().unwrap())).await.expect(200);
        let disposition = content.header("content-disposition").to_owned();
        assert!(
            disposition.starts_with("attachment; filename=\"") && disposition.is_ascii() && !disposition.contains("../"),
            "{disposition}"
        );
    }
    assert!(!std::path::Path::new("/tmp/crp-escaped.pdf").exists());
    let long = vec![b'x'; 4096];
    for refused in [b"a\0b.pdf".as_slice(), &long] {
        let answer = api.upload(&Upload { name: refused, bytes: &slip, pipeline: None, idempotency_key: None }).await;
        assert!((400..500).contains(&answer.status), "{}", answer.text());
        assert!(["bad_name", "invalid_request"].contains(&answer.problem_code().as_str()), "{}", answer.text());
    }
    let answer = api.upload(&Upload { name: &long, bytes: &slip, pipeline: None, idempotency_key: None }).await;
    assert_eq!(answer.problem_code(), "bad_name");

    // On the command line a name is a path of the user's own; what is too long for the system is told as that.
    let folder = tempfile::tempdir().unwrap();
    let line = CommandLine::new(BINARY, folder.path());
    let ran = line.run(&["run", "--json", &"x".repeat(4096)]).await;
    assert_eq!((ran.code, Became::of(&ran.json_lines()[0]).code.as_str()), (Some(2), "file_access"));
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    let odd = "inv\u{202e}fdp\n.exe.pdf";
    std::fs::write(folder.path().join(odd), &slip).unwrap();
    let ran = line.run(&["run", odd]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!ran.stdout.contains('\u{202e}') && ran.stdout.lines().count() == 1, "what is shown hides nothing: {:?}", ran.stdout);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_stored() {
    let server = ServerPlan::new(BINARY).env("CRPIPELINE_MAX_UPLOAD_MEBIBYTES", "1").start().await;
    let api = server.admin().await;
    let mut large = samples::letter_pdf().to_vec();
    large.resize(3 * 1024 * 1024, b'\n');
    let before = server.files_in("objects");
    assert_eq!(api.upload(&Upload::of("large.pdf", &large)).await.expect(413).problem_code(), "too_large");
    // Without a length the server counts for itself.
    let chunks =
        futures_util::stream::iter(large.chunks(64 * 1024).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>());
    let body = reqwest::Body::wrap_stream(futures_util::StreamExt::chain(
        futures_util::stream::iter([Ok(b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"l.pdf\"\r\n\r\n".to_vec())]),
        chunks,
    ));
    let request = api.request(http::Method::POST, "/api/v1/documents").header("content-type", "multipart/form-data; boundary=x").body(body);
    assert_eq!(api.send(request).await.expect(413).problem_code(), "too_large");
    let nothing = async || (server.files_in("objects") == before).then_some(());
    poll::until("the refused bytes to be gone", poll::PATIENCE, nothing).await;
    assert_eq!(server.settled().await.value("crpipeline_documents_total", &[("result", "rejected_size")]), 2.0);
    good_document_works(&api).await;

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("large.pdf"), &large).unwrap();
    let line = CommandLine::new(BINARY, folder.path()).env("CRPIPELINE_MAX_UPLOAD_MEBIBYTES", "1");
    let ran = line.run(&["run", "--json", "large.pdf"]).await;
    assert_eq!((ran.code, Became::of(&ran.json_lines()[0]).code.as_str()), (Some(3), "too_large"));
}

#[tokio::test]
async fn a_pipeline_file_with_an_unknown_key_is_told_with_its_line() {
    const WRONG: &str = "name: letters\nstages:\n  - type: ocr\n    langauges: [eng]\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.yaml"), WRONG).unwrap();
    std::fs::write(folder.path().join("good.pdf"), samples::slips(1)).unwrap();
    let ran = CommandLine::new(BINARY, folder.path()).run(&["run", "-p", "p.yaml", "good.pdf"]).await;
    assert_eq!(ran.code, Some(2));
    assert!(["invalid_pipeline", "langauges", "line 4"].iter().all(|part| ran.stderr.contains(part)), "{}", ran.stderr);

    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let answer = api.post("/api/v1/pipelines", &serde_json::json!({ "source": WRONG })).await.expect(422);
    assert_eq!(answer.problem_code(), "invalid_pipeline");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("langauges") && detail.contains("line 4"), "{detail}");
    let future = "name: later\nstages:\n  - type: ocr\n  - type: ai\n    prompt: invoice\n    schema: { type: object }\n";
    let answer = api.post("/api/v1/pipelines", &serde_json::json!({ "source": future })).await.expect(422);
    assert_eq!(answer.problem_code(), "stage_not_available");
    let answer = api.upload(&Upload::of("good.pdf", &samples::slips(1)).through("nobody-made-it")).await.expect(422);
    assert_eq!(answer.problem_code(), "pipeline_not_found");
}
