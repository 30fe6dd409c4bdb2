//! The texts of numbers, written and read.

use std::fmt::{self, Write};

use memchr::memmem;

use super::{NumberSet, constants};

/// Numbers that are written with names.
pub(super) trait Vocabulary {
    /// Writes the text of a number.
    fn write(&self, number: u32, out: &mut Printed) -> fmt::Result;

    /// The number with this text; the caller checks that it prints so.
    fn read(&self, text: &str) -> Option<u32>;

    /// The numbers that have this part in their texts, if one set can tell them.
    fn containing(&self, part: &[u8]) -> Option<NumberSet>;
}

/// `O_ACCMODE`, and the flags that rules see (asm-generic/fcntl.h).
const O_ACCMODE: u32 = 0o3;
const OPEN_LETTERS: [(u32, char); 3] = [(0o2000, 'a'), (0o100, 'c'), (0o1000, 't')];
pub(super) const OPEN_FLAGS: u32 = O_ACCMODE | 0o3100;

/// `SOCK_CLOEXEC | SOCK_NONBLOCK` ride on the type (linux/net.h).
pub(super) const SOCKET_TYPE_FLAGS: u32 = 0o2_004_000;

/// Set-id, sticky and permission bits (linux/stat.h).
pub(super) const PERMISSIONS: u32 = 0o7777;

/// asm-generic/mman-common.h.
const PROTECTION_NAMES: [(u32, &str); 5] = [
    (0x1, "PROT_READ"),
    (0x2, "PROT_WRITE"),
    (0x4, "PROT_EXEC"),
    (0x0100_0000, "PROT_GROWSDOWN"),
    (0x0200_0000, "PROT_GROWSUP"),
];
pub(super) const PROTECTIONS: u32 = 0x0300_0007;

/// Numbers with names, and how the others are written.
pub(super) struct Names {
    pub(super) known: &'static [(u32, &'static str)],
    pub(super) before: &'static str,
    pub(super) after: &'static str,
}

impl Vocabulary for Names {
    fn write(&self, number: u32, out: &mut Printed) -> fmt::Result {
        match self.known.iter().find(|(known, _)| *known == number) {
            Some((_, name)) => out.write_str(name),
            None => write!(out, "{}{}{}", self.before, number.cast_signed(), self.after),
        }
    }

    fn read(&self, text: &str) -> Option<u32> {
        let known = self.known.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
        let number = || {
            let (_, rest) = text.split_at_checked(self.before.len())?;
            let (digits, _) = rest.split_at_checked(rest.len().checked_sub(self.after.len())?)?;
            digits.parse::<i32>().ok().map(i32::cast_unsigned)
        };
        known.map(|(number, _)| *number).or_else(number)
    }

    fn containing(&self, part: &[u8]) -> Option<NumberSet> {
        // Such a part may be in the text of a number without a name.
        let around = |byte: &u8| self.before.bytes().chain(self.after.bytes()).any(|b| b == *byte);
        if part.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-' || around(byte)) {
            return None;
        }
        let found = self.known.iter().filter(|(_, name)| contains(name, part));
        let mut members: Vec<_> = found.map(|(number, _)| *number).collect();
        members.sort_unstable();
        Some(NumberSet { mask: u32::MAX, members, inside: true })
    }
}

fn contains(name: &str, part: &[u8]) -> bool {
    memmem::find(name.as_bytes(), part).is_some()
}

/// Bits with names, joined by bars; the others follow together in hexadecimal. `0`: no bit.
pub(super) struct Flags {
    /// Ascending.
    pub(super) known: &'static [(u32, &'static str)],
}

impl Flags {
    /// The length of the text of all flags.
    const fn longest(&self) -> usize {
        let mut length = "0xffffffff".len();
        let mut at = 0;
        while at < self.known.len() {
            length += self.known[at].1.len() + "|".len();
            at += 1;
        }
        length
    }
}

impl Vocabulary for Flags {
    fn write(&self, flags: u32, out: &mut Printed) -> fmt::Result {
        let mut rest = flags;
        let mut bar = "";
        for (bit, name) in self.known.iter().filter(|(bit, _)| flags & bit != 0) {
            write!(out, "{bar}{name}")?;
            rest &= !bit;
            bar = "|";
        }
        match (rest, bar) {
            (0, "") => out.write_str("0"),
            (0, _) => Ok(()),
            _ => write!(out, "{bar}{rest:#x}"),
        }
    }

