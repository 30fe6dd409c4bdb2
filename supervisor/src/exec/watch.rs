//! ptrace(2) for the length of one execve.
//!
//! The kernel reads the name of the program again after our judgement. So we attach to the caller while it still waits, let
//! the call continue, and are told by `PTRACE_EVENT_EXEC` when the new program is loaded and before its first instruction. Then
//! either it is what was judged, or it dies. Nothing is traced between two execs, so debuggers work in the container.

use crate::caller::Caller;
use crate::notification::{Denial, Tgid};
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// A caller that is traced and has not been let go yet.
///
/// The tracer is the thread, and it must not trace anything else. If the thread ends, or the whole supervisor, the kernel kills the
/// tracee (`PTRACE_O_EXITKILL`).
#[derive(Debug)]
#[must_use]
pub struct Watch(());

/// Proof that the caller is traced and that what its execve loads will be compared before it runs.
#[derive(Debug)]
pub struct Watched(());

/// How the execve ended.
#[derive(Debug)]
#[must_use]
pub enum Outcome {
    /// The new program is loaded and stopped.
    Executed(Stopped),
    /// It failed; the old program has its error and is let go.
    Failed,
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
            Err(_) => return Err(Denial::because("the caller cannot be traced over its execve")),
        }
        let watch = Self(());
        // The wait for our answer is killable only, so this stops the caller after the call: if the execve fails, we hear of it.
        let stop = ptrace::interrupt(tid).map_err(|_| Denial::Gone);
        if let Err(denial) = stop.and_then(|()| caller.confirm()) {
            watch.abandon(tid);
            return Err(denial);
        }
        Ok(watch)
    }

    /// The argument for letting the kernel perform the execve.
    #[must_use]
    pub fn proof(&self) -> Watched {
        Watched(())
    }

    /// Waits until the execve has succeeded or failed.
    pub fn outcome(self) -> Outcome {
        loop {
            match wait() {
                Ok(WaitStatus::PtraceEvent(pid, _, libc::PTRACE_EVENT_EXEC)) => {
                    return Outcome::Executed(Stopped(pid));
                }
                // The stop that we asked for comes once the call has failed; a signal may have come before it.
                Ok(WaitStatus::PtraceEvent(pid, _, _)) => return detach(pid, None),
                Ok(WaitStatus::Stopped(pid, signal)) => return detach(pid, Some(signal)),
                Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => return Outcome::Dead,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return Outcome::Dead,
            }
        }
    }

    /// The number turned out to name another thread, which cannot be let go before it stops: wherever it runs, it
    /// stops at once because of the interruption.
    fn abandon(self, tid: Pid) {
        let _ = ptrace::interrupt(tid);
        let _ = self.outcome();
    }
}

/// A process that has loaded a program and has not run it.
#[derive(Debug)]
#[must_use]
pub struct Stopped(Pid);

impl Stopped {
    /// The process. An execve by any thread leaves that thread as the leader.
    #[must_use]
    pub fn process(&self) -> Tgid {
        Tgid(self.0.as_raw())
    }

    /// It runs what was judged.
    pub fn release(self) {
        let _ = ptrace::detach(self.0, None);
    }

    /// It does not: it dies before its first instruction. Its parent can wait for it only after we have.
    pub fn kill(self) {
        let _ = kill(self.0, Signal::SIGKILL);
        while !matches!(
            wait(),
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(Errno::ECHILD)
        ) {}
    }
}

fn detach(pid: Pid, signal: Option<Signal>) -> Outcome {
    let _ = ptrace::detach(pid, signal);
    Outcome::Failed
}

/// Waits for this thread's tracee, whatever its number is now: an execve by a thread that does not lead its process changes it.
fn wait() -> Result<WaitStatus, Errno> {
    waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD))
}
