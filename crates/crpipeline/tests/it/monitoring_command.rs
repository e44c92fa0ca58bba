//! `crpipeline monitoring export` never harms an operator's work, and `check` names what is missing on a real Prometheus.

use std::path::Path;

use crp_testkit::{
    CommandLine, Server,
    poll::within,
    prometheus::{Prometheus, free_port},
};
use serde_json::Value;

use crate::monitoring_stack::{BINARY, PATIENCE, change, exported, replaced, target};

#[tokio::test]
async fn a_second_export_changes_nothing_and_an_edited_file_is_replaced_only_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let line = CommandLine::new(BINARY, folder.path());
    let first = line.run(&["monitoring", "export", "watch/it"]).await;
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let before = contents(&folder.path().join("watch"));
    for wanted in ["prometheus.yml", "alertmanager.yml", "docker-compose.yml", "rules/crpipeline.yml", "grafana/dashboards/metrics.json"] {
        assert!(before.iter().any(|(path, _)| path.ends_with(wanted)), "{wanted} is missing");
    }
    let second = line.run(&["monitoring", "export", "watch/it"]).await;
    assert_eq!((second.code, contents(&folder.path().join("watch")) == before), (Some(0), true), "{}", second.stderr);
    assert!(second.stdout.contains(&format!("0 new, 0 replaced, {} unchanged", before.len())), "{}", second.stdout);

    let edited = folder.path().join("watch/it/prometheus.yml");
    change(&edited, |text| replaced(&text, "scrape_interval: 15s", "scrape_interval: 30s"));
    let mine = std::fs::read(&edited).unwrap();
    let refused = line.run(&["monitoring", "export", "watch/it", "--job-name", "other"]).await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("prometheus.yml") && refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(std::fs::read(&edited).unwrap(), mine, "an operator's work is left alone");
    let forced = line.run(&["monitoring", "export", "watch/it", "--force"]).await;
    assert_eq!((forced.code, contents(&folder.path().join("watch")) == before), (Some(0), true), "{}", forced.stderr);
    assert!(forced.stdout.contains("replaced prometheus.yml"), "{}", forced.stdout);
}

