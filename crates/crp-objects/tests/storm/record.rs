//! What the storage's own record says about each call: whether it had to end well, and what had to be counted.
//!
//! This repeats the rules of retrying in its own words: a request is sent four times at most, a body that breaks is resumed within
//! the same count, and an upload whose answer was lost is looked at before it is given up.

use std::collections::BTreeMap;

use crp_model::ObjectKey;
use crp_testkit::s3_server::{Fault, Recorded};
use http::Method;

/// How often a request is sent at most.
pub(crate) const ATTEMPTS: u32 = 4;

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Put,
    Create,
    Parts,
    Fetch,
    Head,
    Delete,
    List,
}

/// How a call has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prediction {
    Well,
    /// The storage failed it, after its retries.
    Failed,
    /// Bytes came that were not those that were stored.
    Damaged,
    /// It was not sent: the storage was left alone.
    Refused,
    /// In no way at all: it was given up before its attempts were used.
    GivenUpTooEarly,
}

/// The requests about one key, or one prefix.
pub(crate) fn of(record: &[Recorded], name: &str) -> Vec<Recorded> {
    let path = format!("/documents/{name}");
    let prefix = format!("prefix={}", name.replace('/', "%2F"));
    let is_own = |r: &&Recorded| r.uri.path() == path || r.uri.query().is_some_and(|query| query.split('&').any(|part| part == prefix));
    record.iter().filter(is_own).cloned().collect()
}

/// The errors of the trials, which are sent once.
pub(crate) fn errors_of_trials(record: &[Recorded]) -> BTreeMap<&'static str, u64> {
    let mut errors = BTreeMap::new();
    for request in of(record, ObjectKey::probe().as_str()) {
        let label = if request.method == Method::PUT { "put" } else { "get" };
        let is_bad = match verdict(&request, false) {
            Verdict::Answered(_) => label == "get" && matches!(request.fault, Some(Fault::TruncateBody | Fault::FlipByte)),
            _ => true,
        };
        if is_bad {
            *errors.entry(label).or_default() += 1;
        }
    }
    errors
}

/// How a call has to end, and the operations that it has to be counted under as failed.
pub(crate) fn predict(doing: Doing, requests: &[Recorded]) -> (Prediction, Vec<&'static str>) {
    let mut left = Left::of(requests);
    let (prediction, label) = match doing {
        Doing::Put | Doing::Create => (left.put(), "put"),
        Doing::Parts => (left.parts(), "multipart"),
        Doing::Fetch => (left.fetch(), "get"),
        Doing::Head => (left.head(), "head"),
        Doing::Delete => (left.one(false), "delete"),
        Doing::List => (left.one(true), "list"),
    };
    let prediction = if left.is_short { Prediction::GivenUpTooEarly } else { prediction };
    (prediction, if prediction == Prediction::Failed { vec![label] } else { Vec::new() })
}

enum Verdict {
    Answered(u16),
    Again { uncertain: bool },
    Refused,
}

/// What an answer means; `with_body` if its body is a part of it.
fn verdict(request: &Recorded, with_body: bool) -> Verdict {
    match (request.fault, request.status) {
        (Some(Fault::Status(429)), _) => Verdict::Again { uncertain: false },
        (Some(Fault::Error(404, _)), _) if request.method == Method::HEAD => Verdict::Answered(404),
        (Some(Fault::Error(..)), _) => Verdict::Refused,
        (Some(Fault::FlipUpload), Some(400)) => Verdict::Again { uncertain: false },
        (Some(Fault::TruncateBody | Fault::Trickle), Some(_)) if with_body => Verdict::Again { uncertain: true },
        (_, Some(500..)) | (_, None) => Verdict::Again { uncertain: true },
        (_, Some(status)) => Verdict::Answered(status),
    }
}

/// A request that was sent until its end.
struct Sent<'a> {
    answer: Option<(u16, &'a Recorded)>,
    uncertain: bool,
}

/// How reading an object ended.
enum Got {
    Bytes,
    ChangedBytes,
    Nothing,
    Failed,
    Refused,
}

/// The requests that are not accounted for yet.
struct Left<'a> {
    requests: &'a [Recorded],
    /// Whether an attempt is missing that had to be made.
    is_short: bool,
}

impl<'a> Left<'a> {
    fn of(requests: &'a [Recorded]) -> Self {
        Self { requests, is_short: false }
    }

