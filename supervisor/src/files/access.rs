//! access(2), faccessat(2), faccessat2(2): asked as the caller's real user unless it says otherwise.

use super::stat::descriptor;
use super::{name, only};
use crate::caller::Caller;
use crate::identity::Who;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::resolve::Object;
use crate::sys::files;
use crate::worker::Worker;
use nix::errno::Errno;
use nix::sys::stat::SFlag;
use std::os::fd::AsFd;

/// Performs any call of the family.
pub fn access(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let notification = &request.notification;
    let (mode, flags) = match request.form.call().name {
        "access" => (notification.int(1), 0),
        "faccessat" => (notification.int(2), 0),
        _ => (notification.int(2), notification.int(3)),
    };
    only(mode, libc::R_OK | libc::W_OK | libc::X_OK)?;
    only(flags, libc::AT_EACCESS | libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH)?;
    let who = if flags & libc::AT_EACCESS == 0 { Who::Real } else { Who::Effective };
    match request.names().next() {
        Some(_) => check(worker, caller, name(request, 0)?.object()?, (mode, who)),
        None => check(worker, caller, &descriptor(caller, request)?, (mode, who)),
    }
}

fn check(
    worker: &mut Worker,
    caller: &Caller<'_>,
    object: &Object,
    (mode, who): (i32, Who),
) -> Result<Reply, Denial> {
    let kind = object.kind();
    let wanted = (mode & libc::R_OK != 0, mode & libc::W_OK != 0);
    if matches!(kind, SFlag::S_IFCHR | SFlag::S_IFBLK)
        && !worker.container().devices.permit(kind, object.status.st_rdev, wanted)
    {
        return Err(Errno::EPERM.into());
    }
    let _acting = worker.identity.act_as(caller, who)?;
    files::access(object.fd.as_fd(), mode)?;
    Ok(Reply::Value(0))
}
