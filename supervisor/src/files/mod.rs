//! Calls that name files: performed on the descriptors of what was judged.
//!
//! The result is the kernel's own, and the tests compare both call by call. Where it is not, the caller gets less, never more:
//! - `O_PATH` gives a process of several threads a descriptor for reading, of folders and plain files only (see `o_path`).
//! - No open makes a terminal the caller's controlling one (`TIOCSCTTY` does).
//! - openat2(2) with `RESOLVE_BENEATH` or `RESOLVE_IN_ROOT` does not reach proc(5) (EXDEV), and with `RESOLVE_CACHED`
//!   always wants to be asked again (EAGAIN).
//! - A process that may not be traced (after setuid(2) without execve(2)) cannot open those of its own proc files that only its
//!   tracers may read.
//! - A caller in a user namespace below the container's has none of its capabilities, and sees the container's ids in stat(2).

mod access;
mod asked;
mod attributes;
pub mod devices;
mod entries;
mod handle;
mod inode_flags;
mod notify;
mod o_path;
mod open;
mod pairs;
mod readlink;
mod standing;
mod stat;
mod truncate;
mod tty;
mod xattr;

pub use asked::asked;

use crate::caller::Caller;
use crate::handlers::Row;
use crate::notification::Denial;
use crate::request::Request;
use crate::resolve::{ATTEMPTS, Object, Resolved};
use crate::worker::Worker;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::stat::makedev;
use std::ops::Deref;

/// The calls of this family.
pub const HANDLERS: &[Row] = &[
    ("open", open::open),
    ("openat", open::open),
    ("openat2", open::open),
    ("creat", open::open),
    ("stat", stat::stat),
    ("lstat", stat::stat),
    ("newfstatat", stat::newfstatat),
    ("statx", stat::statx),
    ("access", access::access),
    ("faccessat", access::access),
    ("faccessat2", access::access),
    ("readlink", readlink::readlink),
    ("readlinkat", readlink::readlink),
    ("mkdir", entries::mkdir),
    ("mkdirat", entries::mkdir),
    ("mknod", entries::mknod),
    ("mknodat", entries::mknod),
    ("rmdir", entries::remove),
    ("unlink", entries::remove),
    ("unlinkat", entries::remove),
    ("truncate", truncate::truncate),
    ("rename", pairs::rename),
    ("renameat", pairs::rename),
    ("renameat2", pairs::rename),
    ("link", pairs::link),
    ("linkat", pairs::link),
    ("symlink", pairs::symlink),
    ("symlinkat", pairs::symlink),
    ("chmod", attributes::chmod),
    ("fchmodat", attributes::chmod),
    ("fchmodat2", attributes::chmod),
    ("chown", attributes::chown),
    ("lchown", attributes::chown),
    ("fchownat", attributes::chown),
    ("utime", attributes::times),
    ("utimes", attributes::times),
    ("futimesat", attributes::times),
    ("utimensat", attributes::times),
    ("statfs", attributes::statfs),
    ("getxattr", xattr::get),
    ("lgetxattr", xattr::get),
    ("listxattr", xattr::list),
    ("llistxattr", xattr::list),
    ("setxattr", xattr::set),
    ("lsetxattr", xattr::set),
    ("removexattr", xattr::remove),
    ("lremovexattr", xattr::remove),
    ("getxattrat", xattr::get_at),
    ("listxattrat", xattr::list_at),
    ("setxattrat", xattr::set_at),
    ("removexattrat", xattr::remove_at),
    ("file_getattr", inode_flags::attributes),
    ("file_setattr", inode_flags::attributes),
    ("name_to_handle_at", handle::to_handle),
    ("inotify_add_watch", notify::add_watch),
    ("fanotify_mark", notify::mark),
    ("chdir", standing::change),
    ("chroot", standing::change),
];

/// The `index`-th file name of the call.
fn name(request: &Request, index: usize) -> Result<&Resolved, Denial> {
    request
        .names()
        .nth(index)
        .ok_or_else(|| Denial::because("the call's file name was not resolved"))
}

/// What a call acts on: the file of its name, or of a descriptor where the name is empty.
enum Target<'r> {
    Named(&'r Object),
    Held(Object),
}

impl Deref for Target<'_> {
    type Target = Object;

    fn deref(&self) -> &Object {
        match self {
            Self::Named(object) => object,
            Self::Held(object) => object,
        }
    }
}

fn target<'r>(caller: &Caller<'_>, request: &'r Request) -> Result<Target<'r>, Denial> {
    match request.names().next() {
        Some(name) => Ok(Target::Named(name.object()?)),
        None => Ok(Target::Held(stat::descriptor(caller, request)?)),
    }
}

/// As [`target`], for calls to which a descriptor with `O_PATH` is none.
fn open_target<'r>(caller: &Caller<'_>, request: &'r Request) -> Result<Target<'r>, Denial> {
    let target = target(caller, request)?;
    let fd = request.notification.int(0);
    if matches!(target, Target::Held(_)) && fd != libc::AT_FDCWD {
        let flags = fcntl(caller.duplicate(fd)?, FcntlArg::F_GETFL)?;
        if flags & libc::O_PATH != 0 {
            return Err(Errno::EBADF.into());
        }
    }
    Ok(target)
}

/// Acts on a resolved name. If the act finds that the file system changed under it (`None`), the name is resolved again, and
/// only what still has the judged name is acted on.
fn settle<T>(
    worker: &mut Worker,
    caller: &Caller<'_>,
    resolved: &Resolved,
    mut act: impl FnMut(&mut Worker, &Resolved) -> Result<Option<T>, Denial>,
) -> Result<T, Denial> {
    if let Some(done) = act(worker, resolved)? {
        return Ok(done);
    }
    for _ in 0..ATTEMPTS {
        let again = resolved.again(worker, caller)?;
        if let Some(done) = act(worker, &again)? {
            return Ok(done);
        }
    }
    Err(Denial::because("the file changed at each attempt"))
}

/// EINVAL if other flags are set than those that the call knows.
fn only(flags: i32, known: i32) -> Result<(), Errno> {
    if flags & !known == 0 { Ok(()) } else { Err(Errno::EINVAL) }
}

/// The kernel gives and takes a device number as 12 bits of major and 20 of minor (linux/kdev_t.h, `new_decode_dev`).
fn device_number(number: u32) -> u64 {
    let number = u64::from(number);
    makedev((number & 0xfff00) >> 8, (number & 0xff) | ((number >> 12) & 0xfff00))
}
