//! Every order in which three workers can claim, save, end, lose, hand back and rescue the tasks of a job while it is cancelled and
//! they crash or fall silent as often as they like: all states of a model are visited, and chance walks through it beside the store.
//!
//! `CRP_STORE_MODEL_WALKS` sets how many walks there are.

mod explorer;
mod replay;
mod rules;

use std::collections::HashSet;

use proptest::test_runner::{RngAlgorithm, TestRng};

use self::{
    explorer::{Found, explore},
    replay::Replay,
    rules::{Broken, State, Violation},
};
use super::harness::{self, TestDb};

/// How often chance walks beside the store.
fn walks() -> u32 {
    std::env::var("CRP_STORE_MODEL_WALKS").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

#[test]
fn in_no_order_a_task_is_lost_or_done_twice_and_the_end_can_always_be_reached() {
    let explored = explore(State::first(), Broken::Nothing).unwrap();
    println!(
        "{} states, {} steps, {} of them ends of the job, at most {} steps deep, 0 violations",
        explored.states, explored.steps, explored.finals, explored.depth
    );
    assert!(explored.states > 10_000 && explored.finals > 100, "{explored:?}");
}

/// What is found when a rule is left out, with the shortest way there.
fn found(broken: Broken) -> Found {
    let found = explore(State::first(), broken).expect_err("a rule is missing");
    println!("{broken:?}: {found:?}");
    found
}

#[test]
fn each_rule_that_is_left_out_is_missed() {
    let violation = |broken| match found(broken) {
        Found::Wrong(violation, _) => Some(violation),
        Found::Stuck(_) => None,
    };
    assert_eq!(violation(Broken::FenceAndWorkerAreNotCompared), Some(Violation::StaleWorkCounted));
    assert_eq!(violation(Broken::RescueIgnoresTheLease), Some(Violation::RefusedWithoutReason));
    assert_eq!(violation(Broken::AttemptsHaveNoEnd), Some(Violation::TooManyAttempts));
    assert_eq!(violation(Broken::EndsIgnoreTheCancel), Some(Violation::CancelledAndSucceeded));
    assert_eq!(violation(Broken::TheJobIsForgotten), Some(Violation::FailedTaskOfRunningJob));
    assert_eq!(violation(Broken::RescueLeavesCancelled), None, "the job is stuck");
}

async fn walk(db: TestDb) {
    let scope = db.organization("one").await;
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let (walks, mut steps, mut states) = (walks(), 0, HashSet::new());
    for _ in 0..walks {
        let mut replay = Replay::begin(&db, scope, State::first()).await;
        while !replay.state.is_final() {
            replay.any_step(&mut random, &states).await;
            steps += 1;
            states.insert(replay.state.canonical());
        }
        // What workers still believe to hold is refused.
        for _ in 0..4 {
            if replay.state.steps().is_empty() {
                break;
            }
            replay.any_step(&mut random, &states).await;
            steps += 1;
        }
    }
    println!("{walks} walks, {steps} steps, {} states of the model compared with rows, 0 differences", states.len());
    assert!(states.len() > walks as usize);
}

mod sqlite {
    #[test]
    fn the_real_queue_goes_every_way_that_the_model_goes() {
        super::harness::on_sqlite(super::walk);
    }
}

mod postgres {
    #[test]
    fn the_real_queue_goes_every_way_that_the_model_goes() {
        super::harness::on_postgres(super::walk);
    }
}
