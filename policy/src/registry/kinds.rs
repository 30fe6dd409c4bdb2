//! What the values of arguments are, and the texts by which rules know numbers.

use std::fmt::{self, Write};

/// What a value is, hence how it is printed for the operators (`CALLS.md` lists the texts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A resolved file name.
    Filename,
    /// Bytes as given, such as a symbolic link's target.
    Text,
    /// All arguments of a program joined by one blank.
    Argv,
    /// `ro`, `wo`, `rw` and letters.
    OpenFlags,
    /// Octal permission bits, masked with 07777.
    Mode,
    /// A signed 32-bit decimal number.
    Uid,
    /// A signed 32-bit decimal number.
    Gid,
    /// A signed 32-bit decimal number.
    Fd,
    /// The user's name in the container's passwd file, which whoever makes the event looks up: a text.
    UserName,
    /// `inet-[ADDR]:PORT`, a path, `family(N)`: a text ([`print_sockaddr`](crate::sockaddr::print_sockaddr)).
    SocketAddress,
    /// `AF_INET`, …
    SocketDomain,
    /// `SOCK_STREAM`, …; the flag bits are masked off first.
    SocketType,
    /// The program of the process that a signal goes to, which whoever makes the event looks up: a text.
    ProcessName,
    /// `SIGHUP`, …
    Signal,
    /// `F_DUPFD`, …
    FcntlCommand,
    /// `PROT_READ|PROT_WRITE`, …
    Protection,
    /// `0x1f`, 32 bits.
    Hex,
}

/// The numbers for which something holds: those whose masked value is listed, or all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberSet {
    /// The bits that count.
    pub mask: u32,
    /// Masked values, ascending.
    pub members: Vec<u32>,
    /// True: it holds for the members. False: for all but the members.
    pub inside: bool,
}

impl NumberSet {
    /// Whether the number belongs to the set.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        #[expect(clippy::cast_possible_truncation, reason = "kernel ints are the low half")]
        let masked = number as u32 & self.mask;
        self.members.binary_search(&masked).is_ok() == self.inside
    }
}

/// `O_ACCMODE`, `O_CREAT`, `O_TRUNC`, `O_APPEND` (asm-generic/fcntl.h).
const O_ACCMODE: u32 = 0o3;
const OPEN_LETTERS: [(u32, char); 3] = [(0o2000, 'a'), (0o100, 'c'), (0o1000, 't')];

/// `SOCK_CLOEXEC | SOCK_NONBLOCK` ride on the type (linux/net.h).
const SOCKET_TYPE_FLAGS: u32 = 0o2_004_000;

const PERMISSIONS: u32 = 0o7777;

/// linux/socket.h, the names the original knew.
const DOMAINS: &[(u32, &str)] = &[(1, "AF_UNIX"), (2, "AF_INET"), (4, "AF_IPX"), (10, "AF_INET6")];

/// linux/net.h.
const SOCKET_TYPES: &[(u32, &str)] = &[
    (1, "SOCK_STREAM"),
    (2, "SOCK_DGRAM"),
    (3, "SOCK_RAW"),
    (4, "SOCK_RDM"),
    (5, "SOCK_SEQPACKET"),
];

/// asm/signal.h, the names the original knew.
const SIGNALS: &[(u32, &str)] = &[
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
];

/// asm-generic/fcntl.h, the names the original knew.
const FCNTL_COMMANDS: &[(u32, &str)] = &[
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
];

/// asm-generic/mman-common.h.
const PROTECTIONS: &[(u32, &str)] = &[
    (0x1, "PROT_READ"),
    (0x2, "PROT_WRITE"),
    (0x4, "PROT_EXEC"),
    (0x0100_0000, "PROT_GROWSDOWN"),
    (0x0200_0000, "PROT_GROWSUP"),
];

impl Kind {
    /// The values are numbers, which this module prints; otherwise they are texts.
    #[must_use]
    pub fn is_number(self) -> bool {
        !matches!(
            self,
            Self::Filename
                | Self::Text
                | Self::Argv
                | Self::UserName
                | Self::SocketAddress
                | Self::ProcessName
        )
    }

    /// The text of a number.
    #[must_use]
    pub fn print(self, number: u64) -> Printed {
        let mut out = Printed { bytes: [0; Printed::LONGEST], length: 0 };
        #[expect(clippy::cast_possible_truncation, reason = "kernel ints are the low half")]
        let number = number as u32 & self.mask();
        self.write(number, &mut out).expect("the longest text fits");
        out
    }

