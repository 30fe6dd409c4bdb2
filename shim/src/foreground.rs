//! Waiting for a process as if it were this one: its status is ours, our signals are its.

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::terminal::Session;

/// Signals held back from this process, to be passed on.
pub struct Relay(SigSet);

impl Relay {
    /// Starts to hold signals back. Called when no further process is made that would inherit this.
    pub fn begin() -> Result<Self, Errno> {
        let mut signals = SigSet::all();
        for synchronous in [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL, Signal::SIGFPE] {
            signals.remove(synchronous);
        }
        signals.thread_block()?;
        Ok(Self(signals))
    }

    /// Passes signals on to a child until it ends; its status, 128 + signal if one ended it. A new size of the
    /// user's terminal is for the container's terminal, if it has one.
    pub fn wait(&self, child: Pid, session: Option<&Session>) -> Result<u8, Errno> {
        loop {
            match waitpid(child, Some(WaitPidFlag::WNOHANG))? {
                WaitStatus::Exited(_, status) => return Ok(u8::try_from(status).unwrap_or(u8::MAX)),
                WaitStatus::Signaled(_, signal, _) => return Ok(128 + signal as u8),
                _ => {}
            }
            match self.0.wait()? {
                Signal::SIGCHLD | Signal::SIGPIPE | Signal::SIGURG => {}
                Signal::SIGWINCH if session.is_some() => {
                    session.into_iter().for_each(Session::resize);
                }
                signal => pass(child, signal)?,
            }
        }
    }
}

fn pass(child: Pid, signal: Signal) -> Result<(), Errno> {
    match kill(child, signal) {
        Err(Errno::ESRCH) | Ok(()) => Ok(()),
        Err(errno) => Err(errno),
    }
}