/// Paths and bytes of every file below a folder.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            files.extend(contents(&entry.path()));
        } else {
            files.push((entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()));
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn options_go_into_every_file_that_they_are_about_and_wrong_ones_are_refused() {
    let options =
        ["--target", "scans.example.org:9101", "--job-name", "scans", "--prometheus-port", "9190", "--runbook-url", "https://x/rb"];
    let folder = exported(&options).await;
    let read = |path: &str| std::fs::read_to_string(folder.path().join("monitoring").join(path)).unwrap();
    for file in ["prometheus.yml", "prometheus.host.yml"] {
        assert!(read(file).contains("scans.example.org:9101") && !read(file).contains(":9100\""), "{file}");
        assert!(read(file).contains("job_name: \"scans\""), "{file}");
    }
    assert!(read("docker-compose.yml").contains(":9190:9090"));
    assert!(read("rules/crpipeline.yml").contains("https://x/rb/CrpipelineDown.md"));
    let local = exported(&["--target", "localhost:9101"]).await;
    let file = |name: &str| std::fs::read_to_string(local.path().join("monitoring").join(name)).unwrap();
    assert!(file("prometheus.host.yml").contains("\"localhost:9101\""));
    assert!(file("prometheus.yml").contains("\"crpipeline:9100\""), "in a container, localhost would be the container");
    let line = CommandLine::new(BINARY, folder.path());
    for wrong in [
        ["--target", "http://localhost:9100"],
        ["--target", "localhost"],
        ["--scrape-interval-seconds", "0"],
        ["--scrape-interval-seconds", "90"],
    ] {
        let ran = line.run(&[["monitoring", "export", "elsewhere"].as_slice(), &wrong].concat()).await;
        assert_eq!(ran.code, Some(2), "{wrong:?}: {}", ran.stdout);
    }
    assert!(!folder.path().join("elsewhere").exists());
}

/// What `check --json` says.
#[derive(Debug)]
struct Checked {
    /// The exit code of the command.
    code: Option<i32>,
    /// The worst outcome.
    outcome: String,
    /// What is worth knowing, and what is missing, as `subject: found`; or why nothing can be said.
    notes: Vec<String>,
    missing: Vec<String>,
}

async fn checked(url: &str) -> Checked {
    let folder = tempfile::tempdir().unwrap();
    let ran = CommandLine::new(BINARY, folder.path()).run(&["monitoring", "check", "--prometheus", url, "--json"]).await;
    let answer = ran.json_lines().pop().unwrap_or_default();
    let text = |of: &Value, member: &str| of[member].as_str().unwrap_or_default().to_owned();
    let of = |outcome: &str| {
        let findings = answer["findings"].as_array().into_iter().flatten().filter(|finding| finding["outcome"] == outcome);
        findings
            .map(|finding| {
                assert!(outcome != "missing" || text(finding, "remedy").len() > 20, "{finding}");
                format!("{}: {}", text(finding, "subject"), text(finding, "found"))
            })
            .collect::<Vec<_>>()
    };
    let missing = of("missing").into_iter().chain(answer["error"].as_str().map(str::to_owned)).collect();
    Checked { code: ran.code, outcome: text(&answer, "outcome"), notes: of("note"), missing }
}

/// A Prometheus with the exported configuration for the host, changed.
async fn prometheus(target: &str, changes: impl FnOnce(String) -> String) -> Option<(Prometheus, tempfile::TempDir)> {
    let folder = exported(&["--scrape-interval-seconds=1", "--target", target]).await;
    let file = folder.path().join("monitoring/prometheus.host.yml");
    change(&file, changes);
    Some((Prometheus::start_with(&file).await?, folder))
}

#[tokio::test]
async fn a_prometheus_that_has_everything_is_fine_and_each_missing_part_is_named_with_what_to_do() {
    let server = Server::start(BINARY).await;
    let target = target(&server);
    let Some((good, _folder)) = prometheus(&target, |text| text).await else { return };
    // A server without work has observed no durations yet, no Alertmanager runs here, and this machine's disk may be nearly full:
    // worth knowing and not missing.
    let known = ["notification: alerts go to http://localhost:9093", "rule CrpipelineDiskLow"];
    let is_known = |note: &String| note.contains("nothing was observed") || known.iter().any(|start| note.starts_with(start));
    let is_fine = |checked: &Checked| checked.code == Some(0) && checked.notes.iter().all(is_known);
    if within(PATIENCE, async || is_fine(&checked(good.url()).await).then_some(())).await.is_none() {
        panic!("not everything is fine: {:#?}", checked(good.url()).await);
    }

    let without_rules = prometheus(&target, |text| replaced(&text, "rules/*.yml", "no-such-folder/*.yml")).await.unwrap();
    without_rules.0.targets_up(PATIENCE).await;
    let without_alertmanager = |text: String| {
        let (before, after) = text.split_once("alerting:").unwrap();
        format!("{before}{}", &after[after.find("scrape_configs:").unwrap()..])
    };
    let silent = prometheus(&target, without_alertmanager).await.unwrap();
    silent.0.targets_up(PATIENCE).await;
    let blind = prometheus(&format!("127.0.0.1:{}", free_port()), |text| text).await.unwrap();
    // What is missing, and how everything begins that is said to be missing besides.
    for (broken, subject, found, all) in [
        (&without_rules.0, "rule CrpipelineLoginFailures", "it is not loaded, so it never fires", "rule "),
        (&silent.0, "notification", "nobody hears of an alert", "notification"),
        (&blind.0, "scraping", "not answering: http://127.0.0.1:", "scraping"),
    ] {
        let is_so = |checked: &Checked| {
            let named = checked.missing.iter().any(|one| one.starts_with(subject) && one.contains(found));
            let alone = checked.missing.iter().all(|one| one.starts_with(all));
            checked.code == Some(4) && checked.outcome == "missing" && named && alone
        };
        if within(PATIENCE, async || is_so(&checked(broken.url()).await).then_some(())).await.is_none() {
            panic!("{subject}: … {found} was wanted: {:#?}", checked(broken.url()).await);
        }
    }
}

#[tokio::test]
async fn an_address_where_no_prometheus_answers_is_told_without_its_password() {
    let server = Server::start(BINARY).await;
    let nobody = format!("http://me:canary@127.0.0.1:{}", free_port());
    for (url, code, said) in [
        (nobody.as_str(), 4, "no Prometheus can be reached at http://127.0.0.1:"),
        (server.url(), 4, "is no Prometheus"),
        ("localhost:9090", 2, "is no address of a Prometheus"),
    ] {
        let Checked { code: ended, outcome, missing, .. } = checked(url).await;
        assert_eq!((ended, outcome.as_str()), (Some(code), "missing"), "{url}: {missing:?}");
        assert!(missing.len() == 1 && missing[0].contains(said) && !missing[0].contains("canary"), "{missing:?}");
    }
    let ran = CommandLine::new(BINARY, server.data_dir()).run(&["monitoring", "check", "--prometheus", &nobody]).await;
    assert!(ran.stderr.contains("no Prometheus can be reached") && !ran.stderr.contains("canary"), "{}", ran.stderr);
}
