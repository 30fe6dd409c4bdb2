//! `/proc/TID/status` (proc_pid_status(5)).

use crate::notification::{Tgid, Tid};
use nix::errno::Errno;
use nix::sys::uio::pread;
use std::os::fd::AsFd;

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
    /// Reads the open file: as it is now, for the kernel writes the text anew for each read at its beginning.
    ///
    /// # Errors
    /// ESRCH if the thread is dead; EINVAL if the kernel's text cannot be understood.
    pub fn read(file: impl AsFd) -> Result<Self, Errno> {
        // Read for nearly every call, so the usual size asks for no memory.
        let mut page = [0; 4096];
        if let Some(text) = whole(&file, &mut page)? {
            return Self::parse(text).ok_or(Errno::EINVAL);
        }
        let mut more = vec![0; LONGEST];
        let text = whole(&file, &mut more)?.ok_or(Errno::EINVAL)?;
        Self::parse(text).ok_or(Errno::EINVAL)
    }

    /// Understands the text; `None` if a line that we need is missing, malformed or not at its place.
    ///
    /// These are bytes: a thread's name, in the first line, is whatever its program likes, but for line ends, which are escaped.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut status = Self::default();
        let mut wanted = LINES.iter();
        let mut next = wanted.next();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', text) {
            let Some((key, take)) = next else { break };
            if let Some(value) = text[start..end].strip_prefix(*key) {
                take(&mut status, std::str::from_utf8(value).ok()?.trim_ascii())?;
                next = wanted.next();
            }
            start = end + 1;
        }
        next.is_none().then_some(status)
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

/// What a line begins with, and where the rest of it goes.
type Line = (&'static [u8], fn(&mut Status, &str) -> Option<()>);

/// The lines that we need, in the kernel's order (fs/proc/array.c), which programs have relied on since there is one: so each
/// line of the text is compared with one key only. Others may stand between them.
const LINES: [Line; 14] = [
    (b"Umask:", |s, value| store(&mut s.umask, u32::from_str_radix(value, 8).ok())),
    (b"Tgid:", |s, value| store(&mut s.tgid, value.parse().ok())),
    (b"Uid:", |s, value| store(&mut s.uids, four(value))),
    (b"Gid:", |s, value| store(&mut s.gids, four(value))),
    (b"Groups:", |s, value| store(&mut s.groups, numbers(value))),
    (b"NStgid:", |s, value| store(&mut s.ns_tgid, numbers(value))),
    (b"NSpid:", |s, value| store(&mut s.ns_tid, numbers(value))),
    (b"Threads:", |s, value| store(&mut s.threads, value.parse().ok())),
    (b"SigPnd:", |s, value| store(&mut s.pending, mask(value))),
    (b"ShdPnd:", |s, value| store(&mut s.shared_pending, mask(value))),
    (b"SigBlk:", |s, value| store(&mut s.blocked, mask(value))),
    (b"SigIgn:", |s, value| store(&mut s.ignored, mask(value))),
    (b"CapPrm:", |s, value| store(&mut s.permitted, mask(value))),
    (b"CapEff:", |s, value| store(&mut s.effective, mask(value))),
];

/// Longest text: the list of groups may be long (65536 of them at most).
const LONGEST: usize = 1 << 20;

/// All of the text, if there is room for it: a full buffer may have cut it.
fn whole(file: impl AsFd, room: &mut [u8]) -> Result<Option<&[u8]>, Errno> {
    let length = pread(file, room, 0)?;
    Ok((length < room.len()).then_some(&room[..length]))
}

fn store<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

fn four(value: &str) -> Option<[u32; 4]> {
    let mut words = value.split_ascii_whitespace().map(|word| word.parse().ok());
    let four = [words.next()??, words.next()??, words.next()??, words.next()??];
    words.next().is_none().then_some(four)
}

fn numbers<T: std::str::FromStr>(value: &str) -> Option<Vec<T>> {
    value.split_ascii_whitespace().map(|word| word.parse().ok()).collect()
}

fn mask(value: &str) -> Option<u64> {
    u64::from_str_radix(value, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        std::fs::read_to_string("/proc/thread-self/status").unwrap()
    }

    #[test]
    fn reads_our_own_status() {
        let status = Status::parse(text().as_bytes()).unwrap();
        assert_eq!(status.tgid, std::process::id() as i32);
        assert_eq!(status.inner_tid(), Some(Tid(nix::unistd::gettid().as_raw())));
        assert_eq!(status.uids[1], nix::unistd::geteuid().as_raw());
        let groups = nix::unistd::getgroups().unwrap();
        assert_eq!(status.groups, groups.iter().map(|group| group.as_raw()).collect::<Vec<_>>());
    }

    #[test]
    fn a_missing_line_is_noticed() {
        let text = text();
        for (key, _) in LINES {
            let key = std::str::from_utf8(key).unwrap();
            let without = text.replace(&format!("\n{key}"), "\nXXX:");
            assert_ne!(without, text, "{key}");
            assert!(Status::parse(without.as_bytes()).is_none(), "{key}");
        }
    }

    #[test]
    fn a_malformed_or_cut_line_is_noticed() {
        let text = text();
        assert!(Status::parse(text.replace("Uid:\t", "Uid:\tx").as_bytes()).is_none());
        assert!(Status::parse(text.replace("Gid:\t", "Gid:\t0\t").as_bytes()).is_none());
        let end = text.find("CapEff:").unwrap() + "CapEff:\t00".len();
        assert!(Status::parse(&text.as_bytes()[..end]).is_none());
    }

    #[test]
    fn a_name_may_be_any_bytes() {
        let text = text();
        let (_, rest) = text.split_once('\n').unwrap();
        let text = [b"Name:\tUid:\xff\xc3\n", rest.as_bytes()].concat();
        assert!(Status::parse(&text).is_some());
    }

    #[test]
    fn long_lists_are_read_whole() {
        let (head, groups) =
            ("Umask:\t0022\nTgid:\t1\nUid:\t0 0 0 0\nGid:\t0 0 0 0\n", "4294967294 ".repeat(65536));
        let masks: String = ["SigPnd", "ShdPnd", "SigBlk", "SigIgn", "CapPrm", "CapEff"]
            .map(|key| format!("{key}:\t0\n"))
            .concat();
        let text = format!("{head}Groups:\t{groups}\nNStgid:\t1\nNSpid:\t1\nThreads:\t1\n{masks}");
        let file = std::fs::File::from(
            nix::sys::memfd::memfd_create("status", nix::sys::memfd::MFdFlags::empty()).unwrap(),
        );
        std::os::unix::fs::FileExt::write_all_at(&file, text.as_bytes(), 0).unwrap();
        assert_eq!(Status::read(&file).unwrap().groups.len(), 65536);
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
