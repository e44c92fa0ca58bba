//! Bytes on their way out, compared with what was stored.

use bytes::Bytes;
use crp_model::{Code, Failure, Sha256Hash};
use futures_util::{StreamExt, stream::BoxStream};
use sha2::{Digest, Sha256};

use crate::Download;

impl Download {
    /// The same download of a whole object, whose last bytes come only when all of them are those that were stored. Otherwise it
    /// ends with `object_damaged`, so that nobody takes a changed document for a whole one.
    #[must_use]
    pub fn checked(self, sha256: Sha256Hash) -> Download {
        let begin = Some(Checking { stream: self.stream, hash: Sha256::new(), held: None, wanted: sha256 });
        let stream = futures_util::stream::try_unfold(begin, |state| async move {
            let Some(mut checking) = state else { return Ok(None) };
            let piece = checking.next().await?;
            Ok(match piece {
                Piece::Whole(None) => None,
                Piece::Whole(Some(last)) => Some((last, None)),
                Piece::Part(bytes) => Some((bytes, Some(checking))),
            })
        });
        Download { stream: stream.boxed(), ..self }
    }
}

struct Checking {
    stream: BoxStream<'static, Result<Bytes, Failure>>,
    hash: Sha256,
    /// What came last; it may be the end.
    held: Option<Bytes>,
    wanted: Sha256Hash,
}

enum Piece {
    Part(Bytes),
    /// The rest, now that everything is known to be right.
    Whole(Option<Bytes>),
}

impl Checking {
    async fn next(&mut self) -> Result<Piece, Failure> {
        while let Some(bytes) = self.stream.next().await {
            let bytes = bytes?;
            self.hash.update(&bytes);
            if let Some(earlier) = self.held.replace(bytes) {
                return Ok(Piece::Part(earlier));
            }
        }
        if Sha256Hash(std::mem::take(&mut self.hash).finalize().into()) == self.wanted {
            return Ok(Piece::Whole(self.held.take()));
        }
        let failure = Failure::new(Code::ObjectDamaged, "A stored object is not the one that was stored: its SHA-256 is another");
        tracing::error!(code = failure.code.as_str(), "{}; its download was broken off", failure.message);
        Err(failure)
    }
}
