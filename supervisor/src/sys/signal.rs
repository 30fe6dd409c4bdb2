//! The signal by which our threads interrupt one another.

use crate::notification::Tid;
use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::os::fd::{AsRawFd, BorrowedFd};

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

/// Size of `siginfo_t` (asm-generic/siginfo.h).
pub const INFO: usize = size_of::<libc::siginfo_t>();

/// What comes with a signal, as the caller gave it.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(8))]
pub struct Info(pub [u8; INFO]);

impl Default for Info {
    fn default() -> Self {
        Self([0; INFO])
    }
}

impl Info {
    /// It says that it comes from the kernel, or from kill(2) or tkill(2): nobody may say so of a signal for others (`si_code`,
    /// rt_sigqueueinfo(2)).
    #[must_use]
    pub fn is_the_kernels(&self) -> bool {
        let code = self.0[8..].first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
        code >= 0 || code == libc::SI_TKILL
    }

    /// Names the signal, which must be that of the call (`si_signo`).
    pub fn name(&mut self, signal: libc::c_int) {
        self.0[..4].copy_from_slice(&signal.to_ne_bytes());
    }
}

/// pidfd_send_signal(2), with or without information.
///
/// # Errors
/// EPERM, ESRCH, EINVAL.
pub fn send(
    task: BorrowedFd<'_>,
    signal: libc::c_int,
    info: Option<&Info>,
    flags: u32,
) -> Result<(), Errno> {
    let info = info.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: pidfd_send_signal(2) reads one siginfo_t, which `Info` is as long and aligned as, or none.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, task.as_raw_fd(), signal, info, flags)
    })
    .map(drop)
}
