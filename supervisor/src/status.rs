//! `/proc/TID/status` (proc_pid_status(5)).

use crate::notification::{Tgid, Tid};

/// The credentials and signals of one thread, as the host numbers them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The process.
    pub tgid: i32,
    /// The process as each nested pid namespace numbers it; the last is its own.
    pub ns_tgid: Vec<i32>,
    /// The thread, likewise.
    pub ns_tid: Vec<i32>,
    /// Real, effective, saved and file system user.
    pub uids: [u32; 4],
    /// Real, effective, saved and file system group.
    pub gids: [u32; 4],
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// File mode creation mask.
    pub umask: u32,
    /// Effective capabilities.
    pub effective: u64,
    /// Permitted capabilities.
    pub permitted: u64,
    /// Threads in the process.
    pub threads: u32,
    /// Signals that wait for the thread.
    pub pending: u64,
    /// Signals that wait for any thread of the process.
    pub shared_pending: u64,
    /// Signals that the thread blocks.
    pub blocked: u64,
    /// Signals that the process ignores.
    pub ignored: u64,
}

impl Status {
    /// Reads the text of the file; `None` if a line that we need is missing or malformed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut status = Self::default();
        let mut seen = 0;
        for line in text.lines() {
            // Read for nearly every call: of half of the lines the first letter says that they are of no interest, and so is
            // the rest after the last one that is.
            if !line.starts_with(['C', 'G', 'N', 'S', 'T', 'U']) {
                continue;
            }
            let Some((key, value)) = line.split_once(':') else { continue };
            seen += usize::from(status.take(key, value.trim())?);
            if seen == NEEDED {
                return Some(status);
            }
        }
        None
    }

    /// Stores one line; `Some(false)` if it is of no interest, `None` if it is malformed.
    fn take(&mut self, key: &str, value: &str) -> Option<bool> {
        match key {
            "Umask" => self.umask = u32::from_str_radix(value, 8).ok()?,
            "Tgid" => self.tgid = value.parse().ok()?,
            "NStgid" => self.ns_tgid = numbers(value)?,
            "NSpid" => self.ns_tid = numbers(value)?,
            "Uid" => self.uids = numbers(value)?.try_into().ok()?,
            "Gid" => self.gids = numbers(value)?.try_into().ok()?,
            "Groups" => self.groups = numbers(value)?,
            "CapPrm" => self.permitted = mask(value)?,
            "CapEff" => self.effective = mask(value)?,
            "Threads" => self.threads = value.parse().ok()?,
            "SigPnd" => self.pending = mask(value)?,
            "ShdPnd" => self.shared_pending = mask(value)?,
            "SigBlk" => self.blocked = mask(value)?,
            "SigIgn" => self.ignored = mask(value)?,
            _ => return Some(false),
        }
        Some(true)
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> Tgid {
        Tgid(self.tgid)
    }

    /// The thread's number inside its own pid namespace.
    #[must_use]
    pub fn inner_tid(&self) -> Option<Tid> {
        self.ns_tid.last().copied().map(Tid)
    }

    /// The process's number inside its own pid namespace.
    #[must_use]
    pub fn inner_tgid(&self) -> Option<Tgid> {
        self.ns_tgid.last().copied().map(Tgid)
    }

    /// Whether a signal waits that the thread would act on now: it would interrupt a call that blocks.
    #[must_use]
    pub fn interruption(&self) -> Option<Interruption> {
        let acts = |signals: u64| signals & !self.blocked & !self.ignored != 0;
        if acts(self.pending) || (self.threads == 1 && acts(self.shared_pending)) {
            Some(Interruption::Certain)
        } else if acts(self.shared_pending) {
            Some(Interruption::Shared)
        } else {
            None
        }
    }
}

/// What interrupts a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// A signal that this thread will act on as soon as it is answered.
    Certain,
    /// A signal that another thread of the process may act on first. The kernel would not restart the call then, so it must be
    /// answered with an error that programs know.
    Shared,
}

/// How many lines [`Status::take`] wants.
const NEEDED: usize = 14;

fn numbers<T: std::str::FromStr>(value: &str) -> Option<Vec<T>> {
    value.split_ascii_whitespace().map(|word| word.parse().ok()).collect()
}

fn mask(value: &str) -> Option<u64> {
    u64::from_str_radix(value, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_our_own_status() {
        let text = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let status = Status::parse(&text).unwrap();
        assert_eq!(status.tgid, std::process::id() as i32);
        assert_eq!(status.inner_tid(), Some(Tid(nix::unistd::gettid().as_raw())));
        assert_eq!(status.uids[1], nix::unistd::geteuid().as_raw());
    }

    #[test]
    fn a_missing_line_is_noticed() {
        let text = std::fs::read_to_string("/proc/self/status").unwrap();
        assert!(Status::parse(&text.replace("CapEff", "CapXXX")).is_none());
        assert!(Status::parse(&text.replace("Uid:\t", "Uid:\tx")).is_none());
    }

    #[test]
    fn only_a_signal_that_acts_interrupts() {
        let status = Status { pending: 0b1110, blocked: 0b0010, threads: 2, ..Status::default() };
        assert_eq!(status.interruption(), Some(Interruption::Certain));
        assert_eq!(Status { ignored: 0b1100, ..status }.interruption(), None);
    }

    #[test]
    fn a_signal_for_the_process_is_certain_only_for_its_only_thread() {
        let status = Status { shared_pending: 0b10, threads: 2, ..Status::default() };
        assert_eq!(status.interruption(), Some(Interruption::Shared));
        let alone = Status { threads: 1, ..status };
        assert_eq!(alone.interruption(), Some(Interruption::Certain));
    }
}
