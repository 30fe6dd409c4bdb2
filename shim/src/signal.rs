//! Signals by number or name.

use std::os::fd::BorrowedFd;
use std::str::FromStr;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::sys;

/// A signal number, 0 to 64. Zero only asks whether the process exists (kill(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalNumber(i32);

/// The text names no signal.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown signal {0:?}")]
pub struct UnknownSignal(String);

impl SignalNumber {
    pub const KILL: Self = Self(libc::SIGKILL);
    /// The last real-time signal, signal(7).
    const LAST: i32 = 64;

    /// Sends it to one process.
    pub fn send(self, process: BorrowedFd<'_>) -> Result<(), Errno> {
        sys::signal_through(process, self.0)
    }

    fn real_time(name: &str) -> Option<i32> {
        let (base, rest) = if let Some(rest) = name.strip_prefix("SIGRTMIN") {
            (libc::SIGRTMIN(), rest)
        } else {
            (libc::SIGRTMAX(), name.strip_prefix("SIGRTMAX")?)
        };
        let offset: i32 = if rest.is_empty() { 0 } else { rest.parse().ok()? };
        let range = libc::SIGRTMIN()..=libc::SIGRTMAX();
        base.checked_add(offset).filter(|number| range.contains(number))
    }
}

impl FromStr for SignalNumber {
    type Err = UnknownSignal;

    /// Reads `9`, `KILL`, `SIGKILL`, `sigkill`, `RTMIN+3`.
    fn from_str(text: &str) -> Result<Self, UnknownSignal> {
        let number = match text.parse::<i32>() {
            Ok(number) => Some(number).filter(|number| (0..=Self::LAST).contains(number)),
            Err(_) => {
                let name = text.to_ascii_uppercase();
                let name = if name.starts_with("SIG") { name } else { format!("SIG{name}") };
                Signal::from_str(&name).ok().map(|signal| signal as i32).or(Self::real_time(&name))
            }
        };
        number.map(Self).ok_or_else(|| UnknownSignal(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_many_spellings() {
        for text in ["9", "KILL", "SIGKILL", "sigkill"] {
            assert_eq!(text.parse(), Ok(SignalNumber::KILL), "{text}");
        }
        assert_eq!("RTMIN+3".parse(), Ok(SignalNumber(libc::SIGRTMIN() + 3)));
        assert_eq!("SIGRTMAX-1".parse(), Ok(SignalNumber(63)));
        for text in ["65", "-1", "NOSUCH", "RTMIN-1", "RTMAX+1", ""] {
            assert!(text.parse::<SignalNumber>().is_err(), "{text:?}");
        }
    }
}
