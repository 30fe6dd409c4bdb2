//! file_getattr(2) and file_setattr(2): the flags and the project of an inode, by name.

use super::{only, open_target};
use crate::caller::Caller;
use crate::host;
use crate::identity::Who;
use crate::memory::PAGE;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::resolve::number;
use crate::sys::objects;
use crate::worker::Worker;
use nix::errno::Errno;
use std::ffi::CString;
use std::os::fd::AsFd;

/// `FILE_ATTR_SIZE_VER0` of linux/fs.h.
const SMALLEST: u64 = 24;

/// Performs both calls.
pub fn attributes(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let [_, _, address, size, ..] = request.notification.arguments;
    match size {
        ..SMALLEST => return Err(Errno::EINVAL.into()),
        SMALLEST..=PAGE => {}
        _ => return Err(Errno::E2BIG.into()),
    }
    only(request.notification.int(4), libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH)?;
    let sets = request.form.call().name == "file_setattr";
    let mut bytes = vec![0; size as usize];
    if sets {
        bytes = caller.read_memory(address, size as usize)?;
    }
    let object = open_target(caller, request)?;
    let number = CString::new(number(object.fd.as_fd())).map_err(|_| Errno::EINVAL)?;
    let place = (host::descriptors(), number.as_c_str());
    let acting = worker.identity.act_as(caller, Who::Effective)?;
    if sets {
        objects::set_file_attributes(place, &bytes)?;
    } else {
        objects::file_attributes(place, &mut bytes)?;
        drop(acting);
        caller.write_memory(address, &bytes)?;
    }
    Ok(Reply::Value(0))
}
