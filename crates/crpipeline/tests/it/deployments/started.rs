//! What compose and Kubernetes start, started here with their own commands and variables: on PostgreSQL and S3, up to a document
//! that was read, with their probes, and to the end by SIGTERM.

use crp_testkit::{
    Api, Server, ServerPlan, Upload, poll,
    postgres::FreshDatabase,
    s3_server::S3Server,
    samples,
    server::{ADMIN_EMAIL, ADMIN_PASSWORD},
    words::score,
};
use tempfile::TempDir;

use super::{BINARY, Process, compose, kubernetes};

/// What stands in the place of their database and storage.
struct Outside {
    database: FreshDatabase,
    s3: S3Server,
    secrets: TempDir,
}

impl Outside {
    /// The file of a secret with what leads to ours.
    fn secret(&self, variable: &str) -> String {
        let value = match variable {
            "DATABASE_URL_FILE" => self.database.url(),
            "AWS_ACCESS_KEY_ID_FILE" => self.s3.access_key().to_owned(),
            "AWS_SECRET_ACCESS_KEY_FILE" => self.s3.secret_key().to_owned(),
            "CRPIPELINE_ADMIN_PASSWORD_FILE" => ADMIN_PASSWORD.to_owned(),
            other => panic!("{other} is a secret that nobody here knows"),
        };
        let file = self.secrets.path().join(variable);
        std::fs::write(&file, value).unwrap();
        file.display().to_string()
    }

    /// The process with its variables; addresses alone are other ones.
    fn plan(&self, process: &Process) -> ServerPlan {
        let arguments: Vec<&str> = process.arguments.iter().map(String::as_str).collect();
        let mut plan = match arguments[..] {
            ["serve", "--no-worker"] => ServerPlan::new(BINARY).without_worker(),
            ["worker"] => ServerPlan::new(BINARY).worker(),
            _ => panic!("{}: {arguments:?}", process.named),
        };
        for (name, value) in &process.environment {
            let value = match name.as_str() {
                "S3_BUCKET" => self.s3.bucket().to_owned(),
                "AWS_ENDPOINT_URL" => self.s3.endpoint().to_owned(),
                "AWS_REGION" => self.s3.region().to_owned(),
                "CRPIPELINE_LISTEN" | "CRPIPELINE_METRICS_LISTEN" => {
                    assert!(value.starts_with("0.0.0.0:"), "{}: {name}={value}", process.named);
                    "127.0.0.1:0".to_owned()
                }
                "CRPIPELINE_ADMIN_EMAIL" => ADMIN_EMAIL.to_owned(),
                // As a secret it is a file, and then no variable.
                "CRPIPELINE_ADMIN_PASSWORD_FILE" => {
                    plan = plan.env("CRPIPELINE_ADMIN_PASSWORD", "");
                    self.secret(name)
                }
                "CRPIPELINE_ADMIN_PASSWORD" => ADMIN_PASSWORD.to_owned(),
                // Each has a folder of its own, and cookies come back without TLS.
                "CRPIPELINE_DATA_DIR" | "CRPIPELINE_PUBLIC_URL" => continue,
                secret if secret.ends_with("_FILE") => self.secret(secret),
                _ => value.clone(),
            };
            plan = plan.env(name, value);
        }
        plan
    }
}

/// What a probe of a file asks, asked; it has to come to an answer of 200.
async fn probes_answer(server: &Server, named: &str, paths: &[&str]) {
    let (address, _) = server.metrics_url().rsplit_once('/').expect("the address of the metrics");
    for path in paths {
        poll::until(&format!("{named}: {path}"), poll::PATIENCE, async || {
            (Api::anonymous(address).get(path).await.status == 200).then_some(())
        })
        .await;
    }
}

async fn work_together(processes: &[Process]) {
    let Some(database) = FreshDatabase::make() else { return };
    let outside = Outside { database, s3: S3Server::start().await, secrets: tempfile::tempdir().unwrap() };
    let [serve, worker] = processes else { panic!("a server and a worker") };
    let server = outside.plan(serve).start().await;
    let workers = [outside.plan(worker).start().await, outside.plan(worker).start().await];
    probes_answer(&server, &serve.named, &["/livez", "/readyz"]).await;
    for running in &workers {
        probes_answer(running, &worker.named, &["/livez", "/readyz"]).await;
    }
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("letter.pdf", samples::letter_pdf())).await;
    api.succeeded_job(&ids.job).await;
    for (truth, text) in samples::letter_texts().iter().zip(api.texts(&ids.job).await) {
        assert!(score(truth, &text).recall > 0.97, "{text}");
    }
    for (running, role) in [(&server, "api"), (&workers[0], "worker"), (&workers[1], "worker")] {
        let labels = [("storage", "s3"), ("database", "postgres"), ("role", role)];
        assert_eq!(running.scrape().await.value("crpipeline_config_info", &labels), 1.0, "{role}");
    }
    for running in [server].into_iter().chain(workers) {
        assert!(running.terminate().await.success(), "{}", running.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_compose_starts_reads_a_document_together() {
    work_together(&compose::processes()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_pods_start_reads_a_document_together() {
    work_together(&kubernetes::processes()).await;
}
