//! A server on the loopback interface that plays the engine `http`: each request gets what the test says.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    io::{Cursor, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What a request is answered with.
pub(crate) enum Reply {
    /// 200 with this JSON.
    Json(String),
    /// This status with further header lines, each ending in `\r\n`.
    Status(u16, String),
    /// 200 with this content type and body.
    Other(&'static str, Vec<u8>),
    /// The connection ends without an answer.
    HangUp,
    /// No answer, as long as the client waits.
    Silence,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Request line and headers, in small letters.
    pub(crate) head: String,
    /// The body.
    pub(crate) png: Vec<u8>,
}

/// The running server; it ends with the test's process.
pub(crate) struct Endpoint {
    /// Its address.
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Endpoint {
    /// Starts it; `reply` is told the number of the request, from 0, and its picture.
    pub(crate) fn start(reply: impl Fn(usize, &[u8]) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/ocr", listener.local_addr().expect("its address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, reply) = (asked.clone(), Arc::new(reply));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (log, reply) = (log.clone(), reply.clone());
                thread::spawn(move || serve(connection, &log, &*reply));
            }
        });
        Self { url, asked }
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no request panicked").clone()
    }
}

fn serve(mut connection: TcpStream, log: &Mutex<Vec<Asked>>, reply: &dyn Fn(usize, &[u8]) -> Reply) {
    let Some(asked) = receive(&mut connection) else { return };
    let number = {
        let mut log = log.lock().expect("no request panicked");
        log.push(asked.clone());
        log.len() - 1
    };
    let (status, headers, body) = match reply(number, &asked.png) {
        Reply::Json(json) => (200, "content-type: application/json; charset=utf-8\r\n".to_owned(), json.into_bytes()),
        Reply::Status(status, headers) => (status, headers, Vec::new()),
        Reply::Other(mime, body) => (200, format!("content-type: {mime}\r\n"), body),
        Reply::HangUp => return,
        Reply::Silence => {
            // Ends when the client has enough.
            let _ = connection.read(&mut [0]);
            return;
        }
    };
    let head = format!("HTTP/1.1 {status} Whatever\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    // The client may have seen enough before the end.
    let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&body));
}

fn receive(connection: &mut TcpStream) -> Option<Asked> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 64 << 10]);
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.trim().parse().ok()?;
            if bytes.len() >= end + 4 + length {
                return Some(Asked { head, png: bytes[end + 4..end + 4 + length].to_vec() });
            }
        }
        match connection.read(&mut buffer) {
            Ok(read @ 1..) => bytes.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
    }
}

/// A recogniser that always finds the same: each run of ink between blank rows is a line, each run between wide gaps a word.
/// What the words say is made up; where they are is not.
pub(crate) fn runs_of_ink(png: &[u8]) -> Reply {
    let ([width, height], gray) = decode(png);
    let dark = gray.iter().filter(|pixel| **pixel < 128).count();
    let is_inverted = dark * 2 > gray.len();
    let ink = |x: usize, y: usize| (gray[y * width + x] < 128) != is_inverted;
    let mut words = Vec::new();
    for (top, bottom) in runs(height, 0, |y| (0..width).any(|x| ink(x, y))) {
        for (left, right) in runs(width, (bottom - top) / 5, |x| (top..bottom).any(|y| ink(x, y))) {
            words.push(format!(r#"{{"text":"word{}","confidence":0.9,"box":[{left},{top},{right},{bottom}]}}"#, words.len()));
        }
    }
    Reply::Json(format!(r#"{{"protocol":1,"words":[{}]}}"#, words.join(",")))
}

/// Width, height and gray pixels of a PNG.
pub(crate) fn decode(png: &[u8]) -> ([usize; 2], Vec<u8>) {
    let mut reader = png::Decoder::new(Cursor::new(png)).read_info().expect("a PNG");
    let mut gray = vec![0; reader.output_buffer_size().expect("a size")];
    let frame = reader.next_frame(&mut gray).expect("its pixels");
    assert_eq!((frame.color_type, frame.bit_depth), (png::ColorType::Grayscale, png::BitDepth::Eight));
    ([frame.width as usize, frame.height as usize], gray)
}

/// The runs of places for which `is_in` holds; gaps up to `bridged` do not end one.
fn runs(length: usize, bridged: usize, is_in: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for at in (0..length).filter(|at| is_in(*at)) {
        match runs.last_mut() {
            Some((_, end)) if at <= *end + bridged => *end = at + 1,
            _ => runs.push((at, at + 1)),
        }
    }
    runs
}
