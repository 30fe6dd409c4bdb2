//! A child that shares its parent's memory, as a thread does, and dies alone.
#![allow(unsafe_code)]

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::sync::atomic::{AtomicU32, Ordering};

/// Runs a function in a child that shares our memory (`CLONE_VM`), so that other threads go on changing it; gives its exit code,
/// none if it was killed. The function must not allocate.
pub fn run<F: FnOnce() -> i32>(run: F) -> Option<i32> {
    extern "C" fn start<F: FnOnce() -> i32>(run: *mut libc::c_void) -> libc::c_int {
        // SAFETY: the pointer is that of the option below, and nobody else uses it while the child lives.
        unsafe { &mut *run.cast::<Option<F>>() }.take().map_or(101, |run| run())
    }
    let (mut run, mut stack, mut status) = (Some(run), vec![0_u128; 4096], 0);
    // SAFETY: the child runs on the top of a stack of its own, which outlives it, as `run` does: we wait for it.
    unsafe {
        let top = stack.as_mut_ptr().add(stack.len()).cast();
        let flags = libc::CLONE_VM | libc::SIGCHLD;
        let pid = libc::clone(start::<F>, top, flags, std::ptr::from_mut(&mut run).cast());
        assert!(pid > 0);
        assert_eq!(libc::waitpid(pid, &mut status, 0), pid);
    }
    libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
}

/// How often SIGPIPE came since [`count_pipe_signals`].
pub static PIPE_SIGNALS: AtomicU32 = AtomicU32::new(0);

/// Counts SIGPIPE from now on.
pub fn count_pipe_signals() {
    extern "C" fn count(_: libc::c_int) {
        PIPE_SIGNALS.fetch_add(1, Ordering::Relaxed);
    }
    let action = SigAction::new(SigHandler::Handler(count), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler only adds to an atomic number.
    unsafe { sigaction(Signal::SIGPIPE, &action) }.unwrap();
}

/// The first two words of a mapping that stays as long as the victim.
pub fn words_at(address: u64) -> &'static [std::sync::atomic::AtomicU64; 2] {
    // SAFETY: the tests pass the address of a page that they have just mapped to be read and written, and unmap none.
    unsafe { &*(address as *const [std::sync::atomic::AtomicU64; 2]) }
}