    fn send(&mut self, attempts: u32, with_body: bool) -> Sent<'a> {
        let mut sent = Sent { answer: None, uncertain: false };
        for _ in 0..attempts {
            let Some((request, rest)) = self.requests.split_first() else {
                self.is_short = true;
                return sent;
            };
            self.requests = rest;
            match verdict(request, with_body) {
                Verdict::Answered(status) => {
                    sent.answer = Some((status, request));
                    return sent;
                }
                Verdict::Again { uncertain } => sent.uncertain |= uncertain,
                Verdict::Refused => return sent,
            }
        }
        sent
    }

    fn one(&mut self, with_body: bool) -> Prediction {
        if self.requests.is_empty() {
            return Prediction::Refused;
        }
        self.send(ATTEMPTS, with_body).answer.map_or(Prediction::Failed, |_| Prediction::Well)
    }

    fn head(&mut self) -> Prediction {
        if self.requests.is_empty() {
            return Prediction::Refused;
        }
        match self.send(ATTEMPTS, false).answer {
            None => Prediction::Failed,
            // Looked at again by a request whose answer can say what is missing.
            Some((404, _)) => self.one(false),
            Some(_) => Prediction::Well,
        }
    }

    fn get(&mut self) -> Got {
        if self.requests.is_empty() {
            return Got::Refused;
        }
        let (mut attempts, mut slow) = (ATTEMPTS, 0);
        loop {
            let Some((status, request)) = self.send(attempts, false).answer else { return Got::Failed };
            if status == 404 {
                return Got::Nothing;
            }
            let failed = match request.fault {
                Some(Fault::FlipByte) => return Got::ChangedBytes,
                Some(Fault::TruncateBody) => slow + 1,
                Some(Fault::Trickle) => {
                    slow += 1;
                    slow
                }
                _ => return Got::Bytes,
            };
            if failed >= ATTEMPTS {
                return Got::Failed;
            }
            attempts = ATTEMPTS - failed;
        }
    }

    fn fetch(&mut self) -> Prediction {
        for _ in 0..2 {
            match self.get() {
                Got::Bytes => return Prediction::Well,
                Got::ChangedBytes => {}
                Got::Nothing => return Prediction::Damaged,
                Got::Failed => return Prediction::Failed,
                Got::Refused => return Prediction::Refused,
            }
        }
        Prediction::Damaged
    }

    /// What looking at the object says after an upload without a clear answer.
    fn is_there(&mut self) -> Prediction {
        if matches!(self.get(), Got::Bytes) { Prediction::Well } else { Prediction::Failed }
    }

    /// What a key that is taken turns out to be.
    fn taken(&mut self) -> Prediction {
        match self.get() {
            Got::Bytes => Prediction::Well,
            Got::Failed | Got::Refused => Prediction::Failed,
            Got::ChangedBytes | Got::Nothing => Prediction::Damaged,
        }
    }

    fn put(&mut self) -> Prediction {
        if self.requests.is_empty() {
            return Prediction::Refused;
        }
        let sent = self.send(ATTEMPTS, false);
        match sent.answer {
            Some((412, _)) => self.taken(),
            Some((200..300, _)) => Prediction::Well,
            _ if sent.uncertain => self.is_there(),
            _ => Prediction::Failed,
        }
    }

    fn parts(&mut self) -> Prediction {
        if self.requests.is_empty() {
            return Prediction::Refused;
        }
        let (parts, others): (Vec<_>, Vec<_>) =
            self.requests.iter().cloned().partition(|r| r.uri.query().is_some_and(|query| query.contains("partNumber=")));
        let mut others = Left::of(&others);
        let prediction = others.assembled(&parts);
        self.is_short |= others.is_short;
        prediction
    }

    /// An upload in parts, whose requests about parts are in `parts` and all others here.
    fn assembled(&mut self, parts: &[Recorded]) -> Prediction {
        if self.send(ATTEMPTS, true).answer.is_none() {
            return Prediction::Failed;
        }
        let sent = ["partNumber=1", "partNumber=2"].map(|number| {
            let is_part = |r: &&Recorded| r.uri.query().is_some_and(|query| query.split('&').any(|part| part == number));
            let part: Vec<Recorded> = parts.iter().filter(is_part).cloned().collect();
            let mut left = Left::of(&part);
            (left.send(ATTEMPTS, false).answer.is_some(), left.is_short)
        });
        // One part that failed ends the others.
        if sent.contains(&(false, false)) {
            return Prediction::Failed;
        }
        self.is_short |= sent.iter().any(|(_, is_short)| *is_short);
        match self.send(ATTEMPTS, false).answer {
            None => return Prediction::Failed,
            Some((404, _)) => {}
            Some(_) => return self.taken(),
        }
        let completed = self.send(ATTEMPTS, true);
        match completed.answer {
            Some((200..300, _)) => Prediction::Well,
            _ if completed.uncertain => self.is_there(),
            _ => Prediction::Failed,
        }
    }
}
