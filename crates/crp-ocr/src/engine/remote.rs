//! An engine that this process cannot reach: the picture goes to the parent, which may speak to the network, and its answer comes back.

use std::io::{Read, Write};

use crp_model::{Code, Failure, labels::EngineKind};

use super::{Engine, GrayPicture, Recognised, Segmentation};
use crate::protocol::{self, Answer, MAX_REQUEST_BYTES, Received, Request};

/// The way to the parent, used as an engine while a page is being read.
pub(crate) struct RemoteEngine<'wire> {
    from_parent: &'wire mut dyn Read,
    to_parent: &'wire mut dyn Write,
}

impl<'wire> RemoteEngine<'wire> {
    /// An engine that asks over these pipes. The parent is waiting for the answer to a page, so nothing else is under way on them.
    pub(crate) fn new(from_parent: &'wire mut dyn Read, to_parent: &'wire mut dyn Write) -> Self {
        Self { from_parent, to_parent }
    }
}

impl Engine for RemoteEngine<'_> {
    fn kind(&self) -> EngineKind {
        EngineKind::Http
    }

    fn recognise(&mut self, picture: &GrayPicture<'_>, segmentation: Segmentation) -> Result<Recognised, Failure> {
        let GrayPicture { width, height, gray, dots_per_inch, page } = *picture;
        let question = Answer::Picture { page, width, height, dots_per_inch, segmentation };
        protocol::send(&mut self.to_parent, &question, gray).map_err(|error| broken(&error))?;
        match protocol::receive(&mut self.from_parent, MAX_REQUEST_BYTES) {
            Ok(Received { message: Request::Recognised(answer), .. }) => answer,
            Ok(_) => Err(broken(&"another request came instead")),
            Err(error) => Err(broken(&error)),
        }
    }
}

fn broken(what: &dyn std::fmt::Display) -> Failure {
    Failure::new(Code::Internal, format!("The answer of the engine did not reach the process that reads the document: {what}"))
}
