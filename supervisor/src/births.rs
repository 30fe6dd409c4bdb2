//! clone3(2), whose flags are in memory.
//!
//! Nobody can make a process for its parent, and the kernel would read the flags again. So a call whose flags were judged is answered as by
//! a kernel that does not have it: the C library, Go and others make a clone(2) then, whose flags are in a register.

use crate::caller::Caller;
use crate::handlers::Row;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::worker::Worker;
use nix::errno::Errno;

/// The calls of this family.
pub const HANDLERS: &[Row] = &[("clone3", send_to_clone)];

/// `CLONE_ARGS_SIZE_VER0` of linux/sched.h, and the most that the kernel takes: one page.
const SIZES: std::ops::RangeInclusive<u64> = 64..=4096;

fn send_to_clone(_: &mut Worker, _: &Caller<'_>, _: &Request) -> Result<Reply, Denial> {
    Err(Errno::ENOSYS.into())
}

/// The flags in the caller's `struct clone_args`.
///
/// # Errors
/// EINVAL, E2BIG, EFAULT, as clone3(2) says.
pub fn flags(caller: &Caller<'_>, at: u64, size: u64) -> Result<u64, Denial> {
    match size {
        size if size < *SIZES.start() => return Err(Errno::EINVAL.into()),
        size if size > *SIZES.end() => return Err(Errno::E2BIG.into()),
        _ => {}
    }
    let bytes = caller.read_memory(at, size as usize)?;
    Ok(bytes.first_chunk().map_or(0, |flags| u64::from_ne_bytes(*flags)))
}
