//! The exported scrape configurations, to the letter, find crPipeline where they say it is: in another network, and at localhost.

use std::path::Path;

use crp_testkit::{
    Server, ServerPlan,
    namespace::{self, Place, connect, enter},
    programs::program,
    prometheus::{Prometheus, PrometheusPlan},
};
use serde_json::json;

use crate::monitoring_stack::{BINARY, PATIENCE, exported};

/// The addresses of the two containers that the first story is about.
const CRPIPELINE: &str = "10.77.0.1";
const PROMETHEUS: &str = "10.77.0.2";

/// A server on the ports that the manual names. Only inside a namespace.
async fn server(metrics: &str) -> Server {
    ServerPlan::new(BINARY).env("CRPIPELINE_LISTEN", "127.0.0.1:8080").env("CRPIPELINE_METRICS_LISTEN", metrics).start().await
}

/// Exactly one target, scraped well, of which the service's metrics come, and rules that can be evaluated.
async fn watches_exactly(prometheus: &Prometheus, instance: &str) {
    let targets = prometheus.targets_up(PATIENCE).await;
    let found: Vec<_> = targets.iter().map(|target| (target["scrapeUrl"].clone(), target["labels"]["instance"].clone())).collect();
    assert_eq!(found, [(json!(format!("http://{instance}/metrics")), json!(instance))]);
    let up = prometheus.result_of("up == 1", PATIENCE).await;
    assert_eq!(up.len(), 1, "{up:?}");
    let of_us = prometheus.result_of("crpipeline_build_info", PATIENCE).await;
    assert_eq!(of_us[0].0["instance"], instance);
    let stages = prometheus.result_of("stage_duration_seconds", PATIENCE).await;
    assert_eq!(stages.len(), 4, "the bare name has one line for each stage: {stages:?}");
    let rules = prometheus.rules().await;
    assert!(rules.len() > 1 && rules.iter().all(|rule| rule["health"] != "err"), "{rules:#?}");
}

#[tokio::test]
async fn from_another_network_the_configuration_of_the_containers_finds_crpipeline_by_its_name_and_once() {
    if enter(module_path!(), "from_another_network_the_configuration_of_the_containers_finds_crpipeline_by_its_name_and_once")
        == Place::Outside
    {
        return;
    }
    let hosts = format!("127.0.0.1 localhost\n{CRPIPELINE} crpipeline\n{PROMETHEUS} prometheus\n");
    let _hosts = namespace::replace_file(Path::new("/etc/hosts"), &hosts);
    let _server = server("0.0.0.0:9100").await;
    let folder = exported(&[]).await;
    let unshare = program("unshare").expect("unshare has brought us here");
    let plan = PrometheusPlan::new(&folder.path().join("monitoring/prometheus.yml"));
    let plan = plan.on("0.0.0.0:9090", &format!("http://{PROMETHEUS}:9090")).through([unshare.as_os_str(), "--net".as_ref()]);
    let Some(mut prometheus) = plan.spawn() else { return };
    connect(prometheus.pid(), CRPIPELINE, PROMETHEUS).await;
    prometheus.ready().await;
    watches_exactly(&prometheus, "crpipeline:9100").await;
}

#[tokio::test]
async fn on_one_machine_the_configuration_of_the_host_finds_crpipeline_at_localhost_and_once() {
    if enter(module_path!(), "on_one_machine_the_configuration_of_the_host_finds_crpipeline_at_localhost_and_once") == Place::Outside {
        return;
    }
    // Where it listens by itself.
    let _server = server("").await;
    let folder = exported(&[]).await;
    let plan = PrometheusPlan::new(&folder.path().join("monitoring/prometheus.host.yml"));
    let Some(prometheus) = plan.on("127.0.0.1:9090", "http://127.0.0.1:9090").start().await else { return };
    watches_exactly(&prometheus, "localhost:9100").await;
}
