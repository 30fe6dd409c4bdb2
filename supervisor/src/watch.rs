//! ptrace(2) for the length of one call that only the caller can make: execve(2), chdir(2), chroot(2), open(2) with `O_PATH`.
//!
//! The kernel reads the name again after our judgement. So we attach to the caller while it still waits, let the call
//! continue, and are told when it is done and before the caller's next instruction: by `PTRACE_EVENT_EXEC` when a new program
//! is loaded, and by the stop that we asked for when any other call returns. Then either it did what was judged, or the caller
//! dies. Nothing is traced between two such calls, so debuggers work in the container.

use crate::caller::Caller;
use crate::notification::{Denial, Tgid};
use crate::sys::tracing::{self, Event, wait};
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A caller that is traced and has not been let go yet.
///
/// The tracer is the thread, and it must not trace anything else. If the thread ends, or the whole supervisor, the kernel kills the
/// tracee (`PTRACE_O_EXITKILL`).
#[derive(Debug)]
#[must_use]
pub struct Watch(());

/// Proof that the caller is traced and that what its call has done will be compared before it runs on.
#[derive(Debug)]
pub struct Watched(());

/// How the call ended.
#[derive(Debug)]
#[must_use]
pub enum Outcome {
    /// The new program is loaded and stopped.
    Executed(Stopped),
    /// The call has returned, and the program that made it is stopped. For an execve: it failed.
    Returned(Stopped),
    /// The process was killed.
    Dead,
}

impl Watch {
    /// Attaches to a caller that waits in a notification.
    ///
    /// # Errors
    /// A refusal if someone else traces the caller, or [`Denial::Gone`].
    pub fn start(caller: &Caller<'_>) -> Result<Self, Denial> {
        let tid = Pid::from_raw(caller.tid().0);
        match ptrace::seize(tid, Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL) {
            Ok(()) => {}
            Err(Errno::ESRCH) => return Err(Denial::Gone),
            Err(_) => return Err(Denial::because("the caller cannot be traced over its call")),
        }
        let watch = Self(());
        // The wait for our answer is killable only, so this stops the caller after the call.
        let stop = ptrace::interrupt(tid).map_err(|_| Denial::Gone);
        if let Err(denial) = stop.and_then(|()| caller.confirm()) {
            watch.abandon(tid);
            return Err(denial);
        }
        Ok(watch)
    }

    /// The argument for letting the kernel perform the call.
    #[must_use]
    pub fn proof(&self) -> Watched {
        Watched(())
    }

    /// Waits until the call is done. The stop that we asked for comes once it has returned; a signal may have come before it.
    pub fn outcome(self) -> Outcome {
        match wait() {
            Event::Executed(pid) => Outcome::Executed(Stopped { pid, signal: 0 }),
            Event::Stopped(pid, signal) => Outcome::Returned(Stopped { pid, signal }),
            Event::Ended => Outcome::Dead,
        }
    }

    /// The number turned out to name another thread, which cannot be let go before it stops: wherever it runs, it
    /// stops at once because of the interruption.
    fn abandon(self, tid: Pid) {
        let _ = ptrace::interrupt(tid);
        if let Outcome::Executed(stopped) | Outcome::Returned(stopped) = self.outcome() {
            stopped.release();
        }
    }
}

/// A thread that has made its call and has not run on.
#[derive(Debug)]
#[must_use]
pub struct Stopped {
    pid: Pid,
    /// A signal that it is about to act on, or 0.
    signal: libc::c_int,
}

impl Stopped {
    /// The process, after an execve. An execve by any thread leaves that thread as the leader.
    #[must_use]
    pub fn process(&self) -> Tgid {
        Tgid(self.pid.as_raw())
    }

    /// What the call returned: minus the error's number if it failed.
    ///
    /// # Errors
    /// ESRCH if the thread was killed meanwhile.
    pub fn result(&self) -> Result<i64, Errno> {
        Ok(ptrace::getregs(self.pid)?.rax.cast_signed())
    }

    /// It did what was judged. If it was killed in its stop, it cannot be let go any more (ptrace(2), ESRCH).
    pub fn release(self) {
        if tracing::detach(self.pid, self.signal).is_err() {
            see_die();
        }
    }

    /// It did not: it dies before its next instruction.
    pub fn kill(self) {
        let _ = kill(self.pid, Signal::SIGKILL);
        see_die();
    }
}

/// Waits for the death of this thread's tracee. Its parent can wait for it only after its tracer has.
fn see_die() {
    while wait() != Event::Ended {}
}
