//! What a plan may count on: an explicit input, so that the same policy and host give the same plan
//! on any machine.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use policy::registry::{self, FormId};

/// The machine that a policy is enforced on, and the supervisor there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its kernel.
    pub linux: LinuxVersion,
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
    ];

    /// A host with a supervisor that carries out these calls.
    pub fn new<'c>(linux: LinuxVersion, performed: impl IntoIterator<Item = &'c str>) -> Self {
        let calls = performed.into_iter().filter_map(registry::call_named);
        let performed = calls.flat_map(registry::Call::form_ids).collect();
        Self { linux, performed, names_processes: false }
    }

    /// A host with the supervisor of this release.
    #[must_use]
    pub fn of_this_release(linux: LinuxVersion) -> Self {
        Self::new(linux, Self::PERFORMED.iter().copied())
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
