//! The signal by which our threads interrupt one another.

use crate::notification::Tid;
use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Has a handler that does nothing, without `SA_RESTART`: the interrupted call returns EINTR.
const INTERRUPT: Signal = Signal::SIGUSR1;

extern "C" fn nothing(_: libc::c_int) {}

/// Prepares the process. A peer that closes its end gives EPIPE and no signal.
///
/// # Errors
/// None is known for these signals.
pub fn prepare() -> Result<(), Errno> {
    let nothing = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing, so it is safe at any moment.
    unsafe { sigaction(INTERRUPT, &nothing) }?;
    // SAFETY: no handler is involved.
    unsafe { sigaction(Signal::SIGPIPE, &ignore) }?;
    SigSet::from(INTERRUPT).thread_unblock()
}

/// Interrupts the call in which a thread of ours blocks, if it does, in whichever of our processes it is. The thread must not have
/// ended, for its number may be another's then: see the callers.
pub fn interrupt(thread: Tid) {
    // SAFETY: tkill(2) takes numbers.
    unsafe { libc::syscall(libc::SYS_tkill, thread.0, INTERRUPT as libc::c_int) };
}

/// tgkill(2): a signal for one thread of a process.
///
/// # Errors
/// ESRCH if there is no such thread.
pub fn signal_thread(
    tgid: libc::pid_t,
    tid: libc::pid_t,
    signal: libc::c_int,
) -> Result<(), Errno> {
    // SAFETY: tgkill(2) takes numbers.
    Errno::result(unsafe { libc::syscall(libc::SYS_tgkill, tgid, tid, signal) }).map(drop)
}
