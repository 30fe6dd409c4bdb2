//! The seccomp agent: what `supervise` does all day.
//!
//! It takes connections and forks an [`attendant`] for each, so that a container that hangs while it starts keeps nobody else waiting,
//! and a failure ends one start only. What serves a container afterwards is the same supervisor that our own runtime
//! starts, a process of its own: the agent may die, and what runs stays confined.

mod attendant;
mod folders;
mod reception;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::Context;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};

use crate::config::Settings;
use crate::sys;
use folders::Folders;
use reception::Reception;

/// Starts at the same time; more wait in the socket's queue.
const MOST: usize = 64;

/// Serves until it is told to end.
pub fn serve(settings: &Settings, socket: &Path) -> anyhow::Result<()> {
    let folders = Folders::new(&settings.config.root)?;
    folders.sweep();
    let signals = signals().context("cannot take signals")?;
    // Supervisors outlive whoever forked them. Their end is told to us, so that we clean up after them.
    prctl::set_child_subreaper(true).context("cannot adopt supervisors")?;
    let reception = Reception::open(socket)?;
    Agent { settings, folders, reception, attendants: Vec::new() }.run(&signals)
}

fn signals() -> Result<SignalFd, Errno> {
    let mut set = SigSet::empty();
    [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT].into_iter().for_each(|one| set.add(one));
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

struct Agent<'s> {
    settings: &'s Settings,
    folders: Folders,
    reception: Reception,
    attendants: Vec<Pid>,
}

impl Agent<'_> {
    fn run(mut self, signals: &SignalFd) -> anyhow::Result<()> {
        loop {
            let calling = match self.attendants.len() < MOST {
                true => PollFlags::POLLIN,
                false => PollFlags::empty(),
            };
            let mut fds = [
                PollFd::new(signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.reception.as_fd(), calling),
            ];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).context("cannot wait"),
            }
            let called = fds[1].any() == Some(true);
            while let Some(signal) = signals.read_signal().context("cannot take signals")? {
                if signal.ssi_signo != Signal::SIGCHLD as u32 {
                    return Ok(());
                }
                self.bury();
            }
            if called && let Some(connection) = self.reception.accept() {
                self.attend(connection);
            }
        }
    }

    /// Attendants and supervisors that have ended. The latter leave a folder.
    fn bury(&mut self) {
        let ended = || match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(_) => None,
            Ok(status) => status.pid(),
        };
        let mut supervisors = false;
        while let Some(pid) = ended() {
            let before = self.attendants.len();
            self.attendants.retain(|attendant| *attendant != pid);
            supervisors |= self.attendants.len() == before;
        }
        if supervisors {
            self.folders.sweep();
        }
    }

    fn attend(&mut self, connection: UnixStream) {
        match sys::fork() {
            Ok(ForkResult::Parent { child }) => self.attendants.push(child),
            Ok(ForkResult::Child) => {
                let _ = SigSet::all().thread_unblock();
                attendant::attend(self.settings, &self.folders, connection)
            }
            // The connection is closed, and with it the listener in it: that start fails.
            Err(errno) => eprintln!("systrace-shim supervise: cannot fork: {errno}"),
        }
    }
}
