//! Jobs that fail for want of an engine are told by mail and chat, those that fail for their own documents are nobody's alert.

use crp_testkit::{Api, ServerPlan, Upload, hostile, samples};

use crate::monitoring_stack::{BINARY, PATIENCE, Watched, change, replaced, target, told_of, told_of_end};

/// Uploads a file so often and waits until each of its jobs has failed.
async fn fail(api: &Api, times: usize, file: &[u8]) {
    for _ in 0..times {
        let ids = api.accepted(&Upload::of("scan.pdf", file)).await;
        assert_eq!(api.final_job(&ids.job).await["status"], "failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_fail_although_their_documents_are_fine_are_told_and_so_is_their_end() {
    let server = ServerPlan::new(BINARY).env("CRPIPELINE_TESSERACT_LIBRARY", "/nonexistent/libtesseract.so.5").start().await;
    let target = target(&server);
    let Some(watched) = Watched::over(&[&target]).await else { return };
    let api = server.admin().await;
    watched.prometheus.result_of("count_over_time(crpipeline_job_failures_total[1m]) >= 10", PATIENCE).await;
    fail(&api, 4, &hostile::damaged()).await;
    // Long enough for the rules to be evaluated with it.
    let seen = "count_over_time((sum(crpipeline_job_failures_total{cause=\"input\"}) == 4)[1m:1s]) >= 5";
    watched.prometheus.result_of(seen, PATIENCE).await;
    assert!(
        watched.prometheus.query("ALERTS{alertname!~\"CrpipelineDisk.*\"}").await.is_empty(),
        "a broken document is its owner's concern"
    );

    fail(&api, 3, &samples::slips(1)).await;
    told_of(&watched, "CrpipelineJobsFailing", &["3 jobs failed in 30 minutes", "not because of their documents"]).await;

    assert!(server.terminate().await.success());
    let server = server.restart(|plan| plan.env("CRPIPELINE_TESSERACT_LIBRARY", "").env("CRPIPELINE_METRICS_LISTEN", &target)).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("scan.pdf", &samples::slips(1))).await;
    api.succeeded_job(&ids.job).await;
    // The failures leave their window after half an hour. So that nobody waits for that, it is ten seconds from now on.
    change(&watched.file("rules/crpipeline.yml"), |rules| replaced(&rules, "[30m]", "[10s]"));
    watched.prometheus.reload();
    told_of_end(&watched, "CrpipelineJobsFailing").await;
}