    fn read(&self, text: &str) -> Option<u32> {
        let bit = |word: &str| {
            let known = self.known.iter().find(|(_, name)| name.eq_ignore_ascii_case(word));
            match known {
                Some((bit, _)) => Some(*bit),
                None if word == "0" => Some(0),
                None => u32::from_str_radix(word.get(2..)?, 16).ok(),
            }
        };
        text.split('|').try_fold(0, |flags, word| Some(flags | bit(word)?))
    }

    fn containing(&self, part: &[u8]) -> Option<NumberSet> {
        // Such a part may be in the digits of flags without a name, or reach over two names.
        let in_digits = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'x');
        if part.contains(&b'|') || part.iter().all(in_digits) {
            return None;
        }
        let found = self.known.iter().filter(|(_, name)| contains(name, part));
        let mask = found.fold(0, |mask, (bit, _)| mask | bit);
        Some(NumberSet { mask, members: vec![0], inside: false })
    }
}

/// linux/socket.h, the names the original knew.
pub(super) const DOMAINS: Names = Names {
    known: &[(1, "AF_UNIX"), (2, "AF_INET"), (4, "AF_IPX"), (10, "AF_INET6")],
    before: "AF_UNKNOWN(",
    after: ")",
};

/// linux/net.h.
pub(super) const SOCKET_TYPES: Names = Names {
    known: &[
        (1, "SOCK_STREAM"),
        (2, "SOCK_DGRAM"),
        (3, "SOCK_RAW"),
        (4, "SOCK_RDM"),
        (5, "SOCK_SEQPACKET"),
    ],
    before: "SOCK_UNKNOWN(",
    after: ")",
};

/// asm/signal.h, the names the original knew.
pub(super) const SIGNALS: Names = Names {
    known: &[
        (1, "SIGHUP"),
        (2, "SIGINT"),
        (3, "SIGQUIT"),
        (4, "SIGILL"),
        (6, "SIGABRT"),
        (7, "SIGBUS"),
        (8, "SIGFPE"),
        (9, "SIGKILL"),
        (10, "SIGUSR1"),
        (11, "SIGSEGV"),
        (12, "SIGUSR2"),
        (13, "SIGPIPE"),
        (14, "SIGALRM"),
        (15, "SIGTERM"),
        (17, "SIGCHLD"),
        (18, "SIGCONT"),
        (19, "SIGSTOP"),
        (20, "SIGTSTP"),
        (21, "SIGTTIN"),
        (22, "SIGTTOU"),
        (23, "SIGURG"),
        (27, "SIGPROF"),
        (28, "SIGWINCH"),
        (29, "SIGIO"),
        (31, "SIGSYS"),
    ],
    before: "<unknown>: ",
    after: "",
};

/// asm-generic/fcntl.h, the names the original knew.
pub(super) const FCNTL_COMMANDS: Names = Names {
    known: &[
        (0, "F_DUPFD"),
        (1, "F_GETFD"),
        (2, "F_SETFD"),
        (3, "F_GETFL"),
        (4, "F_SETFL"),
        (5, "F_GETLK"),
        (6, "F_SETLK"),
        (7, "F_SETLKW"),
        (8, "F_SETOWN"),
        (9, "F_GETOWN"),
        (10, "F_SETSIG"),
        (11, "F_GETSIG"),
    ],
    before: "<unknown>: ",
    after: "",
};

/// The text of a number, on the stack.
#[derive(Debug, Clone, Copy)]
pub struct Printed {
    bytes: [u8; Self::LONGEST],
    length: usize,
}

impl Printed {
    /// No number has more names than the flags of unshare(2).
    const LONGEST: usize = constants::CLONE_FLAGS.longest();

    pub(super) const EMPTY: Self = Self { bytes: [0; Self::LONGEST], length: 0 };

    /// The text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Write for Printed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let free = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        free.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

pub(super) fn write_open_flags(flags: u32, out: &mut Printed) -> fmt::Result {
    out.write_str(["ro", "wo", "rw", "--"][(flags & O_ACCMODE) as usize])?;
    let mut letters = OPEN_LETTERS.iter().filter(|(bit, _)| flags & bit != 0);
    letters.try_for_each(|(_, letter)| out.write_char(*letter))
}

pub(super) fn write_protection(protection: u32, out: &mut Printed) -> fmt::Result {
    let mut names = PROTECTION_NAMES.iter().filter(|(bit, _)| protection & bit != 0);
    out.write_str(names.next().map_or("PROT_NONE", |(_, name)| name))?;
    names.try_for_each(|(_, name)| write!(out, "|{name}"))
}
