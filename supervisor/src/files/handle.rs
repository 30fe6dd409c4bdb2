//! name_to_handle_at(2): what is learnt of a file, as by stat(2). Who may open by handle is another question (open_by_handle_at(2)).

use super::{name, only};
use crate::caller::Caller;
use crate::host;
use crate::identity::Who;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::resolve::number;
use crate::sys::objects::{self, HANDLE_MAX};
use crate::worker::Worker;
use nix::errno::Errno;
use std::ffi::CString;
use std::os::fd::AsFd;

/// linux/fcntl.h: how the mount is numbered, and what the handle is for.
const AT_HANDLE_MNT_ID_UNIQUE: i32 = 0x1;
const AT_HANDLE_CONNECTABLE: i32 = 0x2;
const AT_HANDLE_FID: i32 = 0x200;
const KIND: i32 = AT_HANDLE_MNT_ID_UNIQUE | AT_HANDLE_CONNECTABLE | AT_HANDLE_FID;

/// Performs the call.
pub fn to_handle(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let [_, _, address, mount, _, _] = request.notification.arguments;
    let flags = request.notification.int(4);
    only(flags, KIND | libc::AT_SYMLINK_FOLLOW | libc::AT_EMPTY_PATH)?;
    if flags & AT_HANDLE_CONNECTABLE != 0 && flags & (libc::AT_EMPTY_PATH | AT_HANDLE_FID) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let object = name(request, 0)?.object()?;
    let number = CString::new(number(object.fd.as_fd())).map_err(|_| Errno::EINVAL)?;
    // All that comes before the handle's bytes (`struct file_handle`).
    let head = caller.read_memory(address, 8)?;
    let room = head.first_chunk().copied().map_or(0, u32::from_ne_bytes);
    if room as usize > HANDLE_MAX {
        return Err(Errno::EINVAL.into());
    }
    let place = (host::descriptors(), number.as_c_str());
    let acting = worker.identity.act_as(caller, Who::Effective)?;
    let (handle, result) =
        objects::name_to_handle(place, room, flags & KIND | libc::AT_SYMLINK_FOLLOW);
    drop(acting);
    // The needed length is told together with this error.
    let length = match result {
        Err(Errno::EOVERFLOW) => 0,
        other => {
            other?;
            handle.bytes.first_chunk().map_or(0, |length| u32::from_ne_bytes(*length))
        }
    };
    let width = if flags & AT_HANDLE_MNT_ID_UNIQUE == 0 { 4 } else { 8 };
    caller.write_memory(mount, &handle.mount[..width])?;
    caller.write_memory(address, &handle.bytes[..8 + length as usize])?;
    result?;
    Ok(Reply::Value(0))
}
