//! A storage that fails and a process that dies, up to the mail and the message that tell of them, and of their end.
//!
//! The exported rules are loaded to the letter, so each of these stories takes the minute that an outage has to last.

use crp_testkit::{
    Server, ServerPlan, Upload,
    s3_server::{Fault, S3Server},
    samples,
};

use crate::monitoring_stack::{BINARY, PATIENCE, Watched, change, replaced, target, told_of, told_of_end};

/// Uploads five files at once, all of which the storage refuses.
async fn five_refused_uploads(server: &Server) {
    let api = server.admin().await;
    let file = samples::slips(1);
    let upload = Upload::of("slip.pdf", &file);
    let answers = futures_util::future::join_all((0..5).map(|_| api.upload(&upload))).await;
    assert!(answers.iter().all(|answer| answer.status == 503), "{answers:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_fails_is_told_by_refused_uploads_and_by_the_probe_and_so_is_its_return() {
    let s3 = S3Server::start().await;
    let server = ServerPlan::new(BINARY).on_s3(&s3).start().await;
    let Some(watched) = Watched::over(&[&target(&server)]).await else { return };
    watched.prometheus.result_of("s3_errors_total{operation=\"put\"} == 0 and on () crpipeline_storage_up == 1", PATIENCE).await;
    s3.fail_all(Some(Fault::Status(503)));
    five_refused_uploads(&server).await;
    told_of(&watched, "CrpipelineS3Errors", &["storage operations (put) failed"]).await;
    // From here on nobody uploads anything: the server's own probe tells that the storage is still away.
    told_of(&watched, "CrpipelineStorageDown", &[&target(&server), "more than 1 minute"]).await;

    s3.fail_all(None);
    told_of_end(&watched, "CrpipelineStorageDown").await;
    // The errors leave their window after ten minutes. So that nobody waits for that, it is ten seconds from now on.
    change(&watched.file("rules/crpipeline.yml"), |rules| replaced(&rules, "s3_errors_total[10m]", "s3_errors_total[10s]"));
    watched.prometheus.reload();
    told_of_end(&watched, "CrpipelineS3Errors").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_is_told_and_so_is_its_return() {
    let server = Server::start(BINARY).await;
    let target = target(&server);
    let Some(watched) = Watched::over(&[&target]).await else { return };
    watched.prometheus.result_of("crpipeline_build_info", PATIENCE).await;
    server.kill_9().await;
    told_of(&watched, "CrpipelineDown", &[&format!("crPipeline at {target} has not answered")]).await;
    let _server = server.restart(|plan| plan.env("CRPIPELINE_METRICS_LISTEN", &target)).await;
    told_of_end(&watched, "CrpipelineDown").await;
    let others: Vec<String> =
        watched.mail.mails().into_iter().map(|mail| mail.subject).filter(|subject| !subject.contains("CrpipelineDown")).collect();
    assert!(others.is_empty(), "nothing else was wrong: {others:?}");
}
