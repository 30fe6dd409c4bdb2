//! truncate(2).

use super::name;
use crate::caller::Caller;
use crate::host;
use crate::identity::Who;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::resolve::{Object, number};
use crate::sys::files::file_size_limit;
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
    let limit = file_size_limit(caller.tid().0)?;
    caller.confirm()?;
    if length <= object.status.st_size || length as u64 <= limit {
        return Ok(());
    }
    let _ = kill(Pid::from_raw(caller.tid().0), Signal::SIGXFSZ);
    Err(Errno::EFBIG.into())
}
