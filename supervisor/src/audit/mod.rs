//! The record of what was decided: one JSON object per line.
//!
//! Denials and rules with `log` give a record each; other permits are only counted. Serving threads never wait for the
//! disk: records go through a bounded queue to a writing thread, and what does not fit is counted as dropped.

pub mod log;

pub use log::Log;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant, SystemTime};

/// Records that may wait for the disk.
const QUEUE: usize = 1024;

/// How long the end of the book may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// The writing thread makes lines of records and little else.
const STACK: usize = 256 * 1024;

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

/// A line that tells of the book itself or of the supervisor, not of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Notice<'n> {
    time: String,
    container: &'n str,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'n str>,
    /// Records that were lost since the last line that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<u64>,
    /// The last line: what the records do not show one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Totals>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Totals {
    permitted: u64,
    denied: u64,
    recorded: u64,
    dropped: u64,
}

/// What was decided and written so far; a supervisor that dies leaves it to the next.
#[derive(Debug, Default)]
pub struct Counts {
    permitted: AtomicU64,
    denied: AtomicU64,
    /// Records that are in the file.
    recorded: AtomicU64,
    /// Records that are not, and never will be.
    dropped: AtomicU64,
    /// Records that wait for the disk.
    waiting: AtomicU64,
    /// What of the dropped ones the file tells.
    told: AtomicU64,
}

impl Counts {
    fn totals(&self) -> Totals {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            permitted: get(&self.permitted),
            denied: get(&self.denied),
            recorded: get(&self.recorded),
            dropped: get(&self.dropped),
        }
    }

    /// What waited for the disk has gone with the supervisor in whose memory it was.
    fn begin(&self) {
        let lost = self.waiting.swap(0, Ordering::Relaxed);
        self.dropped.fetch_add(lost, Ordering::Relaxed);
    }
}

/// The book of one container.
#[derive(Debug)]
pub struct Audit {
    container: String,
    queue: SyncSender<Line>,
    counts: &'static Counts,
    finished: Mutex<Option<Receiver<()>>>,
}

enum Line {
    Record(Box<Record>),
    Notice(Cow<'static, str>),
    End,
}

impl Audit {
    /// Opens the book; records go to `sink`, each with one write.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(
        container: String,
        counts: &'static Counts,
        sink: impl Write + Send + 'static,
    ) -> std::io::Result<Self> {
        counts.begin();
        let (queue, lines) = sync_channel(QUEUE);
        let (tell, finished) = sync_channel(1);
        let mut writer = Writer { sink, counts, container: container.clone(), torn: false };
        std::thread::Builder::new().name("audit".into()).stack_size(STACK).spawn(move || {
            writer.write_all(&lines);
            // Nobody may be waiting any more.
            let _ = tell.try_send(());
        })?;
        Ok(Self { container, queue, counts, finished: Mutex::new(Some(finished)) })
    }

