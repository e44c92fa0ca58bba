//! A mail server in this process that accepts every mail and delivers none: tests read what was sent.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mail_parser::MessageParser;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::poll::within;

/// Longest line that is read, in bytes.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// Largest mail that is accepted, in bytes.
const MAX_MAIL_BYTES: usize = 1024 * 1024;
/// Most mails that are kept; later ones are refused.
const MAX_MAILS: usize = 200;

/// A mail, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Who the sending server says it is from.
    pub from: String,
    /// Where it was sent to.
    pub to: Vec<String>,
    /// Its subject.
    pub subject: String,
    /// Its body as a person reads it: the plain text, or what is written in the HTML.
    pub text: String,
    /// Its HTML body; the plain text in HTML if it has none.
    pub html: String,
}

type Mails = Arc<Mutex<Vec<Mail>>>;

/// A running mail server. Dropped, it stops.
pub struct SmtpSink {
    address: SocketAddr,
    mails: Mails,
    accepting: JoinHandle<()>,
}

impl SmtpSink {
    /// Starts on a port of 127.0.0.1, 0 for a free one.
    ///
    /// # Panics
    /// If the port cannot be had.
    pub async fn start(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a port for the mail server");
        let address = listener.local_addr().expect("the port of the mail server");
        let mails = Mails::default();
        let accepting = tokio::spawn(accept(listener, mails.clone()));
        Self { address, mails, accepting }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Every mail so far, in the order in which they came.
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until there is a mail as wanted, and gives the first one.
    ///
    /// # Panics
    /// After `patience`, with the mails that came instead.
    pub async fn mail_when(&self, what: &str, patience: Duration, is_so: impl Fn(&Mail) -> bool) -> Mail {
        let found = within(patience, async || self.mails().into_iter().find(&is_so)).await;
        found.unwrap_or_else(|| panic!("no mail {what} in {} s; these came: {:#?}", patience.as_secs(), self.mails()))
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, mails: Mails) {
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            Ok((stream, _)) = listener.accept() => {
                let mails = mails.clone();
                // A client that leaves in the middle is no concern of ours.
                connections.spawn(async move { drop(converse(stream, mails).await) });
            }
        }
    }
}

/// What was said since the last mail.
#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

/// One connection, to its end.
async fn converse(stream: TcpStream, mails: Mails) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut envelope = Envelope::default();
    stream.write_all(b"220 sink ESMTP\r\n").await?;
    while let Some(line) = line_of(&mut stream).await? {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN",
            "HELO" | "NOOP" => "250 sink",
            // Whoever comes is let in: whether a password is right is not what this server is for.
            "AUTH" => "235 welcome",
            "MAIL" => {
                envelope = Envelope { from: Some(address_in(&line)), to: Vec::new() };
                "250 sender noted"
            }
            "RCPT" if envelope.from.is_some() => {
                envelope.to.push(address_in(&line));
                "250 recipient noted"
            }
            "DATA" if !envelope.to.is_empty() => {
                stream.write_all(b"354 end with a dot\r\n").await?;
                take(&mut stream, std::mem::take(&mut envelope), &mails).await?
            }
            "RCPT" | "DATA" => "503 not now",
            "RSET" => {
                envelope = Envelope::default();
                "250 forgotten"
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => "502 unknown",
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.write_all(b"\r\n").await?;
    }
    Ok(())
}

/// Reads a mail up to its dot and keeps it; gives the answer.
async fn take(stream: &mut (impl AsyncBufRead + Unpin), envelope: Envelope, mails: &Mails) -> std::io::Result<&'static str> {
    let mut raw = Vec::new();
    let mut is_whole = false;
    while let Some(line) = line_of(stream).await? {
        if line == b".\r\n" || line == b".\n" {
            is_whole = true;
            break;
        }
        if raw.len() <= MAX_MAIL_BYTES {
            raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
    let mut mails = mails.lock().unwrap_or_else(PoisonError::into_inner);
    if !is_whole || raw.len() > MAX_MAIL_BYTES {
        return Ok("552 too large");
    }
    if mails.len() >= MAX_MAILS {
        return Ok("452 the sink is full");
    }
    mails.push(decoded(envelope, &raw));
    Ok("250 kept")
}

fn decoded(envelope: Envelope, raw: &[u8]) -> Mail {
    let message = MessageParser::default().parse(raw);
    let text = |of: Option<std::borrow::Cow<'_, str>>| of.map(std::borrow::Cow::into_owned).unwrap_or_default();
    Mail {
        from: envelope.from.unwrap_or_default(),
        to: envelope.to,
        subject: message.as_ref().and_then(|message| message.subject()).unwrap_or_default().to_owned(),
        text: text(message.as_ref().and_then(|message| message.body_text(0))),
        html: text(message.as_ref().and_then(|message| message.body_html(0))),
    }
}

/// The next line with its end; `None` when the client has left.
async fn line_of(stream: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = stream.take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
    Ok((read > 0).then_some(line))
}

/// The address between `<` and `>`.
fn address_in(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(line, |(address, _)| address).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn say(to: &SmtpSink, lines: &str) -> String {
        let mut stream = TcpStream::connect(to.address).await.unwrap();
        stream.write_all(lines.replace('\n', "\r\n").as_bytes()).await.unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).await.unwrap();
        answers
    }

    #[tokio::test]
    async fn encoded_subjects_and_bodies_are_read_as_a_person_reads_them() {
        let sink = SmtpSink::start(0).await;
        let answers = say(
            &sink,
            "EHLO me\nAUTH PLAIN AGEAYg==\nMAIL FROM:<a@example.org> BODY=8BITMIME\nRCPT TO:<b@example.org>\nRCPT TO:<c@example.org>\nDATA\n\
             Subject: =?utf-8?q?Sechs_falsche_Passw=C3=B6rter?=\nContent-Type: multipart/alternative; boundary=x\n\n--x\n\
             Content-Type: text/html; charset=UTF-8\nContent-Transfer-Encoding: quoted-printable\n\n<p>caf=C3=A9 =\n6</p>\n--x--\n.\nQUIT\n",
        )
        .await;
        assert!(answers.starts_with("220") && answers.contains("235") && answers.ends_with("250 kept\r\n221 bye\r\n"), "{answers}");
        let mail = sink.mail_when("about coffee", PATIENCE, |mail| mail.text.contains("café 6")).await;
        assert_eq!(
            (mail.from.as_str(), mail.to.as_slice()),
            ("a@example.org", ["b@example.org".to_owned(), "c@example.org".to_owned()].as_slice())
        );
        assert_eq!(mail.subject, "Sechs falsche Passwörter");
        assert!(mail.html.contains("<p>café 6</p>"), "{}", mail.html);
    }

    #[tokio::test]
    async fn several_mails_come_over_one_connection_and_what_is_out_of_order_is_refused() {
        let sink = SmtpSink::start(0).await;
        let mail = |subject: &str| format!("MAIL FROM:<a@x>\nRCPT TO:<b@x>\nDATA\nSubject: {subject}\n\n..dot\n.\n");
        let answers = say(&sink, &format!("HELO me\nDATA\n{}RSET\nRCPT TO:<b@x>\n{}XYZ\nQUIT\n", mail("one"), mail("two"))).await;
        assert_eq!(answers.matches("503").count(), 2, "{answers}");
        assert!(answers.contains("502"), "{answers}");
        let subjects: Vec<String> = sink.mails().into_iter().map(|mail| mail.subject).collect();
        assert_eq!(subjects, ["one", "two"]);
        assert!(sink.mails()[0].text.starts_with(".dot"), "{:?}", sink.mails()[0].text);
    }
}
