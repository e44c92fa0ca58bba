//! From an upload to a search: what the engine read is found on its page, after a restart, too, and not in the trash.

use crp_testkit::{Server, Upload, samples};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

fn hits(page: &Value) -> Vec<(String, u64, String)> {
    let items = page["items"].as_array().expect("a list");
    let told = items.iter().map(|item| {
        let parts = item["hit"]["parts"].as_array().expect("it was found on a page");
        let marked = parts.iter().filter(|part| part["is_match"] == true).map(|part| part["text"].as_str().unwrap_or_default());
        let id = item["id"].as_str().unwrap_or_default().to_owned();
        (id, item["hit"]["page"].as_u64().unwrap_or(0), marked.collect::<String>())
    });
    told.collect()
}

#[tokio::test]
async fn a_word_of_a_scan_is_found_on_its_page_after_a_restart_and_not_in_the_trash() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("slips.pdf", &samples::slips(4))).await;
    api.succeeded_job(&ids.job).await;
    assert!(samples::slip_texts()[2].contains("three"));
    let question = "/api/v1/documents?q=harbour+THRE";
    let expected = vec![(ids.document.clone(), 3, "threeharbour".to_owned())];
    assert_eq!(hits(&api.get(question).await.expect(200).json()), expected);
    assert!(api.get(&format!("/api/v1/documents/{}", ids.document)).await.expect(200).json()["thumbnail"].is_string());

    server.kill_9().await;
    let server = server.restart(|plan| plan).await;
    let api = server.admin().await;
    assert_eq!(hits(&api.get(question).await.expect(200).json()), expected);
    let path = format!("/api/v1/documents/{}", ids.document);
    api.delete(&path).await.expect(204);
    assert!(hits(&api.get(question).await.expect(200).json()).is_empty());
    let in_trash = api.get(&format!("{question}&trashed=true")).await.expect(200).json();
    assert_eq!(hits(&in_trash), expected);
    api.post_empty(&format!("{path}/restore")).await.expect(200);
    assert_eq!(hits(&api.get(question).await.expect(200).json()), expected);
}
