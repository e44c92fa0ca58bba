//! What a child writes to its standard error: the end of it is kept for the log, a flood is noticed, nothing else is believed.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::watch,
    task::JoinHandle,
};

/// So much of the end is kept.
const KEPT_BYTES: usize = 64 << 10;
/// A child that writes more than this is no reader of documents.
const FLOOD_BYTES: u64 = 16 << 20;

/// The end of a child's standard error.
pub(super) struct LogTail {
    kept: Arc<Mutex<VecDeque<u8>>>,
    flooded: watch::Receiver<bool>,
    reader: JoinHandle<()>,
}

impl LogTail {
    /// Reads `from` until its end, in the background.
    pub(super) fn follow(mut from: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(VecDeque::new()));
        let (flood, flooded) = watch::channel(false);
        let keep = kept.clone();
        let reader = tokio::spawn(async move {
            let mut total = 0u64;
            let mut buffer = [0u8; 8 << 10];
            while let Ok(read @ 1..) = from.read(&mut buffer).await {
                total += read as u64;
                let mut kept = keep.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(&buffer[..read]);
                let surplus = kept.len().saturating_sub(KEPT_BYTES);
                kept.drain(..surplus);
                drop(kept);
                if total > FLOOD_BYTES {
                    flood.send_replace(true);
                }
            }
        });
        Self { kept, flooded, reader }
    }

    /// Returns once the child has written too much; never otherwise.
    pub(super) async fn flooded(&self) {
        let mut flooded = self.flooded.clone();
        if flooded.wait_for(|flooded| *flooded).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the dead child's last words have been read.
    pub(super) async fn finish(&mut self) {
        // A grandchild cannot exist, so the pipe ends with the child; should it not, the log is not worth waiting for.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), &mut self.reader).await;
    }

    /// The end of what was written, in printable characters.
    pub(super) fn text(&self) -> String {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        String::from_utf8_lossy(&bytes).chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
    }
}

impl Drop for LogTail {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_end_is_kept_and_control_characters_are_not() {
        let mut written = vec![b'x'; 200 << 10];
        written.extend(b"\x1b[31mthe end\n");
        let mut tail = LogTail::follow(std::io::Cursor::new(written));
        tail.finish().await;
        let text = tail.text();
        assert!(text.ends_with("\u{fffd}[31mthe end\n"));
        assert!(text.chars().count() <= KEPT_BYTES);
    }

    #[tokio::test]
    async fn a_flood_is_noticed() {
        let tail = LogTail::follow(tokio::io::repeat(b'!'));
        tail.flooded().await;
    }
}
