//! Durability: what is accepted is done once and completely, whoever dies. Short here; `cargo xtask bench durability` runs it for long.

mod account;
mod checker;
mod database;
mod disk_full;
mod failing_io;
mod fairness;
mod installation;
mod load;
mod outage;
mod poison;
mod rescue;
mod run;
mod sabotage;
mod stops;
mod storm;
mod zombies;

use installation::SetUp;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storm_on_one_process() {
    storm::run("storm_on_one_process", SetUp::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storm_on_three_workers() {
    storm::run("storm_on_three_workers", SetUp::Distributed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rescue_of_killed_workers() {
    rescue::of_workers().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rescue_after_a_restart() {
    rescue::of_one_process().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_for_longer_than_the_lease() {
    zombies::run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_stop_one_process() {
    stops::run("asked_to_stop_one_process", SetUp::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_stop_a_worker() {
    stops::run("asked_to_stop_a_worker", SetUp::Distributed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashed_database() {
    database::run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_document() {
    poison::run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fairness_between_organizations() {
    fairness::run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disks() {
    disk_full::run(module_path!(), "full_disks").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_io() {
    failing_io::run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bucket_away_for_ten_minutes() {
    outage::run().await;
}
