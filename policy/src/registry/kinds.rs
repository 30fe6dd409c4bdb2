//! What the values of arguments are, and the texts by which rules know numbers.

use std::fmt::{self, Write};

use super::constants;
use super::texts::{self, Printed, Vocabulary};

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
    /// The user's name in the container's passwd file, which whoever makes the event looks up: a
    /// text.
    UserName,
    /// `inet-[ADDR]:PORT`, a path, `family(N)`: a text
    /// ([`print_sockaddr`](crate::sockaddr::print_sockaddr)).
    SocketAddress,
    /// `AF_INET`, …
    SocketDomain,
    /// `SOCK_STREAM`, …; the flag bits are masked off first.
    SocketType,
    /// The program of the process that a signal goes to, which whoever makes the event looks up: a
    /// text.
    ProcessName,
    /// `SIGHUP`, …
    Signal,
    /// `F_DUPFD`, …
    FcntlCommand,
    /// `PROT_READ|PROT_WRITE`, …
    Protection,
    /// `0x1f`, 32 bits.
    Hex,
    /// A signed 32-bit decimal number.
    Decimal,
    /// `CLONE_VM|CLONE_THREAD`, …, without the signal.
    CloneFlags,
    /// `CLONE_NEWUSER|CLONE_NEWPID`, …
    UnshareFlags,
    /// `MFD_CLOEXEC`, …
    MemfdFlags,
    /// `PR_SET_NAME`, …
    PrctlOption,
    /// `PTRACE_ATTACH`, …
    PtraceRequest,
    /// `MADV_DONTNEED`, …
    Advice,
    /// `SOL_SOCKET`, …
    SocketLevel,
    /// `SO_REUSEADDR`, …: an option of `SOL_SOCKET`.
    SocketOption,
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
        let mut out = Printed::EMPTY;
        #[expect(clippy::cast_possible_truncation, reason = "kernel ints are the low half")]
        let number = number as u32 & self.mask();
        self.write(number, &mut out).expect("the longest text fits");
        out
    }

    /// The numbers whose text passes a test, if there are few enough to try them all.
    #[must_use]
    pub fn numbers_where(self, test: impl Fn(&[u8]) -> bool) -> Option<NumberSet> {
        if !matches!(self, Self::OpenFlags | Self::Mode | Self::Protection) {
            return None;
        }
        let mask = self.mask();
        let members = submasks(mask).filter(|n| test(self.print(u64::from(*n)).as_bytes()));
        Some(NumberSet { mask, members: members.collect(), inside: true })
    }

    /// The numbers that have this part in their texts, if one set can tell them.
    #[must_use]
    pub fn numbers_containing(self, part: &[u8]) -> Option<NumberSet> {
        let mut set = self.vocabulary()?.containing(part)?;
        set.mask &= self.mask();
        Some(set)
    }

    /// The values are bits, whose names are joined by bars.
    #[must_use]
    pub fn is_flags(self) -> bool {
        matches!(self, Self::Protection | Self::CloneFlags | Self::UnshareFlags | Self::MemfdFlags)
    }

    /// The one masked number with this text, but for the case of its letters.
    #[must_use]
    pub fn number_of(self, text: &[u8]) -> Option<u32> {
        let text = std::str::from_utf8(text).ok()?;
        let candidate = match self {
            Self::OpenFlags | Self::Mode | Self::Protection => {
                return submasks(self.mask()).find(|number| self.prints_as(*number, text));
            }
            Self::Uid | Self::Gid | Self::Fd | Self::Decimal => {
                text.parse::<i32>().ok().map(i32::cast_unsigned)
            }
            Self::Hex => u32::from_str_radix(text.get(2..)?, 16).ok(),
            _ => self.vocabulary()?.read(text),
        };
        candidate.filter(|number| self.prints_as(*number, text))
    }

    /// The bits of a number that its text depends on: those that mean something to the kernel.
    #[must_use]
    pub fn mask(self) -> u32 {
        match self {
            Self::OpenFlags => texts::OPEN_FLAGS,
            Self::Mode => texts::PERMISSIONS,
            Self::Protection => texts::PROTECTIONS,
            Self::SocketType => !texts::SOCKET_TYPE_FLAGS,
            Self::CloneFlags => !constants::CLONE_SIGNAL,
            _ => u32::MAX,
        }
    }

    fn prints_as(self, number: u32, text: &str) -> bool {
        number & self.mask() == number
            && self.print(u64::from(number)).as_bytes().eq_ignore_ascii_case(text.as_bytes())
    }

    fn write(self, number: u32, out: &mut Printed) -> fmt::Result {
        match self {
            Self::OpenFlags => texts::write_open_flags(number, out),
            Self::Mode => write!(out, "{number:o}"),
            Self::Protection => texts::write_protection(number, out),
            Self::Hex => write!(out, "{number:#x}"),
            _ => match self.vocabulary() {
                Some(vocabulary) => vocabulary.write(number, out),
                None => write!(out, "{}", number.cast_signed()),
            },
        }
    }

    fn vocabulary(self) -> Option<&'static dyn Vocabulary> {
        Some(match self {
            Self::SocketDomain => &texts::DOMAINS,
            Self::SocketType => &texts::SOCKET_TYPES,
            Self::Signal => &texts::SIGNALS,
            Self::FcntlCommand => &texts::FCNTL_COMMANDS,
            Self::CloneFlags | Self::UnshareFlags => &constants::CLONE_FLAGS,
            Self::MemfdFlags => &constants::MEMFD_FLAGS,
            Self::PrctlOption => &constants::PRCTL_OPTIONS,
            Self::PtraceRequest => &constants::PTRACE_REQUESTS,
            Self::Advice => &constants::ADVICE,
            Self::SocketLevel => &constants::SOCKET_LEVELS,
            Self::SocketOption => &constants::SOCKET_OPTIONS,
            _ => return None,
        })
    }
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
            (Kind::Protection, 9, "PROT_READ"),
            (
                Kind::Protection,
                u64::MAX,
                "PROT_READ|PROT_WRITE|PROT_EXEC|PROT_GROWSDOWN|PROT_GROWSUP",
            ),
            (Kind::Hex, 0x5412, "0x5412"),
        ];
        for (kind, number, expected) in cases {
            assert_eq!(text(kind, number), expected);
        }
    }

    #[test]
    fn numbers_that_the_original_did_not_know_print_as_their_constants() {
        let cases = [
            (Kind::Decimal, 0xffff_ffff, "-1"),
            (Kind::PrctlOption, 38, "PR_SET_NO_NEW_PRIVS"),
            (Kind::PrctlOption, 0x5961_6d61, "PR_SET_PTRACER"),
            (Kind::PrctlOption, 1000, "1000"),
            (Kind::PtraceRequest, 0x4206, "PTRACE_SEIZE"),
            (Kind::Advice, 4, "MADV_DONTNEED"),
            (Kind::SocketLevel, 1, "SOL_SOCKET"),
            (Kind::SocketLevel, 50, "50"),
            (Kind::SocketOption, 36, "SO_MARK"),
            (Kind::CloneFlags, 17, "0"),
            (Kind::CloneFlags, 0x1000_0111, "CLONE_VM|CLONE_NEWUSER"),
            (Kind::UnshareFlags, 0x81, "CLONE_NEWTIME|0x1"),
            (Kind::UnshareFlags, 0x41, "0x41"),
            (Kind::MemfdFlags, 0x5400_0005, "MFD_CLOEXEC|MFD_HUGETLB|0x54000000"),
        ];
        for (kind, number, expected) in cases {
            assert_eq!(text(kind, number), expected);
        }
        assert!(text(Kind::UnshareFlags, u64::MAX).ends_with("|CLONE_IO|0x7f"));
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
            Kind::Decimal,
            Kind::CloneFlags,
            Kind::UnshareFlags,
            Kind::MemfdFlags,
            Kind::PrctlOption,
            Kind::PtraceRequest,
            Kind::Advice,
            Kind::SocketLevel,
            Kind::SocketOption,
        ];
        for kind in kinds {
            for number in [0, 1, 2, 3, 7, 8, 9, 40, 0o1777, 0x1000_0100, 0xffff_ffff] {
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