    /// The numbers whose text passes a test, if they can all be tried.
    #[must_use]
    pub fn numbers_where(self, test: impl Fn(&[u8]) -> bool) -> Option<NumberSet> {
        let every: Vec<u32> = match self {
            Self::OpenFlags => submasks(self.mask()).collect(),
            Self::Mode => (0..=PERMISSIONS).collect(),
            _ => return None,
        };
        let members = every.into_iter().filter(|n| test(self.print(u64::from(*n)).as_bytes()));
        Some(NumberSet { mask: self.mask(), members: members.collect(), inside: true })
    }

    /// The one number with this text, but for the case of the letters; of masked values the smallest.
    #[must_use]
    pub fn number_of(self, text: &[u8]) -> Option<u32> {
        let text = std::str::from_utf8(text).ok()?;
        let candidate = match self {
            Self::OpenFlags => submasks(self.mask()).find(|n| self.prints_as(*n, text)),
            Self::Mode => u32::from_str_radix(text, 8).ok(),
            Self::Uid | Self::Gid | Self::Fd => text.parse::<i32>().ok().map(i32::cast_unsigned),
            Self::Protection => protection_named(text),
            Self::Hex => hexadecimal(text),
            Self::SocketDomain => named(DOMAINS, text, "AF_UNKNOWN(", ")"),
            Self::SocketType => named(SOCKET_TYPES, text, "SOCK_UNKNOWN(", ")"),
            Self::Signal => named(SIGNALS, text, "<unknown>: ", ""),
            Self::FcntlCommand => named(FCNTL_COMMANDS, text, "<unknown>: ", ""),
            _ => None,
        };
        candidate.filter(|number| self.prints_as(*number, text))
    }

    /// The bits of a number that its text depends on.
    #[must_use]
    pub fn mask(self) -> u32 {
        match self {
            Self::OpenFlags => OPEN_LETTERS.iter().fold(O_ACCMODE, |mask, (bit, _)| mask | bit),
            Self::Mode => PERMISSIONS,
            Self::SocketType => !SOCKET_TYPE_FLAGS,
            _ => u32::MAX,
        }
    }

    fn prints_as(self, number: u32, text: &str) -> bool {
        number & self.mask() == number
            && self.print(u64::from(number)).as_bytes().eq_ignore_ascii_case(text.as_bytes())
    }

    fn write(self, number: u32, out: &mut Printed) -> fmt::Result {
        match self {
            Self::OpenFlags => write_open_flags(number, out),
            Self::Mode => write!(out, "{number:o}"),
            Self::Protection => write_protection(number, out),
            Self::Hex => write!(out, "{number:#x}"),
            Self::SocketDomain => write_named(DOMAINS, number, ("AF_UNKNOWN(", ")"), out),
            Self::SocketType => write_named(SOCKET_TYPES, number, ("SOCK_UNKNOWN(", ")"), out),
            Self::Signal => write_named(SIGNALS, number, ("<unknown>: ", ""), out),
            Self::FcntlCommand => write_named(FCNTL_COMMANDS, number, ("<unknown>: ", ""), out),
            _ => write!(out, "{}", number.cast_signed()),
        }
    }
}

/// The text of a number, on the stack.
#[derive(Debug, Clone, Copy)]
pub struct Printed {
    bytes: [u8; Self::LONGEST],
    length: usize,
}

impl Printed {
    /// Five protections and an unknown rest are 79 bytes.
    const LONGEST: usize = 80;

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

fn write_open_flags(flags: u32, out: &mut Printed) -> fmt::Result {
    out.write_str(["ro", "wo", "rw", "--"][(flags & O_ACCMODE) as usize])?;
    for (bit, letter) in OPEN_LETTERS {
        if flags & bit != 0 {
            out.write_char(letter)?;
        }
    }
    Ok(())
}

fn write_protection(protection: u32, out: &mut Printed) -> fmt::Result {
    if protection == 0 {
        return out.write_str("PROT_NONE");
    }
    let mut rest = protection;
    for (bit, name) in PROTECTIONS.iter().filter(|(bit, _)| protection & bit != 0) {
        rest &= !bit;
        out.write_str(name)?;
        if rest != 0 {
            out.write_char('|')?;
        }
    }
    if rest != 0 { write!(out, "<unknown:{rest:#x}>") } else { Ok(()) }
}

fn write_named(
    table: &[(u32, &str)],
    number: u32,
    (before, after): (&str, &str),
    out: &mut Printed,
) -> fmt::Result {
    match table.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => out.write_str(name),
        None => write!(out, "{before}{}{after}", number.cast_signed()),
    }
}

