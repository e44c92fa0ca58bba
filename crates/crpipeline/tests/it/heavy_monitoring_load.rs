//! After a mixed load every panel shows numbers: those of the page that users have always had, word by word, and ours.

use std::collections::BTreeSet;

use crp_model::{
    StageType,
    labels::{EngineKind, FinalStatus, Label, LoginFailure, StorageOperation},
};
use crp_monitoring::dashboards::{DASHBOARDS, Panel};
use crp_testkit::{
    Api, Server, ServerPlan, Upload, hostile, poll,
    programs::corpus,
    prometheus::Prometheus,
    s3_server::{Fault, S3Server},
    samples,
    scrape::Scrape,
    server::ADMIN_EMAIL,
};
use http::Method;
use serde_json::Value;

use crate::monitoring_stack::{BINARY, PATIENCE, exported, replaced, target};

/// The dashboard of the users' page, to the letter.
const USERS_DASHBOARD: &str = include_str!("fixtures/users-dashboard.json");
/// What stands for `$__rate_interval`: longer than the load.
const WINDOW: &str = "10m";

#[tokio::test(flavor = "multi_thread")]
async fn after_a_mixed_load_every_panel_of_the_users_page_and_of_ours_shows_numbers_under_different_legends() {
    let s3 = S3Server::start().await;
    let server = ServerPlan::new(BINARY).on_s3(&s3).start().await;
    // Another one that has nothing to do: with two processes, a query that forgets to add them up draws two lines of one name.
    let idle = Server::start(BINARY).await;
    let Some(Watching { alone, unchanged, both }) = Watching::over(&target(&server), &target(&idle)).await else { return };
    mixed_load(&server, &s3).await;
    let scrape = server.settled().await;
    // Both have seen everything when they have seen what was done last, and nothing else happens any more.
    for prometheus in [&alone, &unchanged, &both] {
        let wanted = scrape.value("login_failures_total", &[("reason", "user_not_found")]);
        prometheus.result_of(&format!("login_failures_total{{reason=\"user_not_found\"}} == {wanted}"), PATIENCE).await;
    }
    both.result_of("ALERTS{alertname=\"CrpipelineLoginFailures\", alertstate=\"firing\"}", PATIENCE).await;
    let mut wrong = users_page(&alone).await;
    wrong.extend(bare_names(&alone, &scrape).await);
    wrong.extend(our_dashboards(&both).await);
    assert!(wrong.is_empty(), "{wrong:#?}");
    // And it is the renaming that does it: a histogram has no series of its bare name.
    let empty: BTreeSet<String> = users_page(&unchanged).await.iter().filter_map(|why| Some(why.split_once(':')?.0.to_owned())).collect();
    assert_eq!(empty.iter().collect::<Vec<_>>(), ["OCR Duration", "Stage Duration"]);
}

/// The programs that watch.
struct Watching {
    /// The first server alone, with nothing but `prometheus.yml`, as the page mounts it.
    alone: Prometheus,
    /// The same without the renaming of two gauges.
    unchanged: Prometheus,
    /// Both servers, with everything.
    both: Prometheus,
}

impl Watching {
    async fn over(first: &str, second: &str) -> Option<Self> {
        let folder = exported(&["--scrape-interval-seconds=1"]).await;
        // The file for containers to the letter, but for the name that only a container has.
        let text = std::fs::read_to_string(folder.path().join("monitoring/prometheus.yml")).unwrap();
        let text = replaced(&text, "\"crpipeline:9100\"", &format!("\"{first}\""));
        let nothing_else = tempfile::tempdir().unwrap();
        let file = nothing_else.path().join("prometheus.yml");
        std::fs::write(&file, &text).unwrap();
        let alone = Prometheus::start_with(&file).await?;
        assert!(alone.rules().await.is_empty(), "there is no folder of rules");
        std::fs::write(&file, text.split_once("    metric_relabel_configs:").unwrap().0).unwrap();
        let unchanged = Prometheus::start_with(&file).await?;
        let folder = exported(&["--scrape-interval-seconds=1", "--target", first, "--target", second]).await;
        let both = Prometheus::start_with(&folder.path().join("monitoring/prometheus.host.yml")).await?;
        for prometheus in [&alone, &unchanged, &both] {
            prometheus.targets_up(PATIENCE).await;
        }
        Some(Self { alone, unchanged, both })
    }
}

