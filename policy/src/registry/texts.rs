//! The texts of numbers, written and read.

use std::fmt::{self, Write};

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
    known: &'static [(u32, &'static str)],
    before: &'static str,
    after: &'static str,
}

impl Names {
    pub(super) fn write(&self, number: u32, out: &mut Printed) -> fmt::Result {
        match self.known.iter().find(|(known, _)| *known == number) {
            Some((_, name)) => out.write_str(name),
            None => write!(out, "{}{}{}", self.before, number.cast_signed(), self.after),
        }
    }

    /// The number with this text; the caller checks that it prints so.
    pub(super) fn read(&self, text: &str) -> Option<u32> {
        let known = self.known.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
        let number = || {
            let (_, rest) = text.split_at_checked(self.before.len())?;
            let (digits, _) = rest.split_at_checked(rest.len().checked_sub(self.after.len())?)?;
            digits.parse::<i32>().ok().map(i32::cast_unsigned)
        };
        known.map(|(number, _)| *number).or_else(number)
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
    /// All protections are 57 bytes.
    const LONGEST: usize = 64;

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
