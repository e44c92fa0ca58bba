//! The session cookie: written strictly, read leniently.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

use crate::WebSettings;

/// The name of the cookie. `__Host-` makes browsers insist on `Secure`, no `Domain` and `Path=/`.
pub(crate) fn name(settings: &WebSettings) -> &'static str {
    if settings.is_https() { "__Host-crp_session" } else { "crp_session" }
}

/// The token that the request carries.
pub(crate) fn read(settings: &WebSettings, headers: &HeaderMap) -> Option<String> {
    let name = name(settings);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.trim_matches('"').to_owned())
}

/// `Set-Cookie` for a new session.
pub(crate) fn write(settings: &WebSettings, token: &str) -> HeaderValue {
    set(settings, token, settings.session_lifetime)
}

/// `Set-Cookie` that removes it.
pub(crate) fn clear(settings: &WebSettings) -> HeaderValue {
    set(settings, "", Duration::ZERO)
}

fn set(settings: &WebSettings, token: &str, age: Duration) -> HeaderValue {
    let secure = if settings.is_https() { "; Secure" } else { "" };
    let text = format!("{}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={}{secure}", name(settings), age.as_secs());
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_https_the_cookie_is_bound_to_host_and_tls() {
        let plain = WebSettings::default();
        let secure = WebSettings { public_url: Some("https://scans.example.org".into()), ..WebSettings::default() };
        let text = |settings: &WebSettings| write(settings, "abc").to_str().unwrap().to_owned();
        assert_eq!(text(&plain), "crp_session=abc; HttpOnly; SameSite=Lax; Path=/; Max-Age=86400");
        assert_eq!(text(&secure), "__Host-crp_session=abc; HttpOnly; SameSite=Lax; Path=/; Max-Age=86400; Secure");
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; xcrp_session=no; crp_session=yes; c"));
        assert_eq!(read(&WebSettings::default(), &headers).as_deref(), Some("yes"));
    }
}