fn named(table: &[(u32, &str)], text: &str, before: &str, after: &str) -> Option<u32> {
    let known = table.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
    let inner = || {
        let (start, rest) = text.split_at_checked(before.len())?;
        let digits = rest.strip_suffix(after)?;
        start.eq_ignore_ascii_case(before).then_some(())?;
        digits.parse::<i32>().ok().map(i32::cast_unsigned)
    };
    known.map(|(number, _)| *number).or_else(inner)
}

fn hexadecimal(text: &str) -> Option<u32> {
    let (prefix, digits) = text.split_at_checked(2)?;
    prefix.eq_ignore_ascii_case("0x").then(|| u32::from_str_radix(digits, 16).ok())?
}

fn protection_named(text: &str) -> Option<u32> {
    let part = |part: &str| {
        let known = PROTECTIONS.iter().find(|(_, name)| name.eq_ignore_ascii_case(part));
        let unknown = || {
            let (start, rest) = part.split_at_checked("<unknown:".len())?;
            start.eq_ignore_ascii_case("<unknown:").then_some(())?;
            hexadecimal(rest.strip_suffix('>')?)
        };
        known.map(|(bit, _)| *bit).or_else(unknown)
    };
    if text.eq_ignore_ascii_case("PROT_NONE") {
        return Some(0);
    }
    text.split('|').map(part).try_fold(0, |sum, bits| Some(sum | bits?))
}

/// Every number that has no bit outside of the mask, ascending.
fn submasks(mask: u32) -> impl Iterator<Item = u32> {
    let next = move |now: &u32| (*now != mask).then(|| (now | !mask).wrapping_add(1) & mask);
    std::iter::successors(Some(0), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: Kind, number: u64) -> String {
        String::from_utf8(kind.print(number).as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn numbers_print_as_the_original_printed_them() {
        let cases = [
            (Kind::OpenFlags, 0o100, "roc"),
            (Kind::OpenFlags, 0o3101, "woact"),
            (Kind::OpenFlags, 0o2, "rw"),
            (Kind::OpenFlags, 0o2_000_003, "--"),
            (Kind::Mode, 0o100_644, "644"),
            (Kind::Mode, 0, "0"),
            (Kind::Uid, 0xffff_ffff, "-1"),
            (Kind::Fd, 0xdead_0000_0000_0003, "3"),
            (Kind::SocketDomain, 10, "AF_INET6"),
            (Kind::SocketDomain, 16, "AF_UNKNOWN(16)"),
            (Kind::SocketType, 0o2_000_001, "SOCK_STREAM"),
            (Kind::SocketType, 10, "SOCK_UNKNOWN(10)"),
            (Kind::Signal, 9, "SIGKILL"),
            (Kind::Signal, 5, "<unknown>: 5"),
            (Kind::FcntlCommand, 1030, "<unknown>: 1030"),
            (Kind::Protection, 0, "PROT_NONE"),
            (Kind::Protection, 5, "PROT_READ|PROT_EXEC"),
            (Kind::Protection, 9, "PROT_READ|<unknown:0x8>"),
            (Kind::Hex, 0x5412, "0x5412"),
        ];
        for (kind, number, expected) in cases {
            assert_eq!(text(kind, number), expected);
        }
        assert!(text(Kind::Protection, u64::MAX).len() <= Printed::LONGEST);
    }

    #[test]
    fn number_of_is_the_inverse_of_print() {
        let kinds = [
            Kind::OpenFlags,
            Kind::Mode,
            Kind::Uid,
            Kind::SocketDomain,
            Kind::SocketType,
            Kind::Signal,
            Kind::FcntlCommand,
            Kind::Protection,
            Kind::Hex,
        ];
        for kind in kinds {
            for number in [0, 1, 2, 3, 7, 8, 9, 40, 0o1777, 0xffff_ffff] {
                let printed = kind.print(number);
                let back = kind.number_of(&printed.as_bytes().to_ascii_lowercase());
                let masked = u32::try_from(number).unwrap() & kind.mask();
                assert_eq!(back, Some(masked), "{kind:?} {number}");
            }
            assert_eq!(kind.number_of(b"+070"), None);
            assert_eq!(kind.number_of(b"bogus"), None);
        }
    }

    #[test]
    fn numbers_where_tries_every_text() {
        let set = Kind::OpenFlags.numbers_where(|text| text.starts_with(b"ro")).unwrap();
        assert!(set.contains(0o2_000_000) && set.contains(0o1100) && !set.contains(1));
        assert!(Kind::Signal.numbers_where(|_| true).is_none());
    }
}
