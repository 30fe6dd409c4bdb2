//! What a plan may count on: an explicit input, so that the same policy and host give the same plan
//! on any machine.

mod notation;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use policy::registry::{self, FormId};

pub use notation::HostError;

use crate::plan::Mechanism;
use crate::spec::Approximation;

/// The machine that a policy is enforced on, and the supervisor there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its kernel.
    pub linux: LinuxVersion,
    /// What its Landlock can do; none: it has none, or not switched on (`lsm=` on the kernel's command line).
    pub landlock: Option<LandlockAbi>,
    /// What its filters can do.
    pub seccomp: SeccompLevel,
    /// It has the unified hierarchy of control groups, and takes programs for the sockets in one of them.
    pub sockets: bool,
    /// Who makes the container.
    pub engine: Engine,
    /// Mechanisms that shall not be used.
    pub without: BTreeSet<Mechanism>,
    /// Edits of the configuration that change what some permitted calls do, and are allowed all the same.
    pub approximate: BTreeSet<Approximation>,
    /// The forms that the supervisor can carry out itself on the arguments that it checked. Of all
    /// others it can only say yes or no, and a yes to a name in the caller's memory would be a yes
    /// to whatever stands there later.
    pub performed: BTreeSet<FormId>,
    /// The supervisor can tell which program a signal goes to (`pidname`). A test of what it cannot tell is false,
    /// so a denial that rests on it would deny nothing.
    pub names_processes: bool,
}

impl Host {
    /// The calls that the supervisor of this release carries out. It verifies what an execve has
    /// loaded before that runs.
    pub const PERFORMED: &[&str] = &[
        "open",
        "openat",
        "openat2",
        "creat",
        "stat",
        "lstat",
        "newfstatat",
        "statx",
        "access",
        "faccessat",
        "faccessat2",
        "readlink",
        "readlinkat",
        "mkdir",
        "mkdirat",
        "mknod",
        "mknodat",
        "rmdir",
        "unlink",
        "unlinkat",
        "truncate",
        "rename",
        "renameat",
        "renameat2",
        "link",
        "linkat",
        "symlink",
        "symlinkat",
        "chmod",
        "fchmodat",
        "fchmodat2",
        "chown",
        "lchown",
        "fchownat",
        "utime",
        "utimes",
        "futimesat",
        "utimensat",
        "statfs",
        "getxattr",
        "lgetxattr",
        "listxattr",
        "llistxattr",
        "setxattr",
        "lsetxattr",
        "removexattr",
        "lremovexattr",
        "getxattrat",
        "listxattrat",
        "setxattrat",
        "removexattrat",
        "file_getattr",
        "file_setattr",
        "name_to_handle_at",
        "inotify_add_watch",
        "fanotify_mark",
        "chdir",
        "chroot",
        "execve",
        "execveat",
        "connect",
        "bind",
        "sendto",
        "sendmsg",
        "sendmmsg",
        "kill",
        "tkill",
        "tgkill",
        "rt_sigqueueinfo",
        "rt_tgsigqueueinfo",
        "pidfd_send_signal",
        "clone3",
    ];

    /// A host with a supervisor that carries out these calls.
    pub fn new<'c>(linux: LinuxVersion, performed: impl IntoIterator<Item = &'c str>) -> Self {
        let calls = performed.into_iter().filter_map(registry::call_named);
        let performed = calls.flat_map(registry::Call::form_ids).collect();
        Self {
            linux,
            landlock: LandlockAbi::of_release(linux),
            seccomp: SeccompLevel::of_release(linux),
            sockets: true,
            engine: Engine::SystraceShim,
            without: BTreeSet::new(),
            approximate: BTreeSet::new(),
            performed,
            names_processes: linux >= LinuxVersion::PROCESS_NUMBERS,
        }
    }

    /// Why a mechanism is not to be had here; none: it is.
    #[must_use]
    pub fn lacks(&self, mechanism: Mechanism) -> Option<&'static str> {
        let stock = self.engine != Engine::SystraceShim;
        match mechanism {
            off if self.without.contains(&off) => Some("switched off"),
            Mechanism::Landlock | Mechanism::Sockets if stock => {
                Some("the engine's runtime cannot put it in place")
            }
            Mechanism::Landlock if self.landlock.is_none() => Some("the kernel has no Landlock"),
            Mechanism::Sockets if !self.sockets => {
                Some("there is no unified hierarchy of control groups to attach programs to")
            }
            Mechanism::Supervisor if self.seccomp < SeccompLevel::Killable => {
                Some("the kernel cannot hold a call for the supervisor")
            }
            _ => None,
        }
    }

    /// A host with the supervisor of this release.
    #[must_use]
    pub fn of_this_release(linux: LinuxVersion) -> Self {
        Self::new(linux, Self::PERFORMED.iter().copied())
    }
}

/// What Landlock can do (landlock(7)): each version what the ones before could, and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LandlockAbi(u8);

