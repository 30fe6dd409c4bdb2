//! The requests of ptrace(2) that nix does not wrap, and memory of a tracee.

use nix::errno::Errno;
use nix::unistd::Pid;

/// Of linux/ptrace.h: a mask of signals is one 64-bit word.
const PTRACE_GETSIGMASK: libc::c_uint = 0x420a;
const PTRACE_SETSIGMASK: libc::c_uint = 0x420b;

/// Which signals a stopped tracee blocks.
///
/// # Errors
/// ESRCH if it is not stopped.
pub fn blocked_signals(tracee: Pid) -> Result<u64, Errno> {
    let mut mask = 0_u64;
    // SAFETY: PTRACE_GETSIGMASK writes as many bytes as `addr` says, those of `mask`.
    Errno::result(unsafe {
        libc::ptrace(
            PTRACE_GETSIGMASK,
            tracee.as_raw(),
            size_of::<u64>(),
            std::ptr::from_mut(&mut mask),
        )
    })?;
    Ok(mask)
}

/// Sets which signals a stopped tracee blocks.
///
/// # Errors
/// ESRCH if it is not stopped.
pub fn block_signals(tracee: Pid, mask: u64) -> Result<(), Errno> {
    // SAFETY: PTRACE_SETSIGMASK reads as many bytes as `addr` says, those of `mask`.
    Errno::result(unsafe {
        libc::ptrace(
            PTRACE_SETSIGMASK,
            tracee.as_raw(),
            size_of::<u64>(),
            std::ptr::from_ref(&mask),
        )
    })
    .map(drop)
}
