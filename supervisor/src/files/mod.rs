//! Calls that name files: performed on the descriptors of what was judged.

mod access;
mod asked;
pub mod devices;
mod entries;
mod open;
mod readlink;
mod stat;
mod truncate;

pub use asked::asked;

use crate::caller::Caller;
use crate::handlers::Row;
use crate::notification::Denial;
use crate::request::Request;
use crate::resolve::{ATTEMPTS, Resolved};
use crate::worker::Worker;
use nix::errno::Errno;

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
];

/// The `index`-th file name of the call.
fn name(request: &Request, index: usize) -> Result<&Resolved, Denial> {
    request
        .names()
        .nth(index)
        .ok_or_else(|| Denial::because("the call's file name was not resolved"))
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
