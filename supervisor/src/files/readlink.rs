//! readlink(2), readlinkat(2).

use super::stat::descriptor;
use crate::caller::Caller;
use crate::identity::Who;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::resolve::{LinkText, Object};
use crate::worker::Worker;
use nix::errno::Errno;
use nix::fcntl::readlinkat;
use nix::sys::stat::SFlag;
use std::os::unix::ffi::OsStringExt;

/// Performs both calls.
pub fn readlink(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let notification = &request.notification;
    let first = if request.form.call().name == "readlink" { 1 } else { 2 };
    let address = notification.arguments[usize::from(first)];
    let size = usize::try_from(notification.int(first + 1)).unwrap_or(0);
    if size == 0 {
        return Err(Errno::EINVAL.into());
    }
    let text = match request.names().next() {
        // Other calls take a null pointer for an empty name.
        None if notification.arguments[1] == 0 => return Err(Errno::EFAULT.into()),
        Some(name) => text(worker, caller, name.object()?, Errno::EINVAL)?,
        // Of a descriptor that is no link the kernel says that the (empty) name does not exist.
        None => text(worker, caller, &descriptor(caller, request)?, Errno::ENOENT)?,
    };
    let text = &text[..text.len().min(size)];
    caller.write_memory(address, text)?;
    Ok(Reply::Value(text.len() as i64))
}

fn text(
    worker: &mut Worker,
    caller: &Caller<'_>,
    object: &Object,
    no_link: Errno,
) -> Result<Vec<u8>, Denial> {
    if object.kind() != SFlag::S_IFLNK {
        return Err(no_link.into());
    }
    let acting = worker.identity.act_as(caller, Who::Effective)?;
    let read = || readlinkat(&object.fd, "");
    let text = match &object.text {
        LinkText::Fixed(text) => return Ok(text.clone()),
        LinkText::Own => acting.with_our_powers(read)?,
        LinkText::Link => read()?,
    };
    Ok(text.into_vec())
}
