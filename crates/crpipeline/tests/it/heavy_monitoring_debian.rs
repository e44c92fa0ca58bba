//! Without Docker, on Debian: the configuration that its package of Prometheus brings, our rules in one more line, our
//! `alertmanager.host.yml` to the letter, every program on its usual port; from wrong passwords to a mail.

use crp_testkit::{
    ServerPlan,
    alertmanager::Alertmanager,
    namespace::{Place, enter},
    prometheus::PrometheusPlan,
    smtp_sink::SmtpSink,
};
use serde_json::json;

use crate::{
    monitoring_logins::six_wrong_passwords,
    monitoring_stack::{BINARY, PATIENCE, exported, replaced},
};

/// What stands in `/etc/prometheus/prometheus.yml` of Debian 12, without its comments. It scrapes port 9100 as `node`.
const STOCK: &str = include_str!("fixtures/debian-prometheus.yml");

#[tokio::test(flavor = "multi_thread")]
async fn beside_debians_stock_configuration_wrong_passwords_are_mailed_although_the_job_is_called_node() {
    let name = "beside_debians_stock_configuration_wrong_passwords_are_mailed_although_the_job_is_called_node";
    if enter(module_path!(), name) == Place::Outside {
        return;
    }
    let folder = exported(&[]).await;
    let monitoring = folder.path().join("monitoring");
    let mail = SmtpSink::start(25).await;
    let server = ServerPlan::new(BINARY).env("CRPIPELINE_LISTEN", "").env("CRPIPELINE_METRICS_LISTEN", "").start().await;
    assert_eq!(server.metrics_url(), "http://127.0.0.1:9100/metrics");
    let Some(_alertmanager) = Alertmanager::start_on(&monitoring.join("alertmanager.host.yml"), 9093).await else { return };
    let stock = folder.path().join("prometheus.yml");
    let rules = format!("  - {}", json!(monitoring.join("rules/*.yml")));
    std::fs::write(&stock, replaced(STOCK, "  # - \"first_rules.yml\"", &rules)).unwrap();
    let plan = PrometheusPlan::new(&stock).on("127.0.0.1:9090", "http://127.0.0.1:9090");
    let Some(prometheus) = plan.start().await else { return };
    let jobs: Vec<_> = prometheus.targets_up(PATIENCE).await.iter().map(|target| target["labels"]["job"].clone()).collect();
    assert_eq!(jobs, [json!("node"), json!("prometheus")]);
    prometheus.result_of("login_failures_total{job=\"node\"} == 0", PATIENCE).await;

    six_wrong_passwords(&server).await;
    let is_so = |mail: &crp_testkit::smtp_sink::Mail| mail.subject.starts_with("[FIRING] CrpipelineLoginFailures:");
    let told = mail.mail_when("about the wrong passwords", PATIENCE, is_so).await;
    assert_eq!((told.from.as_str(), told.to.as_slice()), ("crpipeline@localhost", ["root@localhost".to_owned()].as_slice()));
    for wanted in ["job=node", "instance=localhost:9100", "reason=invalid_password", "What to do first: "] {
        assert!(told.text.contains(wanted), "{wanted} is not in {}", told.text);
    }
    assert_eq!(mail.mails().len(), 1, "nothing else is wrong, and the summed alert says nothing new: {:#?}", mail.mails());
    // Every rule can be evaluated beside the series of other programs.
    assert!(prometheus.rules().await.iter().all(|rule| rule["health"] == "ok"));
}
