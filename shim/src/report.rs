//! How an error reaches the engine: one line in the log file, and the same text on standard error.
//!
//! containerd takes the last JSON object whose level is `error` and needs its time in RFC 3339; podman
//! reads the whole file as one object. So exactly one object is written, and only for an error.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

/// The form of the line in the log file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// Where errors go.
#[derive(Debug)]
pub struct Reporter {
    log: Option<PathBuf>,
    format: Format,
}

#[derive(Serialize)]
struct Line<'m> {
    level: &'static str,
    msg: &'m str,
    time: String,
}

impl Reporter {
    pub fn new(log: Option<PathBuf>, format: Format) -> Self {
        Self { log, format }
    }

    /// Finds the log file on a command line that could not be read as a whole: the engine should
    /// show the reason to its user even then.
    pub fn from_arguments(arguments: &[OsString]) -> Self {
        let value = |name: &str| {
            let texts: Vec<_> =
                arguments.iter().map(|argument| argument.to_string_lossy()).collect();
            let joined = format!("--{name}=");
            texts.iter().enumerate().rev().find_map(|(place, text)| {
                text.strip_prefix(&joined).map(str::to_owned).or_else(|| {
                    let next = (**text == *joined.trim_end_matches('=')).then_some(place + 1)?;
                    texts.get(next).map(|value| value.to_string())
                })
            })
        };
        let format = match value("log-format").as_deref() {
            Some("json") => Format::Json,
            _ => Format::Text,
        };
        Self::new(value("log").map(PathBuf::from), format)
    }

    /// Writes the one error of this run. A log that cannot be written is no second error: the text is
    /// on standard error in any case.
    pub fn error(&self, message: &str) {
        let message = message.replace('\n', " ");
        let line = self.line(&message);
        if let Some(log) = &self.log
            && let Err(failure) = append(log, &line)
        {
            say(&format!("cannot write {}: {failure}", log.display()));
        }
        say(&message);
    }

    fn line(&self, message: &str) -> String {
        let now = DateTime::<Utc>::from(SystemTime::now());
        let time = now.to_rfc3339_opts(SecondsFormat::Nanos, true);
        match self.format {
            Format::Text => format!("time=\"{time}\" level=error msg={message:?}\n"),
            Format::Json => {
                let line = Line { level: "error", msg: message, time };
                serde_json::to_string(&line).unwrap_or_else(|_| message.to_owned()) + "\n"
            }
        }
    }
}

/// Writes to standard error; that nobody reads it there is no reason to fail.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "systrace-shim: {text}");
}

fn append(log: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o644).open(log)?;
    file.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_json_object_with_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log.json");
        Reporter::new(Some(log.clone()), Format::Json).error("two\nlines with \"quotes\"");
        let text = std::fs::read_to_string(log).unwrap();
        assert_eq!(text.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["level"], "error");
        assert_eq!(value["msg"], "two lines with \"quotes\"");
        assert!(chrono::DateTime::parse_from_rfc3339(value["time"].as_str().unwrap()).is_ok());
    }

    #[test]
    fn the_log_is_found_on_a_broken_command_line() {
        for line in ["s --log /l --log-format json --mode x", "s --log=/l --log-format=json --mode"]
        {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let reporter = Reporter::from_arguments(&arguments);
            assert_eq!(reporter.log, Some(PathBuf::from("/l")), "{line}");
            assert_eq!(reporter.format, Format::Json, "{line}");
        }
    }
}
