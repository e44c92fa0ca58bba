//! The plain start page: upload, the latest documents and what came out of them.

use std::{fmt::Write as _, sync::Arc};

use axum::{extract::State, response::Html};
use crp_model::{JobStatus, Permission};
use crp_store::{
    documents::{self, DocumentFilter, DocumentRow, DocumentSort},
    jobs, pipelines,
};

use http::{HeaderMap, header};

use super::html::{escape, page};
use crate::{Web, auth::principal::Caller, pipelines::resolve, problem::Problem};

/// Documents on the page.
const LATEST: u32 = 20;

pub(crate) async fn get_home(State(web): State<Arc<Web>>, caller: Caller, headers: HeaderMap) -> Result<Html<String>, Problem> {
    let scope = caller.scope();
    let latest = documents::list(&web.store, &scope, &DocumentFilter::default(), DocumentSort::Newest, None, LATEST).await?;
    let mut main = format!(
        "<form class=\"inline\" method=\"post\" action=\"/sign-out\"><p>Signed in as {} ({}) in {}.</p><button>Sign out</button></form>\n\
         <p>The web app is not part of this version yet. Everything works through the <a href=\"/api/reference\">API</a> and with this page.</p>\n",
        escape(&caller.session.email),
        caller.principal().role.as_str(),
        escape(&caller.session.organization_name),
    );
    if caller.principal().role.may(Permission::WriteDocuments) {
        let saved = pipelines::list(&web.store, &scope).await?;
        let names = resolve::built_in().map(|(file, _)| file.name).chain(saved.into_iter().map(|row| row.name));
        main.push_str(&upload_form(names));
    }
    main.push_str("<h2>Latest documents</h2>\n");
    if latest.items.is_empty() {
        main.push_str("<p class=\"soft\">There are none yet.</p>\n");
    } else {
        main.push_str("<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Document</th><th scope=\"col\">Uploaded</th><th scope=\"col\">Job</th><th scope=\"col\">Results</th></tr></thead>\n<tbody>\n");
        for document in &latest.items {
            main.push_str(&row(&web, &caller, document).await?);
        }
        main.push_str("</tbody></table></div>\n<p class=\"soft\">Load the page again to see how far the jobs are.</p>\n");
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("localhost:8080");
    let seen = format!("http://{host}");
    main.push_str(&curl(web.settings.public_url.as_deref().unwrap_or(&seen)));
    Ok(page("Documents", &main))
}

fn upload_form(pipelines: impl Iterator<Item = String>) -> String {
    let options: String = pipelines.map(|name| format!("<option>{}</option>", escape(&name))).collect();
    format!(
        "<h2>Upload</h2>\n<form method=\"post\" action=\"/upload\" enctype=\"multipart/form-data\">\n\
         <label for=\"pipeline\">Pipeline</label>\n<select id=\"pipeline\" name=\"pipeline\">{options}</select>\n\
         <label for=\"file\">PDF, TIFF, PNG or JPEG</label>\n\
         <input id=\"file\" name=\"file\" type=\"file\" accept=\".pdf,.tif,.tiff,.png,.jpg,.jpeg\" required>\n<button>Upload</button>\n</form>\n"
    )
}

/// One document: what its newest job does and what it left.
async fn row(web: &Web, caller: &Caller, document: &DocumentRow) -> Result<String, Problem> {
    let mut html = format!(
        "<tr><td><a href=\"/api/v1/documents/{}/content\">{}</a></td><td>{}</td>",
        document.id,
        escape(document.name.as_str()),
        escape(&document.created_at.rfc3339())
    );
    let Some(id) = document.latest_job else {
        return Ok(html + "<td></td><td></td></tr>\n");
    };
    let job = jobs::get(&web.store, &caller.scope(), id).await?;
    let _ = write!(html, "<td><a href=\"/api/v1/jobs/{id}\">{}</a>", job.status.as_str());
    if job.status == JobStatus::Running
        && let Some(total) = job.progress.pages_total
    {
        let _ = write!(html, " <span class=\"soft\">{} of {total} pages</span>", job.progress.pages_done);
    }
    if let Some(failure) = &job.failure {
        let _ = write!(html, "<small>{}</small>", escape(&failure.to_string()));
    }
    for warning in &job.warnings {
        let _ = write!(html, "<small>{}</small>", escape(&warning.message));
    }
    html.push_str("</td><td>");
    for artifact in &job.artifacts {
        let kind = artifact.kind.as_str();
        let _ = write!(html, "<a href=\"/api/v1/jobs/{id}/artifacts/{kind}\">{}</a> ", kind.replace('_', " "));
    }
    Ok(html + "</td></tr>\n")
}

fn curl(origin: &str) -> String {
    let origin = escape(origin.trim_end_matches('/'));
    format!(
        "<h2>With curl</h2>\n<pre>curl -c cookies -H 'Content-Type: application/json' \\\n     -d '{{\"email\":\"you@example.org\",\"password\":\"…\"}}' {origin}/api/v1/session\n\
         curl -b cookies -F file=@scan.pdf {origin}/api/v1/documents\n\
         curl -b cookies {origin}/api/v1/jobs/JOB\n\
         curl -b cookies -o scan.pdf {origin}/api/v1/jobs/JOB/artifacts/searchable_pdf</pre>\n"
    )
}
