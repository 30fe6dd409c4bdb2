//! What nix does not wrap of ptrace(2): some requests, and real-time signals.

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

/// What a tracee of the calling thread tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It has ended, or there is none.
    Ended,
    /// It has loaded a program and is stopped.
    Executed(Pid),
    /// It is stopped, about to act on this signal: none if it was told to stop.
    Stopped(Pid, libc::c_int),
}

/// Waits for the calling thread's tracee, whatever its number is now: an execve by a thread that does not lead its process changes it.
/// nix would take a real-time signal for an error, and the tracee would stay stopped.
#[must_use]
pub fn wait() -> Event {
    let mut status = 0;
    loop {
        // SAFETY: waitpid(2) writes an int to `status`.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
        match Errno::result(pid) {
            Err(Errno::EINTR) => {}
            Err(_) => return Event::Ended,
            Ok(pid) => return event(Pid::from_raw(pid), status),
        }
    }
}

/// A wait status as ptrace(2) describes it: the event, if there is one, stands above the signal.
fn event(pid: Pid, status: libc::c_int) -> Event {
    match (libc::WIFSTOPPED(status), status >> 16) {
        (false, _) => Event::Ended,
        (true, libc::PTRACE_EVENT_EXEC) => Event::Executed(pid),
        (true, 0) => Event::Stopped(pid, libc::WSTOPSIG(status)),
        (true, _) => Event::Stopped(pid, 0),
    }
}

/// Lets a stopped tracee go on untraced, with the signal that it is about to act on; 0 is none.
///
/// # Errors
/// ESRCH if it was killed in its stop.
pub fn detach(tracee: Pid, signal: libc::c_int) -> Result<(), Errno> {
    let nothing = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: PTRACE_DETACH takes the signal's number as its data and no address.
    Errno::result(unsafe {
        libc::ptrace(libc::PTRACE_DETACH, tracee.as_raw(), nothing, libc::c_long::from(signal))
    })
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::ptrace;
    use nix::sys::signal::{Signal, kill};
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    #[test]
    fn a_tracee_keeps_its_real_time_signal() {
        let (first, mut child) =
            (libc::SIGRTMIN(), Command::new("sleep").arg("1000").spawn().unwrap());
        let pid = Pid::from_raw(child.id() as libc::pid_t);
        ptrace::seize(pid, ptrace::Options::empty()).unwrap();
        // SAFETY: kill(2) takes numbers.
        unsafe { libc::kill(pid.as_raw(), first) };
        assert_eq!(wait(), Event::Stopped(pid, first));
        detach(pid, first).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(first));
    }

    #[test]
    fn stops_and_ends_are_told_apart() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = Pid::from_raw(child.id() as libc::pid_t);
        ptrace::seize(pid, ptrace::Options::empty()).unwrap();
        ptrace::interrupt(pid).unwrap();
        assert_eq!(wait(), Event::Stopped(pid, 0));
        kill(pid, Signal::SIGKILL).unwrap();
        assert_eq!(wait(), Event::Ended);
        child.wait().unwrap_err();
        assert_eq!(wait(), Event::Ended, "there is none any more");
    }
}
