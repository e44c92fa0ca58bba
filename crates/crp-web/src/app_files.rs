//! The web app as files inside the binary: its one page at every address where a browser goes, its assets by their hashed names.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use rust_embed::RustEmbed;

use crate::{problem::Problem, router::nothing_here};

/// What `npm run build` left; nothing where nobody built it, and the server says so.
#[derive(RustEmbed)]
#[folder = "../../ui/dist"]
#[allow_missing = true]
struct Dist;

/// Only our own files, requests to ourselves, and pictures that the page itself made; no script in the page, no other host.
const APP_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; \
    connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// A hashed name never means other bytes.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// The page is asked for again each time, and is small.
const ASK_AGAIN: &str = "no-cache";
const PAGE: &str = "index.html";

/// The page, or the asset that the address names.
pub(crate) async fn get_app(uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let path = uri.path().trim_start_matches('/');
    let name = if path.is_empty() { PAGE } else { path };
    match Dist::get(name) {
        Some(file) => Ok(send(name, file.metadata.sha256_hash(), file.data, &headers)),
        None if name == PAGE => Ok(not_built()),
        None => Err(nothing_here().await),
    }
}

/// An address that no route has: the app knows its own pages, so a browser that goes there gets the app; a program gets a 404.
pub(crate) async fn get_elsewhere(method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let is_look = method == Method::GET || method == Method::HEAD;
    let wants_page = headers.get_all(header::ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains("text/html")));
    let is_api = uri.path() == "/api" || uri.path().starts_with("/api/");
    if is_look && wants_page && !is_api { get_app(Uri::from_static("/"), headers).await } else { Err(nothing_here().await) }
}

fn send(path: &str, sha256: [u8; 32], bytes: Cow<'static, [u8]>, headers: &HeaderMap) -> Response {
    let tag = entity_tag(sha256);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let cache = if path.starts_with("assets/") { FOREVER } else { ASK_AGAIN };
    let always = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(APP_POLICY)),
    ];
    if known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag)) {
        return (StatusCode::NOT_MODIFIED, always).into_response();
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)))];
    (always, kind, bytes.into_owned()).into_response()
}

fn entity_tag(sha256: [u8; 32]) -> HeaderValue {
    let hex: String = sha256[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{hex}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The kinds that a build leaves; anything else is bytes to save.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

fn not_built() -> Response {
    crate::pages::html::page(
        "The web app is not built",
        "<p>This binary was built without the web app. <code>cargo xtask up</code> builds both; \
         <code>npm ci &amp;&amp; npm run build</code> in the folder <code>ui</code>, then <code>cargo build</code>, builds them by hand.</p>\n\
         <p>Everything works through the <a href=\"/api/reference\">API</a> meanwhile.</p>",
    )
    .into_response()
}
