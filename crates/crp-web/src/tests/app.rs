//! A whole web side in a temporary folder, and a client that speaks HTTP to it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use crp_metrics::{BuildInfo, Metrics};
use crp_model::{Ambient, ManualClock, OrganizationId, Role, Scope, Timestamp};
use crp_objects::Objects;
use crp_store::{
    Database, Store,
    setup::{self, NewInstallation},
    users::{self, NewUser},
};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{PasswordCost, ROUTES, Web, WebSettings, frame::address::Peer, hash_password};

pub(super) const OWNER: &str = "owner@example.org";
pub(super) const PASSWORD: &str = "a password of length";
/// The cheapest cost that argon2 takes: the tests are about what surrounds it.
pub(super) const CHEAP: PasswordCost = PasswordCost { memory_kibibytes: 8, passes: 1 };
/// A PDF by its first bytes; nobody opens it here.
pub(super) const PDF: &[u8] = b"%PDF-1.4\n% told by its first bytes, opened by nobody\n";

pub(super) struct TestApp {
    pub(super) web: Arc<Web>,
    pub(super) router: Router,
    pub(super) clock: Arc<ManualClock>,
    pub(super) metrics: Metrics,
    pub(super) directory: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub(super) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The cookie to send back, `name=value`.
    pub(super) fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
    }
}

impl TestApp {
    /// An installation with one organization and its owner.
    pub(super) async fn set_up() -> Self {
        Self::set_up_with(|_| {}).await
    }

    pub(super) async fn set_up_with(change: impl FnOnce(&mut WebSettings)) -> Self {
        let app = Self::empty_with(change).await;
        let new = NewInstallation {
            organization_name: "First".to_owned(),
            languages: vec!["eng".to_owned()],
            email: OWNER.to_owned(),
            display_name: "Owner".to_owned(),
            password_hash: app.hash(PASSWORD),
        };
        setup::create_first(&app.web.store, new).await.unwrap();
        app
    }

    /// An installation that nobody has set up.
    pub(super) async fn empty_with(change: impl FnOnce(&mut WebSettings)) -> Self {
        let directory = TempDir::new().unwrap();
        let (ambient, clock) = Ambient::manual(Timestamp(1_767_225_600_000_000), 42);
        let metrics = Metrics::new(BuildInfo { version: "0.0.0-test", revision: "test", rustc: "test" }, ROUTES);
        let database = Database::Sqlite(directory.path().join("crpipeline.db"));
        let store = Store::open(&database, ambient.clone(), metrics.clone()).await.unwrap();
        let objects = Objects::open_folder(&directory.path().join("objects"), metrics.clone()).unwrap();
        let mut settings = WebSettings {
            password_cost: CHEAP,
            reserve: crp_objects::Reserve { disks: vec![directory.path().to_owned()], min_free_bytes: 0 },
            has_worker: false,
            ..WebSettings::default()
        };
        change(&mut settings);
        let web = Web::new(store, objects, metrics.clone(), ambient, settings).unwrap();
        Self { router: web.api_router(), web, clock, metrics, directory }
    }

    pub(super) fn hash(&self, password: &str) -> String {
        hash_password(password, CHEAP, &self.web.ambient).unwrap()
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|collected| collected.to_bytes().to_vec()).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Opens a stream that does not end by itself.
    pub(super) async fn open(&self, request: Request<Body>) -> http::Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(super) async fn get(&self, cookie: &str, path: &str) -> Answer {
        self.send(request("GET", path, cookie).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn send_empty(&self, method: &str, cookie: &str, path: &str) -> Answer {
        self.send(request(method, path, cookie).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn send_json(&self, method: &str, cookie: &str, path: &str, body: &Value) -> Answer {
        let request = request(method, path, cookie).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(super) async fn try_sign_in(&self, email: &str, password: &str) -> Answer {
        self.send_json("POST", "", "/api/v1/session", &serde_json::json!({"email": email, "password": password})).await
    }

    /// Signs in; the cookie.
    pub(super) async fn sign_in(&self, email: &str) -> String {
        self.sign_in_with(email, PASSWORD).await
    }

    /// Signs in with a password of its own; the cookie.
    pub(super) async fn sign_in_with(&self, email: &str, password: &str) -> String {
        let answer = self.try_sign_in(email, password).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.cookie()
    }

    /// A user of the first organization; the cookie.
    pub(super) async fn user(&self, role: Role) -> String {
        let organization = setup::organizations(&self.web.store).await.unwrap()[0].0;
        self.user_of(organization, role).await
    }

    /// The owner of an organization of its own; the cookie.
    pub(super) async fn stranger(&self) -> String {
        let other = crp_store::organizations::create(&self.web.store, "Other", &["eng".to_owned()]).await.unwrap();
        self.user_of(other, Role::Owner).await
    }

    async fn user_of(&self, organization: OrganizationId, role: Role) -> String {
        let email = format!("{}-{}@example.org", role.as_str(), self.web.ambient.new_uuid());
        let new = NewUser {
            email: email.clone(),
            display_name: role.as_str().to_owned(),
            password_hash: self.hash(PASSWORD),
            role,
            is_platform_admin: false,
        };
        users::create_user(&self.web.store, &Scope::system(organization), new).await.unwrap();
        self.sign_in(&email).await
    }

    /// Uploads a file; `fields` stand before it.
    pub(super) async fn upload_with(&self, cookie: &str, name: &str, bytes: &[u8], fields: &[(&str, &str)], key: Option<&str>) -> Answer {
        let mut upload = request("POST", "/api/v1/documents", cookie).header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
        if let Some(key) = key {
            upload = upload.header("idempotency-key", key);
        }
        self.send(upload.body(Body::from(form(name, bytes, fields))).unwrap()).await
    }

    pub(super) async fn upload(&self, cookie: &str, name: &str, bytes: &[u8]) -> Answer {
        self.upload_with(cookie, name, bytes, &[], None).await
    }

    /// Uploads a file that must be taken; ids of document and job.
    pub(super) async fn uploaded(&self, cookie: &str, bytes: &[u8]) -> (String, String) {
        let answer = self.upload(cookie, "scan.pdf", bytes).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        let body = answer.json();
        (body["document"]["id"].as_str().unwrap().to_owned(), body["job"]["id"].as_str().unwrap().to_owned())
    }

    /// Files that lie in the object folder.
    pub(super) fn stored_files(&self) -> usize {
        fn count(directory: &std::path::Path) -> usize {
            let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
            entries.flatten().map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
        }
        count(&self.directory.path().join("objects"))
    }
}

/// A request as the accept loop hands it on.
pub(super) fn request(method: &str, path: &str, cookie: &str) -> http::request::Builder {
    let peer = Peer(SocketAddr::from(([192, 0, 2, 1], 40000)));
    let request = Request::builder().method(method).uri(path).extension(peer);
    if cookie.is_empty() { request } else { request.header(header::COOKIE, cookie) }
}

/// A multipart form with the boundary `edge`.
pub(super) fn form(name: &str, bytes: &[u8], fields: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, value) in fields {
        body.extend_from_slice(format!("--edge\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n").as_bytes());
    }
    let name = name.replace('"', "%22");
    body.extend_from_slice(format!("--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n").as_bytes());
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    body
}
