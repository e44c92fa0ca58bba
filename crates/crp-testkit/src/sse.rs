//! Reads server-sent events as a browser does.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use serde_json::Value;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number, if it has one.
    pub id: Option<i64>,
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: Value,
}

/// An open stream of events.
pub struct EventStream {
    bytes: std::pin::Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    buffer: Vec<u8>,
    ready: VecDeque<Event>,
    heartbeats: u32,
}

impl EventStream {
    /// Reads the body of an answer.
    pub fn of(answer: reqwest::Response) -> Self {
        Self { bytes: Box::pin(answer.bytes_stream()), buffer: Vec::new(), ready: VecDeque::new(), heartbeats: 0 }
    }

    /// The next event; `None` when the server ends the stream.
    ///
    /// # Panics
    /// If nothing comes within `patience`.
    pub async fn next(&mut self, patience: Duration) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let chunk = tokio::time::timeout(patience, self.bytes.next()).await;
            match chunk.unwrap_or_else(|_| panic!("no event and no heartbeat within {} s", patience.as_secs())) {
                Some(Ok(chunk)) => self.take(&chunk),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Every event up to the end of the stream.
    pub async fn rest(&mut self, patience: Duration) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next(patience).await {
            events.push(event);
        }
        events
    }

    /// Comments that were received.
    pub fn heartbeats(&self) -> u32 {
        self.heartbeats
    }

    fn take(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
        while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let block = String::from_utf8_lossy(&block);
            let mut event = Event { id: None, name: "message".to_owned(), data: Value::Null };
            let mut data = String::new();
            for line in block.lines() {
                match line.split_once(':') {
                    Some(("", _)) => self.heartbeats += 1,
                    Some(("id", id)) => event.id = id.trim().parse().ok(),
                    Some(("event", name)) => event.name = name.trim().to_owned(),
                    Some(("data", text)) => data.push_str(text.trim_start()),
                    _ => {}
                }
            }
            if !data.is_empty() {
                event.data = serde_json::from_str(&data).unwrap_or_else(|_| panic!("the data of an event is no JSON: {data}"));
                self.ready.push_back(event);
            }
        }
    }
}
