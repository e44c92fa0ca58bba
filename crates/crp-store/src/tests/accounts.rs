//! Set-up, accounts, sessions, refusals, pipelines, the audit log and the figures.

use std::time::Duration;

use crp_model::{
    Role, TaskKind,
    labels::{QueueState, WorkerState},
};

use super::{both_engines, fixtures::plan};
use crate::{
    StoreError, audit, login, login_refusals, organizations, overview, pipelines,
    sessions::{self, NewSession},
    setup::{self, NewInstallation},
    tasks, users, workers,
};

fn installation(email: &str) -> NewInstallation {
    NewInstallation {
        organization_name: " Example ".to_owned(),
        languages: vec!["eng".to_owned(), "deu".to_owned()],
        email: email.to_owned(),
        display_name: "Ada".to_owned(),
        password_hash: "$argon2id$1".to_owned(),
    }
}

both_engines! {
    async fn the_first_start_makes_one_administrator_and_ends_every_link(db: TestDb) {
        assert!(!setup::is_set_up(&db.store).await.unwrap());
        let expires = db.store.ambient().now().plus(Duration::from_secs(60));
        setup::put_setup_token(&db.store, [7; 32], expires).await.unwrap();
        assert!(setup::setup_token_is_valid(&db.store, [7; 32]).await.unwrap());
        assert!(!setup::setup_token_is_valid(&db.store, [8; 32]).await.unwrap());
        let (one, two) = tokio::join!(
            setup::create_first(&db.store, installation("Ada@Example.org ")),
            setup::create_first(&db.store, installation("eve@example.org")),
        );
        assert!(one.is_ok() != two.is_ok(), "one of two at the same moment");
        assert!(setup::is_set_up(&db.store).await.unwrap());
        assert!(!setup::setup_token_is_valid(&db.store, [7; 32]).await.unwrap());
        let again = setup::create_first(&db.store, installation("eve@example.org")).await;
        assert!(matches!(again, Err(StoreError::Conflict(_))));
        let (organization, user) = one.or(two).unwrap();
        let profile = users::profile(&db.store, user).await.unwrap();
        assert!(profile.is_platform_admin);
        assert_eq!(profile.memberships[0].organization, organization);
        assert_eq!((profile.memberships[0].organization_name.as_str(), profile.memberships[0].role), ("Example", Role::Owner));
        assert_eq!(setup::organizations(&db.store).await.unwrap(), [(organization, "Example".to_owned())]);
    }

    async fn a_one_time_link_ends_by_itself(db: TestDb) {
        let expires = db.store.ambient().now().plus(Duration::from_secs(60));
        setup::put_setup_token(&db.store, [7; 32], expires).await.unwrap();
        db.advance(61.0);
        assert!(!setup::setup_token_is_valid(&db.store, [7; 32]).await.unwrap());
    }

    async fn an_account_is_found_in_any_case_of_letters_and_is_unique(db: TestDb) {
        let (organization, user) = setup::create_first(&db.store, installation("Ada@Example.org")).await.unwrap();
        let account = login::find_for_login(&db.store, " ADA@example.ORG").await.unwrap().unwrap();
        assert_eq!((account.user, account.memberships), (user, vec![(organization, Role::Owner)]));
        assert!(!format!("{:?}", login::find_for_login(&db.store, "ada@example.org").await).contains("argon2"));
        assert_eq!(login::find_for_login(&db.store, "nobody@example.org").await.unwrap(), None);
        let scope = crp_model::Scope::system(organization);
        let second = users::NewUser {
            email: "ADA@EXAMPLE.ORG".to_owned(),
            display_name: "Another".to_owned(),
            password_hash: String::new(),
            role: Role::Viewer,
            is_platform_admin: false,
        };
        let refused = users::create_user(&db.store, &scope, second).await;
        assert!(matches!(refused, Err(StoreError::Conflict(sentence)) if sentence.contains("e-mail")));
        assert_eq!(users::list_users(&db.store, &scope).await.unwrap().len(), 1);
    }

    async fn a_session_lives_until_it_ends_expires_or_its_user_is_locked_or_gets_a_new_password(db: TestDb) {
        let (organization, user) = setup::create_first(&db.store, installation("ada@example.org")).await.unwrap();
        let begin = async |n: u8| {
            let session = NewSession {
                token_hash: [n; 32],
                user,
                organization,
                expires_at: db.store.ambient().now().plus(Duration::from_secs(3600)),
                user_agent: Some("x".repeat(1000)),
                address: Some("192.0.2.1".to_owned()),
            };
            sessions::create_session(&db.store, session).await.unwrap();
        };
        let is_there = async |n: u8| sessions::find_session(&db.store, [n; 32]).await.unwrap().is_some();
        for n in 1..=4 {
            begin(n).await;
        }
        let found = sessions::find_session(&db.store, [1; 32]).await.unwrap().unwrap();
        assert_eq!((found.principal.user, found.principal.role, found.organization_name.as_str()), (user, Role::Owner, "Example"));
        assert_eq!(sessions::sessions_active(&db.store).await.unwrap(), 4);
        db.advance(30.0);
        sessions::touch_session(&db.store, [1; 32]).await.unwrap();
        let seen = async || sessions::find_session(&db.store, [1; 32]).await.unwrap().unwrap().last_seen_at;
        assert_eq!(seen().await, found.created_at, "not every request writes");
        db.advance(31.0);
        sessions::touch_session(&db.store, [1; 32]).await.unwrap();
        assert_eq!(seen().await, db.store.ambient().now());
        sessions::delete_session(&db.store, [1; 32]).await.unwrap();
        assert!(!is_there(1).await && is_there(2).await);
        login::set_password(&db.store, "ada@example.org", "$argon2id$2").await.unwrap();
        assert!(!is_there(2).await, "a new password ends every session");
        begin(5).await;
        login::lock(&db.store, "ada@example.org").await.unwrap();
        assert!(!is_there(5).await, "and so does a lock");
        login::unlock(&db.store, "ada@example.org").await.unwrap();
        assert_eq!(login::find_for_login(&db.store, "ada@example.org").await.unwrap().unwrap().locked_at, None);
        begin(6).await;
        db.advance(3600.0);
        assert!(!is_there(6).await);
        assert_eq!(sessions::delete_expired_sessions(&db.store).await.unwrap(), 1);
        assert_eq!(login::set_password(&db.store, "nobody@example.org", "x").await, Err(StoreError::NotFound));
    }

    async fn refusals_are_counted_by_account_and_by_address_and_forgotten(db: TestDb) {
        let start = db.store.ambient().now();
        for address in ["192.0.2.1", "192.0.2.1", "192.0.2.2"] {
            db.advance(1.0);
            login_refusals::record_refusal(&db.store, "Ada@example.org", address).await.unwrap();
        }
        login_refusals::record_refusal(&db.store, "eve@example.org", "192.0.2.1").await.unwrap();
        let since = login_refusals::refusals_since(&db.store, "ada@example.org", "192.0.2.1", start).await.unwrap();
        assert_eq!(since, (3, 3, Some(db.store.ambient().now())));
        let later = start.plus(Duration::from_secs(2));
        let since = login_refusals::refusals_since(&db.store, "ada@example.org", "192.0.2.9", later).await.unwrap();
        assert_eq!((since.0, since.1), (1, 0));
        login_refusals::clear_refusals(&db.store, "ADA@example.org").await.unwrap();
        let since = login_refusals::refusals_since(&db.store, "ada@example.org", "192.0.2.1", start).await.unwrap();
        assert_eq!((since.0, since.1), (0, 1));
        db.advance(25.0 * 3600.0);
        login_refusals::record_refusal(&db.store, "x", "y").await.unwrap();
        let since = login_refusals::refusals_since(&db.store, "eve@example.org", "192.0.2.1", start).await.unwrap();
        assert_eq!(since, (0, 0, None), "a day later nobody remembers");
    }

    async fn each_save_of_a_pipeline_is_a_new_version(db: TestDb) {
        let scope = db.organization("one").await;
        let (first, one) = pipelines::save(&db.store, &scope, "invoices", "source 1").await.unwrap();
        let (second, two) = pipelines::save(&db.store, &scope, "invoices", "source 2").await.unwrap();
        assert_eq!((one, two), (1, 2));
        assert_eq!(pipelines::get(&db.store, &scope, "invoices").await.unwrap().id, second);
        assert_eq!(pipelines::get(&db.store, &scope, &first.to_string()).await.unwrap().source, "source 1");
        assert_eq!(pipelines::list(&db.store, &scope).await.unwrap().len(), 1);
        pipelines::delete(&db.store, &scope, &second.to_string()).await.unwrap();
        assert_eq!(pipelines::get(&db.store, &scope, &first.to_string()).await.unwrap_err(), StoreError::NotFound);
    }

    async fn what_changes_something_stands_in_the_audit_log_with_who_did_it(db: TestDb) {
        let scope = db.organization("one").await;
        let added = db.upload(&scope, "bytes", plan()).await;
        db.advance(1.0);
        organizations::set_languages(&db.store, &scope, &["fra".to_owned()]).await.unwrap();
        assert_eq!(organizations::get(&db.store, &scope).await.unwrap().languages, ["fra"]);
        let log = audit::list(&db.store, &scope, None, 2).await.unwrap();
        assert_eq!(log.items[0].action, "organization.languages_set");
        assert_eq!(log.items[0].actor_email.as_deref(), Some("owner@one.example"));
        let mut rest = Vec::new();
        let mut cursor = log.next;
        while cursor.is_some() {
            let page = audit::list(&db.store, &scope, cursor, 1).await.unwrap();
            rest.extend(page.items);
            cursor = page.next;
        }
        let all: Vec<_> = log.items.iter().chain(&rest).map(|line| (line.action.as_str(), line.subject)).collect();
        assert!(all.contains(&("document.added", Some(added.document.0))), "{all:?}");
        assert_eq!(all.len(), 4, "organization, user, document, languages: {all:?}");
    }

    async fn the_figures_tell_queue_age_and_workers(db: TestDb) {
        let scope = db.organization("one").await;
        for n in 0..3 {
            db.upload(&scope, &format!("bytes {n}"), plan()).await;
        }
        let (worker, about) = (db.worker(), workers::AboutWorker { name: "host-1".to_owned(), version: "1.0".to_owned(), slots: 2 });
        workers::heartbeat(&db.store, worker, WorkerState::Alive, &about).await.unwrap();
        db.advance(5.0);
        db.claim(TaskKind::Inspect).await;
        let retried = db.claim(TaskKind::Inspect).await;
        let failure = crp_model::Failure::new(crp_model::Code::EngineCrashed, "died");
        tasks::fail(&db.store, &retried, &failure, Some(Duration::from_secs(60))).await.unwrap();
        let figures = overview::figures(&db.store).await.unwrap();
        let queue = |state| figures.queue[&state];
        assert_eq!((queue(QueueState::Queued), queue(QueueState::Running), queue(QueueState::Retry)), (1, 1, 1));
        assert!((figures.oldest_age_seconds - 5.0).abs() < 1e-9);
        assert_eq!((figures.workers[&WorkerState::Alive], figures.workers[&WorkerState::Draining]), (1, 0));
        let listed = workers::list(&db.store).await.unwrap();
        assert_eq!((&listed[0].about, listed[0].tasks_running), (&about, 0), "other workers hold these tasks");
        workers::heartbeat(&db.store, worker, WorkerState::Draining, &about).await.unwrap();
        assert_eq!(overview::figures(&db.store).await.unwrap().workers[&WorkerState::Draining], 1);
        workers::forget(&db.store, worker).await.unwrap();
        assert_eq!(overview::figures(&db.store).await.unwrap().workers[&WorkerState::Draining], 0);
        let dead = db.claim(TaskKind::Inspect).await;
        tasks::fail(&db.store, &dead, &failure, None).await.unwrap();
        assert_eq!(overview::figures(&db.store).await.unwrap().queue[&QueueState::Dead], 1);
    }
}
