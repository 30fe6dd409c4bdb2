//! Extended attributes by name (xattr(7)). What they hold is not judged, only whose they are.

use super::name;
use crate::caller::Caller;
use crate::identity::Who;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::resolve::number;
use crate::sys::xattr;
use crate::worker::Worker;
use nix::errno::Errno;
use std::ffi::CString;
use std::os::fd::AsFd;

/// linux/limits.h: longest name without its NUL, longest value, longest list of names.
const NAME_MAX: usize = 255;
const SIZE_MAX: usize = 65536;

/// getxattr(2), lgetxattr(2).
pub fn get(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let attribute = attribute(caller, request)?;
    let [_, _, address, size, ..] = request.notification.arguments;
    let bytes = on(worker, caller, request, |number| xattr::get(number, &attribute, room(size)))?;
    give(caller, address, size, &bytes)
}

/// listxattr(2), llistxattr(2).
pub fn list(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let [_, address, size, ..] = request.notification.arguments;
    let bytes = on(worker, caller, request, |number| xattr::list(number, room(size)))?;
    give(caller, address, size, &bytes)
}

/// setxattr(2), lsetxattr(2).
pub fn set(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let attribute = attribute(caller, request)?;
    let [_, _, address, size, flags, _] = request.notification.arguments;
    let size = usize::try_from(size).map_err(|_| Errno::E2BIG)?;
    if size > SIZE_MAX {
        return Err(Errno::E2BIG.into());
    }
    let value = if size == 0 { Vec::new() } else { caller.read_memory(address, size)? };
    on(worker, caller, request, |number| xattr::set(number, &attribute, &value, flags as i32))?;
    Ok(Reply::Value(0))
}

/// removexattr(2), lremovexattr(2).
pub fn remove(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let attribute = attribute(caller, request)?;
    on(worker, caller, request, |number| xattr::remove(number, &attribute))?;
    Ok(Reply::Value(0))
}

/// The attribute's name.
fn attribute(caller: &Caller<'_>, request: &Request) -> Result<CString, Denial> {
    let attribute = match caller.read_c_string(request.notification.arguments[1]) {
        Err(Denial::Caller(Errno::ENAMETOOLONG)) => return Err(Errno::ERANGE.into()),
        other => other?,
    };
    match attribute.as_bytes().len() {
        1..=NAME_MAX => Ok(attribute),
        _ => Err(Errno::ERANGE.into()),
    }
}

/// Acts on the object that was judged. Before Linux 6.13 no call takes a descriptor and a name, so the thread's working
/// directory is our folder of descriptors for that moment, and the object's number is its name there.
fn on<T>(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
    act: impl FnOnce(&str) -> Result<T, Errno>,
) -> Result<T, Denial> {
    let object = name(request, 0)?.object()?;
    let number = number(object.fd.as_fd());
    let acting = worker.identity.act_as(caller, Who::Effective)?;
    Ok(acting.among_descriptors(|| act(&number))?)
}

/// How much the caller has room for; with none it only asks for the size.
fn room(size: u64) -> usize {
    usize::try_from(size).unwrap_or(SIZE_MAX).min(SIZE_MAX)
}

fn give(caller: &Caller<'_>, address: u64, size: u64, bytes: &[u8]) -> Result<Reply, Denial> {
    if size != 0 && !bytes.is_empty() {
        caller.write_memory(address, bytes)?;
    }
    Ok(Reply::Value(bytes.len() as i64))
}
