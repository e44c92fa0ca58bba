//! Whether crPipeline is scraped at all, and how often.

use super::{
    Finding, counted,
    prometheus::{CheckError, Prometheus, Target},
};

const SUBJECT: &str = "scraping";

/// What was found about the targets.
pub(super) struct Scraped {
    pub(super) findings: Vec<Finding>,
    /// Whether any crPipeline is scraped now.
    pub(super) is_there: bool,
    /// What `$__rate_interval` stands for here: four scrapes, as in Grafana.
    pub(super) window: String,
}

pub(super) async fn look(prometheus: &Prometheus) -> Result<Scraped, CheckError> {
    let ours = prometheus.query("crpipeline_build_info").await?.unwrap_or_default();
    let targets = prometheus.targets().await?;
    let is_ours = |target: &&Target| {
        ours.iter()
            .any(|series| ["job", "instance"].iter().all(|name| target.labels.get(*name).map(String::as_str) == Some(series.label(name))))
    };
    let seconds = targets.iter().filter(is_ours).filter_map(|target| seconds(&target.scrape_interval)).max().unwrap_or(15);
    let window = format!("{}s", seconds * 4);
    if ours.is_empty() {
        return Ok(Scraped { findings: vec![not_scraped(&targets)], is_there: false, window });
    }
    let shown: Vec<String> =
        ours.iter().map(|one| format!("{} (job {}, version {})", one.label("instance"), one.label("job"), one.label("version"))).collect();
    let found = format!("{} of crPipeline: {}; every {seconds} s", counted_processes(ours.len()), shown.join(", "));
    let mut findings = vec![Finding::ok(SUBJECT, found)];
    let mut jobs: Vec<&str> = ours.iter().map(|series| series.label("job")).collect();
    jobs.sort_unstable();
    jobs.dedup();
    if jobs.len() > 1 {
        let found = format!("it is scraped under several jobs: {}", jobs.join(", "));
        findings.push(Finding::note(
            SUBJECT,
            found,
            Some("Processes of one installation belong under one job_name; two installations have two."),
        ));
    }
    let is_of_ours = |target: &&Target| target.labels.get("job").is_some_and(|job| jobs.contains(&job.as_str()));
    let down = targets.iter().filter(|target| target.health == "down").filter(is_of_ours);
    findings.extend(down.map(|target| {
        Finding::note(
            SUBJECT,
            format!("{} does not answer: {}", target.scrape_url, target.last_error),
            Some("If a crPipeline should be there, start it or correct the target."),
        )
    }));
    Ok(Scraped { findings, is_there: true, window })
}

fn counted_processes(number: usize) -> String {
    if number == 1 { "1 process".to_owned() } else { format!("{number} processes") }
}

/// No series of ours: because no target is, or because it does not answer.
fn not_scraped(targets: &[Target]) -> Finding {
    let down: Vec<String> = targets
        .iter()
        .filter(|target| target.health != "up")
        .map(|target| format!("{}: {}", target.scrape_url, target.last_error))
        .collect();
    let found = if targets.is_empty() {
        "it knows no target yet".to_owned()
    } else if down.is_empty() {
        let scraped: Vec<&str> = targets.iter().map(|target| target.scrape_url.as_str()).collect();
        format!("what it scrapes is not crPipeline: {}", scraped.join(", "))
    } else {
        format!("no crPipeline among its {}; not answering: {}", counted(targets.len(), "target"), down.join("; "))
    };
    Finding::missing(
        SUBJECT,
        found,
        "Start crPipeline and let Prometheus scrape its port 9100: take prometheus.yml from `crpipeline monitoring export`, with --target where it listens elsewhere.",
    )
}

/// A duration of Prometheus (`15s`, `1m30s`) in whole seconds.
fn seconds(duration: &str) -> Option<u32> {
    let mut total: u32 = 0;
    let mut rest = duration;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let number: u32 = number.parse().ok()?;
        total += match unit {
            // Rounded up: a window must never be too short.
            "ms" => number.div_ceil(1000),
            "s" => number,
            "m" => number * 60,
            "h" => number * 3600,
            _ => return None,
        };
        rest = next;
    }
    (total > 0).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_of_prometheus_are_read() {
        assert_eq!((seconds("15s"), seconds("1m30s"), seconds("500ms"), seconds("1h")), (Some(15), Some(90), Some(1), Some(3600)));
        assert_eq!((seconds(""), seconds("soon"), seconds("15"), seconds("0s")), (None, None, None, None));
    }
}