/// Two documents that are read, one that is broken, one that nobody wants any more, a storage that refuses, wrong passwords.
async fn mixed_load(server: &Server, s3: &S3Server) {
    let api = server.admin().await;
    let scanned = corpus().and_then(|corpus| std::fs::read(corpus.join("ocrmypdf/linn.pdf")).ok()).unwrap_or_else(|| samples::slips(3));
    let good = [
        api.accepted(&Upload::of("letter.pdf", samples::letter_pdf()).through("fields")).await,
        api.accepted(&Upload::of("scanned.pdf", &scanned).through("fields")).await,
    ];
    let broken = api.accepted(&Upload::of("broken.pdf", &hostile::damaged()).through("fields")).await;
    let unwanted = api.accepted(&Upload::of("unwanted.pdf", &samples::scan(12)).through("fields")).await;
    for ids in &good {
        api.succeeded_job(&ids.job).await;
    }
    api.post_empty(&format!("/api/v1/jobs/{}/cancel", unwanted.job)).await;
    assert_eq!(api.final_job(&unwanted.job).await["status"], "cancelled");
    assert_eq!(api.final_job(&broken.job).await["status"], "failed");
    one_operation_fails(&api, server, s3).await;
    let stranger = server.anonymous();
    for attempt in 0..6 {
        stranger.sign_in(ADMIN_EMAIL, &format!("wrong password {attempt}")).await.expect(401);
    }
    stranger.sign_in("nobody@example.org", "some long password").await.expect(401);
}

/// The storage refuses to write until one write has failed after its retries.
async fn one_operation_fails(api: &Api, server: &Server, s3: &S3Server) {
    s3.fail_where(None, Fault::Status(503), |method, _| *method == Method::PUT);
    api.upload(&Upload::of("later.pdf", &samples::slips(2))).await.expect(503);
    s3.fail_all(None);
    poll::until("the failed operation to be counted", PATIENCE, async || {
        (server.scrape().await.value("s3_errors_total", &[("operation", "put")]) >= 1.0).then_some(())
    })
    .await;
}

/// What is wrong with the page's panels: each query as it stands must give numbers with the label of its legend.
async fn users_page(prometheus: &Prometheus) -> Vec<String> {
    let dashboard: Value = serde_json::from_str(USERS_DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert_eq!(panels.len(), 5);
    let mut wrong = Vec::new();
    for panel in panels {
        let (title, target) = (panel["title"].as_str().unwrap(), &panel["targets"][0]);
        let lines = prometheus.query(target["expr"].as_str().unwrap()).await;
        let legends = legends(target["legendFormat"].as_str().unwrap(), &lines);
        let expected = match title {
            "Stage Duration" => StageType::ALL.len(),
            "Jobs Processed" => FinalStatus::VALUES.len(),
            "S3 Errors" => StorageOperation::VALUES.len(),
            "OCR Duration" => EngineKind::VALUES.len(),
            _ => LoginFailure::VALUES.len(),
        };
        if lines.len() != expected {
            wrong.push(format!("{title}: {} lines: {lines:?}", lines.len()));
        }
        if lines.iter().any(|(_, value)| !value.is_finite()) || lines.iter().all(|(_, value)| *value == 0.0) {
            wrong.push(format!("{title}: no numbers: {lines:?}"));
        }
        wrong.extend(legends.err().map(|why| format!("{title}: {why}")));
    }
    wrong
}

/// What is wrong with the two bare names of histograms: they must agree with the histograms, which must still be there.
async fn bare_names(prometheus: &Prometheus, scrape: &Scrape) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, label, worked) in
        [("stage_duration_seconds", "stage", vec!["ocr", "parse"]), ("ocr_duration_seconds", "engine", vec!["tesseract"])]
    {
        for (labels, value) in prometheus.query(name).await {
            let which = labels[label].as_str().unwrap();
            let of = |part: &str| scrape.value(&format!("{name}_{part}"), &[(label, which)]);
            let (sum, count) = (of("sum"), of("count"));
            // With less than twenty attempts it is the longest one: not below the mean, not above the sum.
            let fits = if count == 0.0 { value == 0.0 } else { value >= sum / count - 1e-9 && value <= sum + 1e-9 };
            if !fits || (worked.contains(&which) && value <= 0.0) {
                wrong.push(format!("{name} of {which} is {value} with {count} attempts of {sum} s in all"));
            }
        }
        let buckets = prometheus.query(&format!("count({name}_bucket)")).await;
        let served = scrape.series.keys().filter(|series| series.starts_with(&format!("{name}_bucket{{"))).count();
        if buckets.first().map(|(_, count)| *count) != Some(served as f64) {
            wrong.push(format!("{name}_bucket: {served} were served, {buckets:?} are stored"));
        }
    }
    wrong
}

