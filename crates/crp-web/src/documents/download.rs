//! Sending stored bytes: streamed, as a file to save, never as something that a browser would run.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use crp_model::{Code, DocumentName, Failure, LayoutConverter, LayoutFormat, ObjectKey, Sha256Hash};
use crp_objects::{Backend, Download};
use futures_util::{Stream, StreamExt as _, stream::BoxStream};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;

use crate::{Web, problem::Problem};

/// What came from a document is never run by a browser.
pub(super) const NOTHING_RUNS: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'");

/// Whether the answer may send the caller on to the bucket.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DownloadQuery {
    /// `false` asks for the bytes in this answer even where the operator has downloads fetched from the bucket itself; for scripts of a
    /// web page, which may not ask other hosts.
    redirect: Option<bool>,
}

/// How a download was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct MayRedirect(bool);

impl MayRedirect {
    /// A link is signed for GET alone.
    pub(crate) fn of(method: &Method, redirect: Option<bool>) -> Self {
        Self(*method == Method::GET && redirect != Some(false))
    }
}

impl DownloadQuery {
    pub(crate) fn may_redirect(&self, method: &Method) -> MayRedirect {
        MayRedirect::of(method, self.redirect)
    }
}

/// Sends an object that a row names as a file to save: its bytes, or on to the bucket where the operator wants that and the
/// caller may be sent. Bytes that stop before their end, or are not those that were stored, break the connection.
///
/// # Errors
/// As [`show`].
pub(crate) async fn send_file(
    web: &Web,
    key: &ObjectKey,
    sha256: Sha256Hash,
    mime: &'static str,
    name: &str,
    may_redirect: MayRedirect,
) -> Result<Response, Problem> {
    if !may_redirect.0 || !web.settings.presigned_downloads || web.objects.kind() != Backend::S3 {
        let download = web.objects.get(key).await?.ok_or_else(gone)?.checked(sha256);
        return Ok(answer(download, mime, content_disposition(name)));
    }
    let disposition = content_disposition(name);
    let link = web.objects.download_link(key, mime, disposition.to_str().unwrap_or("attachment")).await?.ok_or_else(gone)?;
    let mut location = HeaderValue::from_str(link.expose()).map_err(|_| Problem::internal("The link is no address"))?;
    // Whoever has it needs no sign-in.
    location.set_sensitive(true);
    Ok((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response())
}

/// Streams an object to be shown inside a page of ours. If the bytes stop before their end, the connection breaks instead of
/// ending well.
///
/// # Errors
/// `object_damaged` when the bytes are gone, or a failure of the storage.
pub(crate) async fn show(web: &Web, key: &ObjectKey, mime: &'static str) -> Result<Response, Problem> {
    let download = web.objects.get(key).await?.ok_or_else(gone)?;
    Ok(answer(download, mime, HeaderValue::from_static("inline")))
}

fn answer(download: Download, mime: &'static str, disposition: HeaderValue) -> Response {
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(mime)),
        (header::CONTENT_LENGTH, HeaderValue::from(download.size_bytes)),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_SECURITY_POLICY, NOTHING_RUNS),
    ];
    (headers, Body::from_stream(download.stream)).into_response()
}

/// Streams a layout that a row names in another format, page by page as it is read; `document` gives the file its name.
///
/// # Errors
/// As [`show`].
pub(crate) async fn send_layout_as(web: &Web, key: &ObjectKey, format: LayoutFormat, document: &DocumentName) -> Result<Response, Problem> {
    let download = web.objects.get(key).await?.ok_or_else(gone)?;
    let name = format!("{}.{}", document.stem(), format.extension());
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.mime())),
        (header::CONTENT_DISPOSITION, content_disposition(&name)),
        (header::CONTENT_SECURITY_POLICY, NOTHING_RUNS),
    ];
    let converter = LayoutConverter::new(format, document.as_str());
    Ok((headers, Body::from_stream(converted(download.stream, converter))).into_response())
}

/// The bytes of a layout through `converter`; one page is in memory at a time. It ends with the first error.
fn converted(
    layout: BoxStream<'static, Result<Bytes, Failure>>,
    converter: LayoutConverter,
) -> impl Stream<Item = Result<Bytes, Failure>> + Send + 'static {
    futures_util::stream::try_unfold(Some((layout, converter)), async |state| {
        let Some((mut layout, mut converter)) = state else { return Ok(None) };
        match layout.next().await {
            Some(piece) => {
                let out = converter.push(&piece?)?;
                Ok(Some((Bytes::from(out), Some((layout, converter)))))
            }
            None => Ok(Some((Bytes::from(converter.finish()?), None))),
        }
    })
    // An empty piece would be a needless write.
    .filter(|piece| std::future::ready(!piece.as_ref().is_ok_and(Bytes::is_empty)))
}

fn gone() -> Failure {
    Failure::new(Code::ObjectDamaged, "The stored bytes are not there any more")
}

/// `attachment` with the name as RFC 6266 wants it: plain ASCII for old clients, percent-encoded UTF-8 for all others.
pub(crate) fn content_disposition(name: &str) -> HeaderValue {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%' | ';');
    let plain: String = name.chars().map(|c| if is_plain(c) || c == ' ' { c } else { '_' }).collect();
    let mut encoded = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    let text = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_header() {
        let text = |name: &str| content_disposition(name).to_str().unwrap().to_owned();
        assert_eq!(text("scan.pdf"), "attachment; filename=\"scan.pdf\"; filename*=UTF-8''scan.pdf");
        assert_eq!(
            text("Müller & Söhne.pdf"),
            "attachment; filename=\"M_ller & S_hne.pdf\"; filename*=UTF-8''M%C3%BCller%20&%20S%C3%B6hne.pdf"
        );
        assert_eq!(
            text("a\"; filename=\"b.exe"),
            "attachment; filename=\"a__ filename=_b.exe\"; filename*=UTF-8''a%22%3B%20filename%3D%22b.exe"
        );
        assert_eq!(text("a\r\nSet-Cookie: x"), "attachment; filename=\"a__Set-Cookie: x\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x");
    }
}
