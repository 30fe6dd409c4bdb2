//! The calls that no crate of ours offers safely.
#![allow(unsafe_code)] // Each block is one system call whose arguments are plain numbers or owned here.

use nix::errno::Errno;

/// kill(2) with any signal number, real-time ones too (nix knows the standard ones only).
pub fn kill(pid: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: kill(2) takes two numbers and touches no memory of ours.
    Errno::result(unsafe { libc::kill(pid, signal) }).map(drop)
}
