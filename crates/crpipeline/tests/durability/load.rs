//! The documents of a run, and what a run without faults makes of each of them.

use crp_testkit::{Api, Ids, Upload, samples};
use sha2::{Digest as _, Sha256};

use super::{
    account::{self, Outcome},
    run::Chance,
};

/// A document to upload.
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) sha256: String,
    pub(crate) pipeline: &'static str,
    /// How many of a hundred uploads are of its kind.
    share: u64,
}

/// A document with what a run without faults made of it.
pub(crate) struct Known {
    pub(crate) document: Document,
    pub(crate) outcome: Outcome,
}

/// An upload that was answered with 202.
#[derive(Clone)]
pub(crate) struct Accepted {
    /// Which of the known documents it is.
    pub(crate) known: usize,
    pub(crate) ids: Ids,
}

/// One to many pages, scanned, born digital and both, through pipelines of one stage and of two. Of each kind there are `copies` that
/// differ in a comment behind their end.
pub(crate) fn documents(copies: usize) -> Vec<Document> {
    let fields = "fields";
    let plain = "searchable-pdf";
    let kinds: [(&str, Vec<u8>, &'static str, u64); 8] = [
        ("one-slip.pdf", samples::slips(1), plain, 25),
        ("two-slips.pdf", samples::slips(2), fields, 20),
        ("four-slips.pdf", samples::slips(4), plain, 15),
        ("seven-slips.pdf", samples::slips(7), fields, 10),
        ("born-digital.pdf", samples::born_digital(&["Invoice No. 12-34", "Total 99.50"]), fields, 10),
        ("mixed.pdf", samples::mixed("A page that was born digital"), plain, 10),
        ("letter.pdf", samples::letter_pdf().to_vec(), fields, 5),
        ("letter.png", samples::letter_png().to_vec(), plain, 5),
    ];
    let mut all = Vec::new();
    for copy in 0..copies {
        for (name, bytes, pipeline, share) in &kinds {
            let mut bytes = bytes.clone();
            if copy > 0 && name.ends_with(".pdf") {
                bytes.extend(format!("% copy {copy}\n").bytes());
            }
            let sha256 = hex(&bytes);
            all.push(Document { name: (*name).to_owned(), bytes, sha256, pipeline, share: *share });
        }
    }
    all
}

/// The SHA-256 of some bytes, hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a run without faults makes of the documents, on an installation that runs.
pub(crate) async fn without_faults(api: &Api, documents: Vec<Document>) -> Vec<Known> {
    let mut accepted = Vec::new();
    for document in &documents {
        accepted.push(api.accepted(&Upload::of(&document.name, &document.bytes).through(document.pipeline)).await);
    }
    let mut known = Vec::new();
    for (document, ids) in documents.into_iter().zip(accepted) {
        api.succeeded_job(&ids.job).await;
        let seen = account::look_at(api, &ids).await;
        assert!(seen.damage.is_empty() && seen.status == "succeeded", "without faults: {:?}", seen.damage);
        known.push(Known { document, outcome: seen.outcome });
    }
    known
}

/// One of the documents by chance, small ones more often.
pub(crate) fn pick(known: &[Known], chance: &mut Chance) -> usize {
    let total: u64 = known.iter().map(|known| known.document.share).sum();
    let mut left = chance.below(total);
    known
        .iter()
        .position(|known| {
            let is_it = left < known.document.share;
            left = left.saturating_sub(known.document.share);
            is_it
        })
        .unwrap_or_default()
}

/// Uploads with an Idempotency-Key until it is answered with 202, however often the server dies meanwhile.
pub(crate) async fn upload(api: &Api, document: &Document, key: &str) -> Ids {
    let upload = Upload::of(&document.name, &document.bytes).through(document.pipeline).keyed(key);
    let accepted = async || {
        let answer = api.try_send(api.upload_request(&upload)).await.ok()?;
        match answer.status {
            202 => Some(answer.ids()),
            // Away for a moment: it is asked again.
            500..=599 | 429 => None,
            status => panic!("an upload was answered with {status}: {}", answer.text()),
        }
    };
    crp_testkit::poll::until("an upload to be accepted", crp_testkit::poll::PATIENCE, accepted).await
}
