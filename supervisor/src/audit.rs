//! The record of what was decided: one JSON object per line.
//!
//! Denials and rules with `log` give a record each; other permits are only counted. Serving threads never wait for the
//! disk: records go through a bounded queue to a writing thread, and what does not fit is counted as dropped.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::SystemTime;

/// Records that may wait for the disk.
const QUEUE: usize = 1024;

/// What happened to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was let through.
    Permit,
    /// It failed.
    Deny,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// When, in UTC (RFC 3339).
    pub time: String,
    /// The container's identifier.
    pub container: String,
    /// The process, as the host numbers it.
    pub pid: i32,
    /// The program that it runs, as the container names it.
    pub program: String,
    /// The call's name.
    pub call: String,
    /// The arguments as rules see them: resolved names, printed numbers.
    pub arguments: BTreeMap<String, String>,
    /// What was decided.
    pub decision: Outcome,
    /// The error that the caller got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
    /// `FILE:LINE` of the rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What no rule tells: why the call could not be performed, or what the author may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The last line: what the records do not show one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Summary {
    time: String,
    container: String,
    summary: Counts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Counts {
    permitted: u64,
    denied: u64,
    recorded: u64,
    dropped: u64,
}

/// The book of one container.
#[derive(Debug)]
pub struct Audit {
    container: String,
    queue: SyncSender<Line>,
    writer: Mutex<Option<JoinHandle<()>>>,
    permitted: AtomicU64,
    denied: AtomicU64,
    recorded: AtomicU64,
    dropped: AtomicU64,
}

/// What happened to the container as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Note {
    time: String,
    container: String,
    note: String,
}

enum Line {
    Record(Box<Record>),
    Note(String),
    End(Counts),
}

impl Audit {
    /// Opens the book; records go to `sink`, each with one write.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(container: String, sink: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (queue, lines) = sync_channel(QUEUE);
        let name = container.clone();
        let writer = std::thread::Builder::new()
            .name("audit".into())
            .spawn(move || write_all(&lines, sink, &name))?;
        Ok(Self {
            container,
            queue,
            writer: Mutex::new(Some(writer)),
            permitted: AtomicU64::new(0),
            denied: AtomicU64::new(0),
            recorded: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        })
    }

    /// The container's identifier.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.container
    }

    /// Counts a decision.
    pub fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Permit => &self.permitted,
            Outcome::Deny => &self.denied,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes a record, or counts it as dropped if the disk is too slow.
    pub fn record(&self, record: Record) {
        let counter = match self.queue.try_send(Line::Record(Box::new(record))) {
            Ok(()) => &self.recorded,
            Err(_) => &self.dropped,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes down what happened to the container as a whole.
    pub fn note(&self, note: String) {
        let counter = match self.queue.try_send(Line::Note(note)) {
            Ok(()) => &self.recorded,
            Err(_) => &self.dropped,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes what is waiting and the summary, and closes the book.
    pub fn finish(&self) {
        let Some(writer) = self.writer.lock().ok().and_then(|mut writer| writer.take()) else {
            return;
        };
        let _ = self.queue.send(Line::End(self.counts()));
        let _ = writer.join();
    }

    fn counts(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            permitted: get(&self.permitted),
            denied: get(&self.denied),
            recorded: get(&self.recorded),
            dropped: get(&self.dropped),
        }
    }
}

/// The present time as records show it.
#[must_use]
pub fn now() -> String {
    DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn write_all(lines: &Receiver<Line>, mut sink: impl Write, container: &str) {
    for line in lines {
        match line {
            Line::Record(record) => write_line(&mut sink, &record),
            Line::Note(note) => {
                let container = container.to_owned();
                write_line(&mut sink, &Note { time: now(), container, note });
            }
            Line::End(summary) => {
                let container = container.to_owned();
                return write_line(&mut sink, &Summary { time: now(), container, summary });
            }
        }
    }
}

/// A line that cannot be written is lost: no confined program may stop because a disk is full.
fn write_line(sink: &mut impl Write, line: &impl Serialize) {
    if let Ok(mut bytes) = serde_json::to_vec(line) {
        bytes.push(b'\n');
        let _ = sink.write_all(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};

    /// A disk that shows every write, and waits for a permission before each.
    struct Disk {
        written: Sender<Vec<u8>>,
        go: Receiver<()>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.go.recv();
            self.written.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn record() -> Record {
        Record {
            time: now(),
            container: "box".into(),
            pid: 7,
            program: "/bin/cat".into(),
            call: "openat".into(),
            arguments: BTreeMap::from([("filename".into(), "/etc/shadow".into())]),
            decision: Outcome::Deny,
            errno: Some("EPERM".into()),
            rule: Some("cat.policy:3".into()),
            reason: None,
        }
    }

    #[test]
    fn a_record_is_one_line_and_the_summary_the_last() {
        let (written, lines) = channel();
        let (ready, go) = channel();
        let audit = Audit::start("box".into(), Disk { written, go }).unwrap();
        drop(ready);
        audit.count(Outcome::Deny);
        audit.record(record());
        audit.finish();
        let lines: Vec<serde_json::Value> =
            lines.iter().map(|line| serde_json::from_slice(&line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["decision"], "deny");
        assert_eq!(lines[0]["arguments"]["filename"], "/etc/shadow");
        assert!(lines[0].get("reason").is_none());
        assert_eq!(lines[1]["summary"]["denied"], 1);
        assert_eq!(lines[1]["summary"]["recorded"], 1);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let (written, lines) = channel();
        let (ready, go) = channel();
        let audit = Audit::start("box".into(), Disk { written, go }).unwrap();
        for _ in 0..QUEUE + 10 {
            audit.record(record());
        }
        drop(ready);
        audit.finish();
        let last = lines.iter().last().unwrap();
        let last: serde_json::Value = serde_json::from_slice(&last).unwrap();
        let counts = &last["summary"];
        assert!(counts["dropped"].as_u64().unwrap() >= 9);
        let total = counts["dropped"].as_u64().unwrap() + counts["recorded"].as_u64().unwrap();
        assert_eq!(total, QUEUE as u64 + 10);
    }
}
