//! `crpipeline monitoring export` never harms an operator's work, and `check` names what is missing on a real Prometheus.

use std::path::Path;

use crp_testkit::{
    CommandLine, Server,
    poll::{until, within},
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
    let line = CommandLine::new(BINARY, folder.path());
    for wrong in [["--target", "http://localhost:9100"], ["--target", "localhost"], ["--scrape-interval-seconds", "0"]] {
        let ran = line.run(&[["monitoring", "export", "elsewhere"].as_slice(), &wrong].concat()).await;
        assert_eq!(ran.code, Some(2), "{wrong:?}: {}", ran.stdout);
    }
    assert!(!folder.path().join("elsewhere").exists());
}

/// What `check --json` says: its exit code, the worst outcome, and the findings that are missing as `subject: found`.
async fn checked(url: &str) -> (Option<i32>, Value, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let ran = CommandLine::new(BINARY, folder.path()).run(&["monitoring", "check", "--prometheus", url, "--json"]).await;
    let answer = ran.json_lines().pop().unwrap_or_default();
    let findings = answer["findings"].as_array().cloned().unwrap_or_default();
    let missing = findings.iter().filter(|finding| finding["outcome"] == "missing");
    let text = |finding: &Value, member: &str| finding[member].as_str().unwrap_or_else(|| panic!("{member}: {finding}")).to_owned();
    let told = missing.map(|finding| {
        assert!(text(finding, "remedy").len() > 20, "{finding}");
        format!("{}: {}", text(finding, "subject"), text(finding, "found"))
    });
    let told = told.chain(answer["error"].as_str().map(str::to_owned)).collect();
    (ran.code, answer["outcome"].clone(), told)
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
    let fine = (Some(0), Value::from("ok"), vec![]);
    if within(PATIENCE, async || (checked(good.url()).await == fine).then_some(())).await.is_none() {
        panic!("not everything is fine: {:?}", checked(good.url()).await);
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
    for (broken, subject, found) in [
        (&without_rules.0, "rule CrpipelineLoginFailures", "it is not loaded, so it never fires"),
        (&silent.0, "notification", "nobody hears of an alert"),
        (&blind.0, "scraping", "not answering: http://127.0.0.1:"),
        (&blind.0, "crPipeline Metrics / Login Failures", "there is no series"),
    ] {
        let what = format!("{subject}: … {found}");
        let told = until(&what, PATIENCE, async || {
            let (code, outcome, told) = checked(broken.url()).await;
            let named = told.iter().any(|one| one.starts_with(subject) && one.contains(found));
            ((code, &outcome) == (Some(4), &"missing".into()) && named).then_some(told)
        });
        let told = told.await;
        assert!(subject != "notification" || told.len() == 1, "one thing is missing, and nothing else is said to be: {told:?}");
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
        let (ended, outcome, told) = checked(url).await;
        assert_eq!((ended, outcome), (Some(code), "missing".into()), "{url}: {told:?}");
        assert!(told.len() == 1 && told[0].contains(said) && !told[0].contains("canary"), "{told:?}");
    }
    let ran = CommandLine::new(BINARY, server.data_dir()).run(&["monitoring", "check", "--prometheus", &nobody]).await;
    assert!(ran.stderr.contains("no Prometheus can be reached") && !ran.stderr.contains("canary"), "{}", ran.stderr);
}
