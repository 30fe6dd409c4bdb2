//! Puts the start-up code of a runtime that we did not write under our filter.
//!
//! Such a runtime installs a *gate*: the engine's own profile, in which the calls that every start-up makes (it changes ids, gives
//! capabilities away, executes the program) ask a listener. The first of them stops the start-up while it still has
//! the right to install filters. There it is made to install ours, as if its own code did: with all our flags, judged by
//! the first matching rule, and with a listener of our own. Then it repeats the call that stopped it.
//!
//! The kernel takes one listener in a chain of filters, so the gate's must be closed before (seccomp(2), EBUSY). From then on what the
//! gate asks would fail with ENOSYS, but our filter asks about the same calls, and of two filters that ask the newer one is
//! obeyed (`seccomp_run_filters`, kernel/seccomp.c). That our filter asks about all of them is for whoever made both
//! to see to; if it did not, calls would fail and none would be let through.

mod tracee;

use crate::filter::Filter;
use crate::notification::{Notification, Tid};
use crate::sys::process;
use crate::sys::seccomp::{self, Buffer};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};
use tracee::Tracee;

/// How long other copies of the gate's listener may live.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a start-up could not be put under our filter. It must not go on then.
#[derive(Debug, thiserror::Error)]
pub enum ArmError {
    /// The gate asks nothing, or the process is gone.
    #[error("the runtime's process makes none of the calls that it must make")]
    Silent,
    /// Someone else is behind the gate.
    #[error("process {asking} is behind the gate, the runtime says {told}")]
    Stranger {
        /// Who asks.
        asking: i32,
        /// Who should.
        told: i32,
    },
    /// It cannot be traced, or not in this moment.
    #[error("the runtime's process cannot be traced: {step}")]
    Trace {
        /// What was tried.
        step: &'static str,
        /// Why it failed.
        source: Errno,
    },
    /// It was never stopped.
    #[error("the runtime's process is not stopped")]
    Running,
    /// A call that it was made to make failed.
    #[error("{call} fails in the runtime's process")]
    Call {
        /// The call.
        call: &'static str,
        /// Its error: EBUSY if someone keeps the gate's listener, EACCES if the runtime has given its capabilities away, EPERM if the engine's profile denies the call.
        source: Errno,
    },
}

/// A start-up that a gate stopped. It is killed unless it is [released](Self::release).
#[derive(Debug)]
pub struct StartUp {
    tracee: Tracee,
}

impl StartUp {
    /// Waits, for so long, until a process asks, and stops it there. The gate's listener is closed.
    ///
    /// Whoever asks first runs the runtime's own code: the gate stops everybody behind it at their execve. What the runtime `told` is
    /// compared, not relied on.
    ///
    /// A gate does not hold signals back. If one comes in between, the process asks again.
    ///
    /// # Errors
    /// [`ArmError`]; a process that is behind the gate fails then, for want of a listener.
    pub fn catch(gate: OwnedFd, told: Option<Tid>, patience: Duration) -> Result<Self, ArmError> {
        let begun = Instant::now();
        loop {
            // A container may signal what joins it: that must not hold us for ever.
            let left = patience.checked_sub(begun.elapsed()).ok_or(ArmError::Silent)?;
            let question = ask(&gate, left)?;
            let asking = question.tid;
            if let Some(told) = told.filter(|told| *told != asking) {
                return Err(ArmError::Stranger { asking: asking.0, told: told.0 });
            }
            let tracee = Tracee::seize(asking)?;
            // Checked after the number has been seized: it is the thread that asks, not a later one.
            let asks = seccomp::is_valid(gate.as_fd(), question.id.0);
            let tracee = tracee.interrupt()?;
            if asks && tracee.stopped_in(question.number) {
                return Ok(Self { tracee });
            }
            tracee.let_go()?;
        }
    }

    /// The process. Only one that leads its threads can be armed: see [`install`](Self::install).
    #[must_use]
    pub fn entry(&self) -> Tid {
        Tid(self.tracee.pid().as_raw())
    }

    /// Installs our filter in the stopped process and gives its listener. No further call is made there afterwards: the filter would
    /// ask about it, and nobody serves the listener yet.
    ///
    /// # Errors
    /// [`ArmError`].
    pub fn install(&mut self, filter: &Filter) -> Result<OwnedFd, ArmError> {
        let scratch = self.tracee.place(filter)?;
        let flags =
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
        let mode = u64::from(libc::SECCOMP_SET_MODE_FILTER);
        let number = self.patiently(|tracee| {
            tracee.call("seccomp", libc::SYS_seccomp, [mode, flags, scratch, 0, 0, 0])
        })?;
        let fail = |source| ArmError::Trace { step: "take the listener", source };
        // EINVAL for a thread that does not lead: its number would not be the process's after the execve.
        let process = process::open_process(self.entry().0).map_err(fail)?;
        // The process's own copy is closed by its execve: the kernel makes it so (seccomp(2)).
        process::duplicate(process.as_fd(), number as i32).map_err(fail)
    }

    /// Repeats a call while the gate's listener is still there: whoever in the runtime sent it may be about to close its copy.
    fn patiently(
        &mut self,
        mut call: impl FnMut(&mut Tracee) -> Result<u64, ArmError>,
    ) -> Result<u64, ArmError> {
        let begun = Instant::now();
        loop {
            match call(&mut self.tracee) {
                Err(ArmError::Call { source: Errno::EBUSY, .. }) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                outcome => return outcome,
            }
        }
    }

    /// Lets it repeat the call that stopped it.
    ///
    /// # Errors
    /// [`ArmError::Trace`] if it is gone.
    pub fn release(self) -> Result<(), ArmError> {
        self.tracee.release()
    }
}

/// Fails the first call behind a gate with EPERM, so that the start-up ends.
///
/// # Errors
/// [`ArmError::Silent`] if nothing comes: then it is the closed listener that ends it.
pub fn refuse(gate: &OwnedFd, patience: Duration) -> Result<(), ArmError> {
    let question = ask(gate, patience)?;
    let error = -(Errno::EPERM as i32);
    let reply = libc::seccomp_notif_resp { id: question.id.0, val: 0, error, flags: 0 };
    seccomp::send(gate.as_fd(), reply).map_err(|_| ArmError::Silent)
}

fn ask(gate: &OwnedFd, patience: Duration) -> Result<Notification, ArmError> {
    let begun = Instant::now();
    loop {
        let left = patience.saturating_sub(begun.elapsed());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(gate.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut fds, timeout).map_err(|_| ArmError::Silent)?;
        let asked =
            ready > 0 && fds[0].revents().is_some_and(|got| got.contains(PollFlags::POLLIN));
        if !asked {
            return Err(ArmError::Silent);
        }
        // ENOENT: a signal took it back (seccomp_unotify(2)).
        match seccomp::receive(gate.as_fd(), &Buffer::default()) {
            Ok(raw) => return Ok(raw.into()),
            Err(Errno::ENOENT | Errno::EINTR) => {}
            Err(_) => return Err(ArmError::Silent),
        }
    }
}
