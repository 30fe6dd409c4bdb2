//! Extended attributes by name (xattr(7)). What they hold is not judged, only whose they are.

use super::{only, open_target};
use crate::caller::Caller;
use crate::identity::Who;
use crate::memory::PAGE;
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

/// What the newer calls know.
const AT_FLAGS: i32 = libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH;

/// `struct xattr_args` of linux/xattr.h: a value's address and size, and `XATTR_CREATE` or `XATTR_REPLACE`.
#[derive(Debug, Clone, Copy)]
struct Value {
    address: u64,
    size: u64,
    flags: i32,
}

impl Value {
    /// Its size, by which the kernel tells later versions apart.
    const LENGTH: u64 = 16;

    /// In the registers of the older calls.
    fn in_registers(request: &Request) -> Self {
        let [_, _, address, size, flags, _] = request.notification.arguments;
        Self { address, size, flags: flags as i32 }
    }

    /// In the memory that the fifth register points to.
    fn in_memory(caller: &Caller<'_>, request: &Request) -> Result<Self, Denial> {
        let [.., address, length] = request.notification.arguments;
        match length {
            ..Self::LENGTH => return Err(Errno::EINVAL.into()),
            Self::LENGTH..=PAGE => {}
            _ => return Err(Errno::E2BIG.into()),
        }
        let bytes = caller.read_memory(address, length as usize)?;
        let (words, more) = bytes.split_at(Self::LENGTH as usize);
        if more.iter().any(|byte| *byte != 0) {
            return Err(Errno::E2BIG.into());
        }
        let (words, _) = words.as_chunks::<8>();
        let [address, rest] = [0, 1].map(|at: usize| u64::from_ne_bytes(words[at]));
        Ok(Self { address, size: rest & 0xffff_ffff, flags: (rest >> 32) as i32 })
    }
}

/// getxattr(2), lgetxattr(2).
pub fn get(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    give_value(worker, caller, request, (1, Value::in_registers(request)))
}

/// getxattrat(2).
pub fn get_at(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let value = Value::in_memory(caller, request)?;
    if value.flags != 0 {
        return Err(Errno::EINVAL.into());
    }
    only(request.notification.int(2), AT_FLAGS)?;
    give_value(worker, caller, request, (3, value))
}

fn give_value(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
    (name, value): (usize, Value),
) -> Result<Reply, Denial> {
    let attribute = attribute(caller, request, name)?;
    let room = room(value.size);
    let bytes = on(worker, caller, request, |number| xattr::get(number, &attribute, room))?;
    give(caller, value.address, value.size, &bytes)
}

/// listxattr(2), llistxattr(2).
pub fn list(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    give_list(worker, caller, request, 1)
}

/// listxattrat(2).
pub fn list_at(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    only(request.notification.int(2), AT_FLAGS)?;
    give_list(worker, caller, request, 3)
}

fn give_list(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
    register: usize,
) -> Result<Reply, Denial> {
    let registers = request.notification.arguments;
    let (address, size) = (registers[register], registers[register + 1]);
    let bytes = on(worker, caller, request, |number| xattr::list(number, room(size)))?;
    give(caller, address, size, &bytes)
}

/// setxattr(2), lsetxattr(2).
pub fn set(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    set_value(worker, caller, request, (1, Value::in_registers(request)))
}

/// setxattrat(2).
pub fn set_at(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let value = Value::in_memory(caller, request)?;
    only(request.notification.int(2), AT_FLAGS)?;
    set_value(worker, caller, request, (3, value))
}

fn set_value(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
    (name, value): (usize, Value),
) -> Result<Reply, Denial> {
    only(value.flags, libc::XATTR_CREATE | libc::XATTR_REPLACE)?;
    let attribute = attribute(caller, request, name)?;
    let size = usize::try_from(value.size).ok().filter(|size| *size <= SIZE_MAX);
    let size = size.ok_or(Errno::E2BIG)?;
    let bytes = if size == 0 { Vec::new() } else { caller.read_memory(value.address, size)? };
    on(worker, caller, request, |number| xattr::set(number, &attribute, &bytes, value.flags))?;
    Ok(Reply::Value(0))
}

/// removexattr(2), lremovexattr(2).
pub fn remove(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let attribute = attribute(caller, request, 1)?;
    on(worker, caller, request, |number| xattr::remove(number, &attribute))?;
    Ok(Reply::Value(0))
}

/// removexattrat(2).
pub fn remove_at(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    only(request.notification.int(2), AT_FLAGS)?;
    let attribute = attribute(caller, request, 3)?;
    on(worker, caller, request, |number| xattr::remove(number, &attribute))?;
    Ok(Reply::Value(0))
}

/// The attribute's name.
fn attribute(caller: &Caller<'_>, request: &Request, register: usize) -> Result<CString, Denial> {
    let attribute = match caller.read_c_string(request.notification.arguments[register]) {
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
    let object = open_target(caller, request)?;
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
