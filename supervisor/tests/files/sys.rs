//! What the victim does: system calls with arguments that no safe wrapper would pass, in a process of its own.
#![allow(unsafe_code)]

use nix::errno::Errno;
use std::io::Write;
use std::os::fd::{FromRawFd, OwnedFd};

/// One system call: its result, or minus its error number.
pub fn call(number: i64, arguments: [u64; 6]) -> i64 {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the tests pass calls that read and write only buffers which they own, or pointers that the kernel refuses.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 { -(Errno::last_raw() as i64) } else { result }
}

/// Runs a function in a child process, which ends with it; gives the child's number.
pub fn in_child(run: impl FnOnce() -> i32) -> libc::pid_t {
    // SAFETY: the child runs ordinary code after fork(2). glibc makes its allocator safe for that, and nothing else
    // that `run` uses holds a lock in another thread of the test.
    match unsafe { libc::fork() } {
        0 => {
            // A thread of another test that panics just now may hold a lock for ever in the child: then it dies, and this test fails.
            nix::unistd::alarm::set(HUNG);
            // The test harness would keep the message in memory that dies with the child.
            std::panic::set_hook(Box::new(|panic| {
                let _ = writeln!(std::io::stderr(), "in a victim: {panic}");
            }));
            end(run)
        }
        child => child,
    }
}

/// After so many seconds a child that has not ended never will.
const HUNG: u32 = 300;

/// Ends a child with a function.
pub fn end(run: impl FnOnce() -> i32) -> ! {
    let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or(101);
    // SAFETY: ends the child at once, as is proper after fork(2).
    unsafe { libc::_exit(code) }
}

/// Takes a descriptor that a call has returned.
pub fn take(fd: i64) -> OwnedFd {
    // SAFETY: the caller passes the result of a call that made it a new descriptor.
    unsafe { OwnedFd::from_raw_fd(fd as i32) }
}
