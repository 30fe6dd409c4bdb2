//! truncate(2).

use super::name;
use crate::caller::Caller;
use crate::host;
use crate::identity::Who;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::resolve::{Object, number};
use crate::worker::Worker;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, SFlag};
use nix::unistd::{Pid, ftruncate};
use std::os::fd::AsFd;

/// Truncates through a descriptor that is opened for writing: what the kernel checks is the same.
pub fn truncate(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let length = request.notification.arguments[1] as i64;
    if length < 0 {
        return Err(Errno::EINVAL.into());
    }
    let object = name(request, 0)?.object()?;
    match object.kind() {
        SFlag::S_IFREG => {}
        SFlag::S_IFDIR => return Err(Errno::EISDIR.into()),
        _ => return Err(Errno::EINVAL.into()),
    }
    let acting = worker.identity.act_as(caller, Who::Effective)?;
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let fd = openat(host::descriptors(), number(object.fd.as_fd()).as_str(), flags, Mode::empty())?;
    acting.with_our_powers(|| check_limit(caller, object, length))?;
    ftruncate(&fd, length)?;
    Ok(Reply::Value(0))
}

/// The kernel would hold us to our own limit. Beyond the caller's it gets the signal and the error (setrlimit(2)).
fn check_limit(caller: &Caller<'_>, object: &Object, length: i64) -> Result<(), Denial> {
    if length <= object.status.st_size || within_limit(&caller.read_file("limits")?, length) {
        return Ok(());
    }
    caller.confirm()?;
    let _ = kill(Pid::from_raw(caller.tid().0), Signal::SIGXFSZ);
    Err(Errno::EFBIG.into())
}

/// Whether the soft limit of `/proc/TID/limits` (proc_pid_limits(5)) allows a file of this length.
fn within_limit(limits: &str, length: i64) -> bool {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max file size"));
    let soft = line.and_then(|line| line.split_ascii_whitespace().next());
    match soft {
        Some("unlimited") => true,
        Some(number) => number.parse().is_ok_and(|limit: i64| length <= limit),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_soft_limit() {
        let limits =
            "Limit  Soft Limit  Hard Limit  Units\nMax file size   4096   unlimited  bytes\n";
        assert!(within_limit(limits, 4096));
        assert!(!within_limit(limits, 4097));
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        assert!(within_limit(&limits, 1));
        assert!(!within_limit("", 1));
    }
}
