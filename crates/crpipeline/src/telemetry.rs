//! Logging: for people on a terminal, or one JSON object per line. Nothing in a value can break a line.

use std::{
    fmt::{self, Write as _},
    io::IsTerminal as _,
};

use tracing_subscriber::{
    EnvFilter,
    field::MakeExt as _,
    fmt::format::{self, Writer},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::config::{LogFormat, LogSettings};

/// Starts logging to standard error.
pub(crate) fn start(settings: &LogSettings) {
    let filter = EnvFilter::builder().parse(&settings.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    // A second start (tests in one process) keeps the first.
    let _ = match settings.format {
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
            registry.with(layer).try_init()
        }
        LogFormat::Human => {
            let layer = tracing_subscriber::fmt::layer()
                .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
                .with_target(false)
                .fmt_fields(format::debug_fn(write_field).delimited(" "))
                .with_writer(std::io::stderr);
            registry.with(layer).try_init()
        }
    };
}

/// Writes a field so that no control character of its value reaches the terminal or ends the line.
fn write_field(writer: &mut Writer<'_>, field: &tracing::field::Field, value: &dyn fmt::Debug) -> fmt::Result {
    match field.name() {
        "message" => write!(writer, "{}", OneLine(format!("{value:?}"))),
        // Names of the bridge from the log crate.
        name if name.starts_with("log.") => Ok(()),
        name => write!(writer, "{name}={}", OneLine(format!("{value:?}"))),
    }
}

/// Text whose control characters are shown, not obeyed.
pub(crate) struct OneLine<T>(pub(crate) T);

impl<T: AsRef<str>> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().chars().try_for_each(|c| match c {
            // Bidirectional marks turn the rest of the line around.
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}') => {
                write!(f, "{}", c.escape_default())
            }
            c => f.write_char(c),
        })
    }
}

/// Prints a line for the person or program that asked; one that has gone away (`| head`) is no reason to panic or to stop the work.
pub(crate) fn say(line: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Prints what was found about a subject, padded to `width`, and what to do about it below. `word` tells how it is, in `colour`
/// (an ANSI number) where somebody sees colours.
pub(crate) fn say_finding((word, colour): (&str, &str), (subject, width): (&str, usize), found: &str, remedy: Option<&str>) {
    use std::io::IsTerminal as _;
    let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let shown = if coloured { format!("\u{1b}[{colour}m{word}\u{1b}[0m") } else { word.to_owned() };
    say(&format!("{shown} {subject:<width$} {}", OneLine(found)));
    if let Some(remedy) = remedy {
        say(&format!("{:indent$} → {}", "", OneLine(remedy), indent = word.len() + 1 + width));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_can_neither_end_the_line_nor_colour_the_terminal() {
        assert_eq!(OneLine("a\nERROR forged \u{1b}[31m\u{202e}x").to_string(), "a\\nERROR forged \\u{1b}[31m\\u{202e}x");
        assert_eq!(OneLine("Größe 3 µm → ok").to_string(), "Größe 3 µm → ok");
    }
}