/// What is wrong with the panels of our dashboards. After this load even those have lines that show events alone.
async fn our_dashboards(prometheus: &Prometheus) -> Vec<String> {
    let mut wrong = Vec::new();
    for dashboard in DASHBOARDS {
        for panel in dashboard.panels() {
            wrong.extend(our_panel(prometheus, panel).await.into_iter().map(|why| format!("{} / {}: {why}", dashboard.title, panel.title)));
        }
    }
    wrong
}

async fn our_panel(prometheus: &Prometheus, panel: &Panel) -> Vec<String> {
    let (mut wrong, mut names, mut shows) = (Vec::new(), BTreeSet::new(), false);
    for query in panel.queries {
        let lines = prometheus.query(&query.with_window(WINDOW)).await;
        if lines.is_empty() {
            wrong.push(format!("{} has no line", query.expr));
        }
        shows |= lines.iter().any(|(_, value)| value.is_finite());
        match legends(query.legend, &lines) {
            Ok(legends) => {
                wrong.extend(legends.into_iter().filter(|name| !names.insert(name.clone())).map(|name| format!("{name} is there twice")))
            }
            Err(why) => wrong.push(why),
        }
    }
    if !shows {
        wrong.push("not one line has a number".to_owned());
    }
    wrong
}

/// The legends of a query's lines, as Grafana writes them; an error where a label is missing or two lines are called the same.
fn legends(format: &str, lines: &[(Value, f64)]) -> Result<BTreeSet<String>, String> {
    let mut legends = BTreeSet::new();
    for (labels, _) in lines {
        let legend = legend(format, labels)?;
        if !legends.insert(legend.clone()) {
            return Err(format!("two lines are called {legend:?}"));
        }
    }
    Ok(legends)
}

fn legend(format: &str, labels: &Value) -> Result<String, String> {
    let mut legend = String::new();
    let mut rest = format;
    while let Some((text, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or_else(|| format!("{format} has no end"))?;
        let value = labels[name.trim()].as_str().ok_or_else(|| format!("no label {name} in {labels}"))?;
        legend.extend([text, value]);
        rest = after;
    }
    legend.push_str(rest);
    Ok(legend)
}

#[test]
fn a_legend_names_what_the_label_says_and_a_missing_label_is_told() {
    let labels = serde_json::json!({ "stage": "ocr", "instance": "a:1" });
    assert_eq!(legend("{{stage}} p95 at {{ instance }}", &labels).unwrap(), "ocr p95 at a:1");
    assert!(legend("{{engine}}", &labels).is_err());
    let lines = [(labels.clone(), 1.0), (labels, 2.0)];
    assert!(legends("{{stage}}", &lines).unwrap_err().contains("two lines"));
}