impl LandlockAbi {
    /// Programs, files and folders; nothing can be moved or linked from one folder to another.
    pub const FIRST: Self = Self(1);
    /// `LANDLOCK_ACCESS_FS_REFER`: what may be moved and linked from folder to folder.
    pub const REFER: Self = Self(2);
    /// `LANDLOCK_ACCESS_FS_TRUNCATE`.
    pub const TRUNCATE: Self = Self(3);
    /// Ports of TCP.
    pub const PORTS: Self = Self(4);
    /// The newest that we use.
    pub const NEWEST: Self = Self(7);

    const RELEASES: [(u8, LinuxVersion); 7] = [
        (1, LinuxVersion { major: 5, minor: 13 }),
        (2, LinuxVersion { major: 5, minor: 19 }),
        (3, LinuxVersion { major: 6, minor: 2 }),
        (4, LinuxVersion { major: 6, minor: 7 }),
        (5, LinuxVersion { major: 6, minor: 10 }),
        (6, LinuxVersion { major: 6, minor: 12 }),
        (7, LinuxVersion { major: 6, minor: 15 }),
    ];

    /// A version that the kernel or somebody tells; 0 stands for none.
    #[must_use]
    pub fn new(version: u32) -> Option<Self> {
        let known = version.min(u32::from(Self::NEWEST.0)) as u8;
        (known > 0).then_some(Self(known))
    }

    /// As a number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// What a kernel of this release has if Landlock is switched on.
    fn of_release(linux: LinuxVersion) -> Option<Self> {
        let had = Self::RELEASES.iter().rev().find(|(_, since)| linux >= *since);
        had.map(|(version, _)| Self(*version))
    }
}

impl fmt::Display for LandlockAbi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What filters can do (seccomp(2)), from the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeccompLevel {
    /// Let through and refuse.
    Filter,
    /// Ask a listener.
    Notify,
    /// Keep a call that the listener has taken from being interrupted and made twice
    /// (`SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`).
    Killable,
}

impl SeccompLevel {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::Filter, Self::Notify, Self::Killable];

    /// As a host's notation has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Notify => "notify",
            Self::Killable => "killable",
        }
    }

    fn of_release(linux: LinuxVersion) -> Self {
        if linux >= LinuxVersion::SUPERVISABLE {
            Self::Killable
        } else if linux >= (LinuxVersion { major: 5, minor: 0 }) {
            Self::Notify
        } else {
            Self::Filter
        }
    }
}

/// Who makes the container, and so which mechanisms can be put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Our own runtime: everything that the kernel has.
    SystraceShim,
    /// runc, from what its `config.json` says.
    Runc,
    /// crun, from what its `config.json` says.
    Crun,
}

impl Engine {
    /// Every engine.
    pub const ALL: [Self; 3] = [Self::SystraceShim, Self::Runc, Self::Crun];

    /// As a host's notation has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SystraceShim => "systrace-shim",
            Self::Runc => "runc",
            Self::Crun => "crun",
        }
    }
}

/// A kernel release, as far as it decides what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinuxVersion {
    major: u16,
    minor: u16,
}

impl LinuxVersion {
    /// The first one that keeps a call which the supervisor has taken from being interrupted and
    /// made twice (`SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`, seccomp(2)).
    pub const SUPERVISABLE: Self = Self { major: 5, minor: 19 };
    /// The first one that tells whose number is what in a pid namespace, and whose descriptor it is (`NS_GET_PID_FROM_PIDNS` of ioctl_nsfs(2),
    /// `PIDFD_GET_INFO`).
    pub const PROCESS_NUMBERS: Self = Self { major: 6, minor: 13 };
    /// The first one on which programs see the addresses of UNIX sockets too (`BPF_CGROUP_UNIX_CONNECT`).
    pub const SOCKET_PROGRAMS: Self = Self { major: 6, minor: 7 };
}

impl fmt::Display for LinuxVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Not a kernel release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kernel release such as 6.1")]
pub struct LinuxVersionError(String);

impl FromStr for LinuxVersion {
    type Err = LinuxVersionError;

    /// Reads what uname(2) tells, `6.1.0-18-amd64`: whatever follows the second number is left out.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok(Self { major, minor }),
            _ => Err(LinuxVersionError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_and_ordered() {
        let version = |text: &str| text.parse::<LinuxVersion>();
        assert_eq!(version("6.1.0-18-amd64").map(|v| v.to_string()), Ok("6.1".to_owned()));
        assert!(version("5.19").is_ok_and(|new| new >= LinuxVersion::SUPERVISABLE));
        assert!(version("5.9.16").is_ok_and(|old| old < LinuxVersion::SUPERVISABLE));
        for wrong in ["", "six", "6", "6.x", "99999.1"] {
            assert_eq!(version(wrong), Err(LinuxVersionError(wrong.to_owned())));
        }
    }

    #[test]
    fn every_performed_call_is_known() {
        for name in Host::PERFORMED {
            assert!(registry::call_named(name).is_some(), "{name}");
        }
    }
}
