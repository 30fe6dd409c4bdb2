//! inotify_add_watch(2) and fanotify_mark(2): a watch on the object that was judged.

use super::name;
use crate::caller::Caller;
use crate::host;
use crate::identity::Who;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::resolve::number;
use crate::sys::objects;
use crate::worker::Worker;
use nix::errno::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::AsFd;

/// Every bit that says what to watch or how (linux/inotify.h, `ALL_INOTIFY_BITS`).
const ALL_INOTIFY_BITS: u32 = 0xf700_efff;

/// inotify_add_watch(2).
pub fn add_watch(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let mask = request.notification.int(2).cast_unsigned();
    if mask & ALL_INOTIFY_BITS == 0 {
        return Err(Errno::EINVAL.into());
    }
    let instance = caller.duplicate(request.notification.int(0))?;
    let watch =
        |path: &CStr| objects::inotify(instance.as_fd(), path, mask & !libc::IN_DONT_FOLLOW);
    let object = match name(request, 0)?.object() {
        // The kernel looks at the instance first: what it says of an empty name it says of every name.
        Err(errno) => {
            let said = watch(c"").map_err(|said| if said == Errno::ENOENT { errno } else { said });
            return Ok(Reply::Value(said?));
        }
        Ok(object) => object,
    };
    let number = CString::new(number(object.fd.as_fd())).map_err(|_| Errno::EINVAL)?;
    let acting = worker.identity.act_as(caller, Who::Effective)?;
    Ok(Reply::Value(acting.among_descriptors(|| watch(&number))?))
}

/// fanotify_mark(2).
pub fn mark(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let flags = request.notification.int(1).cast_unsigned();
    let mask = request.notification.arguments[2];
    if flags & (libc::FAN_MARK_MOUNT | libc::FAN_MARK_FILESYSTEM) != 0 {
        return Err(Denial::because("the mark is on more than the file that was judged"));
    }
    if request.notification.arguments[4] == 0 && request.notification.int(3) == libc::AT_FDCWD {
        return Err(Errno::EBADF.into());
    }
    let group = caller.duplicate(request.notification.int(0))?;
    let object = name(request, 0)?.object()?;
    let number = CString::new(number(object.fd.as_fd())).map_err(|_| Errno::EINVAL)?;
    let place = (host::descriptors(), number.as_c_str());
    let _acting = worker.identity.act_as(caller, Who::Effective)?;
    objects::fanotify(group.as_fd(), (flags & !libc::FAN_MARK_DONT_FOLLOW, mask), place)?;
    Ok(Reply::Value(0))
}
