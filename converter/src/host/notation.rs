//! How a host is written: `linux=6.1,landlock=3,sockets=yes,engine=runc`.
//!
//! What is not stated follows from the release of the kernel, as distributions build it.

use std::fmt;
use std::str::FromStr;

use super::{Engine, Host, LandlockAbi, LinuxVersion, LinuxVersionError, SeccompLevel};

/// Not a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Everything else follows from it.
    #[error("a host is written linux=RELEASE, and more behind commas")]
    NoRelease,
    /// The release is none.
    #[error(transparent)]
    Release(#[from] LinuxVersionError),
    /// There is no such property.
    #[error("`{0}` is none of linux=, landlock=, seccomp=, sockets=, engine=")]
    Property(String),
    /// A property has no such value.
    #[error("{property} is {expected}, not `{value}`")]
    Value {
        /// Which.
        property: &'static str,
        /// What it can be.
        expected: &'static str,
        /// What was given.
        value: String,
    },
}

impl FromStr for Host {
    type Err = HostError;

    /// A host with the supervisor of this release.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let stated = || text.split(',').map(|word| word.split_once('=').unwrap_or((word, "")));
        let release = stated().find(|(property, _)| *property == "linux");
        let release = release.ok_or(HostError::NoRelease)?.1.parse::<LinuxVersion>()?;
        let mut host = Self::of_this_release(release);
        for (property, value) in stated() {
            host.state(property, value)?;
        }
        Ok(host)
    }
}

impl Host {
    fn state(&mut self, property: &str, value: &str) -> Result<(), HostError> {
        let wrong =
            |property, expected| HostError::Value { property, expected, value: value.to_owned() };
        match property {
            "linux" => {}
            "landlock" => {
                self.landlock = landlock(value).ok_or(wrong("landlock", "1 to 7 or no"))?
            }
            "seccomp" => {
                let level = SeccompLevel::ALL.into_iter().find(|level| level.name() == value);
                self.seccomp = level.ok_or(wrong("seccomp", "filter, notify or killable"))?;
            }
            "sockets" => self.sockets = yes(value).ok_or(wrong("sockets", "yes or no"))?,
            "engine" => {
                let engine = Engine::ALL.into_iter().find(|engine| engine.name() == value);
                self.engine = engine.ok_or(wrong("engine", "systrace-shim, runc or crun"))?;
            }
            other => return Err(HostError::Property(other.to_owned())),
        }
        Ok(())
    }
}

/// An ABI newer than the newest known one can do all that it could.
fn landlock(value: &str) -> Option<Option<LandlockAbi>> {
    match value {
        "no" | "0" => Some(None),
        number => number.parse().ok().map(LandlockAbi::new),
    }
}

fn yes(value: &str) -> Option<bool> {
    match value {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// Everything that a plan looks at.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "linux={},landlock=", self.linux)?;
        match self.landlock {
            Some(abi) => write!(f, "{abi}")?,
            None => f.write_str("no")?,
        }
        let sockets = if self.sockets { "yes" } else { "no" };
        let (seccomp, engine) = (self.seccomp.name(), self.engine.name());
        write!(f, ",seccomp={seccomp},sockets={sockets},engine={engine}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Host>().map_or_else(|error| error.to_string(), |host| host.to_string())
    }

    #[test]
    fn a_release_tells_the_rest() {
        assert_eq!(
            shown("linux=5.10"),
            "linux=5.10,landlock=no,seccomp=notify,sockets=yes,engine=systrace-shim"
        );
        assert_eq!(
            shown("linux=6.1"),
            "linux=6.1,landlock=2,seccomp=killable,sockets=yes,engine=systrace-shim"
        );
        assert_eq!(
            shown("linux=6.18.4-x"),
            "linux=6.18,landlock=7,seccomp=killable,sockets=yes,engine=systrace-shim"
        );
    }

    #[test]
    fn what_is_stated_counts_and_is_read_again() {
        let text = "linux=6.1,landlock=no,seccomp=notify,sockets=no,engine=runc";
        assert_eq!(shown(text), text);
        assert_eq!(shown("landlock=99,linux=6.1"), shown("linux=6.1,landlock=7"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(shown("landlock=3"), HostError::NoRelease.to_string());
        assert!(shown("linux=six").contains("`six` is not a kernel release"));
        assert!(shown("linux=6.1,colour=red").contains("`colour`"));
        for wrong in ["landlock=x", "sockets=maybe", "engine=rkt", "seccomp="] {
            assert!(shown(&format!("linux=6.1,{wrong}")).contains(", not `"), "{wrong}");
        }
    }
}
