//! stat(2), lstat(2), newfstatat(2), statx(2): what our descriptor of the file says, written where the caller wants it.

use super::{name, only};
use crate::caller::Caller;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::resolve::{LinkText, Object};
use crate::sys::files;
use crate::worker::Worker;
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd};

/// What newfstatat(2) and statx(2) know (linux/fcntl.h, linux/stat.h).
const FLAGS: i32 = libc::AT_SYMLINK_NOFOLLOW
    | libc::AT_NO_AUTOMOUNT
    | libc::AT_EMPTY_PATH
    | libc::AT_STATX_FORCE_SYNC
    | libc::AT_STATX_DONT_SYNC;

/// stat(2), lstat(2).
pub fn stat(_: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let object = name(request, 0)?.object()?;
    tell(caller, request.notification.arguments[1], object)
}

/// newfstatat(2).
pub fn newfstatat(_: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    only(request.notification.int(3), FLAGS)?;
    let address = request.notification.arguments[2];
    match request.names().next() {
        Some(name) => tell(caller, address, name.object()?),
        None => tell(caller, address, &descriptor(caller, request)?),
    }
}

/// statx(2).
pub fn statx(_: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let flags = request.notification.int(2);
    only(flags, FLAGS)?;
    let bytes = match request.names().next() {
        Some(name) => statx_of(name.object()?.fd.as_fd(), request)?,
        None => statx_of(descriptor(caller, request)?.fd.as_fd(), request)?,
    };
    caller.write_memory(request.notification.arguments[4], &bytes)?;
    Ok(Reply::Value(0))
}

fn statx_of(fd: BorrowedFd<'_>, request: &Request) -> Result<files::StatxBytes, Errno> {
    files::statx(fd, request.notification.int(2), request.notification.arguments[3] as u32)
}

fn tell(caller: &Caller<'_>, address: u64, object: &Object) -> Result<Reply, Denial> {
    caller.write_memory(address, files::stat_bytes(&object.status))?;
    Ok(Reply::Value(0))
}

/// With an empty name the call is about the descriptor. The kernel cannot be left to do that: it would read the name again.
pub(super) fn descriptor(caller: &Caller<'_>, request: &Request) -> Result<Object, Denial> {
    let fd = match request.notification.int(0) {
        libc::AT_FDCWD => caller.cwd()?,
        number => caller.descriptor(number)?,
    };
    Ok(Object::new(fd, LinkText::Link)?)
}