    /// The container's identifier.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.container
    }

    /// Counts a decision.
    pub fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Permit => &self.counts.permitted,
            Outcome::Deny => &self.counts.denied,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes a record, or counts it as dropped if the disk is too slow.
    pub fn record(&self, record: Record) {
        self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(Line::Record(Box::new(record))).is_err() {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts denials of which nothing is known but that they were made.
    pub fn lose(&self, denials: u64) {
        self.counts.denied.fetch_add(denials, Ordering::Relaxed);
        self.counts.dropped.fetch_add(denials, Ordering::Relaxed);
    }

    /// Writes something about the supervisor, if there is room.
    pub fn notice(&self, notice: impl Into<Cow<'static, str>>) {
        let _ = self.queue.try_send(Line::Notice(notice.into()));
    }

    /// Writes what is waiting and the summary, and closes the book. A disk that does not answer is not waited for.
    pub fn finish(&self) {
        let Some(finished) = self.finished.lock().ok().and_then(|mut finished| finished.take())
        else {
            return;
        };
        let until = Instant::now() + PATIENCE;
        while matches!(self.queue.try_send(Line::End), Err(TrySendError::Full(_))) {
            if Instant::now() > until {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = finished.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// The present time as records show it.
#[must_use]
pub fn now() -> String {
    DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Writes one line about a supervisor that nobody can write about any more.
///
/// # Errors
/// What write(2) lists.
pub fn last_words(sink: &mut impl Write, container: &str, notice: &str) -> std::io::Result<()> {
    let notice = Notice { time: now(), container, notice: Some(notice), lost: None, summary: None };
    sink.write_all(&line(&notice))
}

/// The thread that waits for the disk, so that no other does.
struct Writer<S> {
    sink: S,
    counts: &'static Counts,
    container: String,
    /// The last line is not whole.
    torn: bool,
}

impl<S: Write> Writer<S> {
    fn write_all(&mut self, lines: &Receiver<Line>) {
        for next in lines {
            match next {
                Line::Record(record) => {
                    self.tell_losses();
                    let counter = match self.write(&record) {
                        Ok(()) => &self.counts.recorded,
                        Err(_) => &self.counts.dropped,
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                    self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
                }
                Line::Notice(text) => drop(self.notice(Some(&text), None, None)),
                Line::End => {
                    self.tell_losses();
                    return drop(self.notice(None, None, Some(self.counts.totals())));
                }
            }
        }
    }

    /// Once the disk takes lines again, the first says how many are missing.
    fn tell_losses(&mut self) {
        let dropped = self.counts.dropped.load(Ordering::Relaxed);
        let told = self.counts.told.load(Ordering::Relaxed);
        if dropped > told && self.notice(None, Some(dropped - told), None).is_ok() {
            self.counts.told.store(dropped, Ordering::Relaxed);
        }
    }

    fn notice(
        &mut self,
        notice: Option<&str>,
        lost: Option<u64>,
        summary: Option<Totals>,
    ) -> std::io::Result<()> {
        let container = std::mem::take(&mut self.container);
        let written =
            self.write(&Notice { time: now(), container: &container, notice, lost, summary });
        self.container = container;
        written
    }

    /// A line that cannot be written is lost: no confined program may stop because a disk is full. A part of a line gets an end
    /// before the next one begins.
    fn write(&mut self, text: &impl Serialize) -> std::io::Result<()> {
        if self.torn {
            self.sink.write_all(b"\n")?;
            self.torn = false;
        }
        let bytes = line(text);
        match self.sink.write(&bytes) {
            Ok(length) if length == bytes.len() => Ok(()),
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            Ok(length) => {
                self.torn = true;
                self.sink.write_all(&bytes[length..])?;
                self.torn = false;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn line(text: &impl Serialize) -> Vec<u8> {
    // No value of ours has a part that JSON cannot hold.
    let mut bytes = serde_json::to_vec(text).unwrap_or_default();
    bytes.push(b'\n');
    bytes
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

    fn counts() -> &'static Counts {
        Box::leak(Box::default())
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
        let audit = Audit::start("box".into(), counts(), Disk { written, go }).unwrap();
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
        let audit = Audit::start("box".into(), counts(), Disk { written, go }).unwrap();
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

    /// A disk that has room for so many lines, and then for so many more bytes.
    struct Full(Sender<Vec<u8>>, Receiver<usize>);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let room = self.1.recv().unwrap_or(usize::MAX).min(bytes.len());
            if room == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.0.send(bytes[..room].to_vec()).unwrap();
            Ok(room)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told_of_when_it_has_room_again() {
        let (written, lines) = channel();
        let (room, rooms) = channel();
        let counts = counts();
        let audit = Audit::start("box".into(), counts, Full(written, rooms)).unwrap();
        // One line whole, one in part and no more, and two not at all, each after an attempt to tell of the loss.
        for bytes in [usize::MAX, 10, 0, 0, 0, 0, 0] {
            room.send(bytes).unwrap();
        }
        (0..4).for_each(|_| audit.record(record()));
        while counts.waiting.load(Ordering::Relaxed) > 0 {
            std::thread::yield_now();
        }
        drop(room);
        audit.record(record());
        audit.finish();
        let text: Vec<u8> = lines.iter().flatten().collect();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let json = |at: usize| serde_json::from_str::<serde_json::Value>(lines[at]).unwrap();
        assert_eq!(lines.len(), 5, "{text}");
        assert_eq!(json(0)["decision"], "deny");
        assert!(serde_json::from_str::<serde_json::Value>(lines[1]).is_err(), "the torn one");
        assert_eq!(json(2)["lost"], 3);
        assert_eq!(json(3)["decision"], "deny");
        assert_eq!(json(4)["summary"]["dropped"], 3);
        assert_eq!(json(4)["summary"]["recorded"], 2);
    }

    #[test]
    fn a_disk_that_never_answers_is_not_waited_for() {
        let (written, _lines) = channel();
        let (_ready, go) = channel();
        let audit = Audit::start("box".into(), counts(), Disk { written, go }).unwrap();
        (0..QUEUE + 10).for_each(|_| audit.record(record()));
        let start = Instant::now();
        audit.finish();
        assert!(start.elapsed() < 3 * PATIENCE);
    }

    #[test]
    fn what_a_dead_supervisor_had_not_written_is_counted() {
        let counts = counts();
        counts.waiting.store(7, Ordering::Relaxed);
        let (written, lines) = channel();
        let audit = Audit::start("box".into(), counts, Full(written, channel().1)).unwrap();
        audit.finish();
        let first: serde_json::Value = serde_json::from_slice(&lines.recv().unwrap()).unwrap();
        assert_eq!(first["lost"], 7);
    }
}
