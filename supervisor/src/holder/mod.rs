//! The process that holds what a supervisor must not lose, so that a fresh one can take over when it is killed.
//!
//! While a descriptor of a listener is open somewhere, the kernel keeps calls waiting: nothing is let through, and nothing fails, until
//! somebody answers. So a second, small process, the holder, has copies of all listeners. It was there first: it read what
//! the container is, and forked the supervisor from that state, which neither the workload nor a supervisor ever touched; when the
//! supervisor dies it forks another. What changes meanwhile is in the [`journal`], memory that both share.
//!
//! If the holder dies, the supervisor serves on and makes a new one. Only if both are killed before that do the listeners close,
//! and then the kernel fails the container's calls with ENOSYS.

pub mod channel;
pub mod journal;
pub mod marks;
mod patience;

pub use channel::{Channel, Word};
pub use journal::{Journal, Place, SeatRef, Stage};

use crate::audit;
use crate::container::Blueprint;
use crate::handoff::Server;
use crate::host;
use crate::reception::Guests;
use crate::service;
use crate::sys::process::{self, Forked};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use patience::Patience;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// How the process is called in ps(1).
const NAME: &std::ffi::CStr = c"systrace-holder";

/// Everything that a new supervisor needs.
#[derive(Debug)]
pub struct Belongings {
    /// What the container is.
    pub blueprint: Arc<Blueprint>,
    /// Where further listeners are handed over.
    pub server: Server,
    /// The listeners, by their lines in the journal.
    pub listeners: BTreeMap<u32, OwnedFd>,
    /// What supervisors leave to one another.
    pub journal: &'static Journal,
}

/// The holder's whole state.
#[derive(Debug)]
pub struct Holder {
    belongings: Belongings,
    supervisor: Supervisor,
    patience: Patience,
}

/// The supervisor, as its holder knows it.
#[derive(Debug)]
struct Supervisor {
    /// It tells of new listeners; when it closes, the supervisor is dead or dying.
    channel: Channel,
    process: OwnedFd,
}

impl Supervisor {
    /// A process by its number, which is our child's or our parent's, and the channel to it.
    ///
    /// # Errors
    /// ESRCH if it is dead.
    fn new(channel: Channel, number: libc::pid_t) -> Result<Self, Errno> {
        Ok(Self { channel, process: process::open_process(number)? })
    }

    /// Makes sure that nothing of it runs any more: what it does must not happen beside what its successor does.
    fn bury(&self) {
        // It may be dead already.
        let _ = process::send_signal(self.process.as_fd(), Signal::SIGKILL);
        self.see_off();
    }

    /// Waits for its end (pidfd_open(2): the whole process with all threads) and, if it was our child, takes note of it.
    fn see_off(&self) {
        let mut fds = [PollFd::new(self.process.as_fd(), PollFlags::POLLIN)];
        while poll(&mut fds, PollTimeout::NONE) == Err(Errno::EINTR) {}
        let child = || waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)).ok()?.pid();
        while child().is_some() {}
    }
}

impl Holder {
    /// Forks the first supervisor, which answers the process that waits.
    ///
    /// # Errors
    /// If there can be none.
    pub fn begin(belongings: Belongings, guests: Guests) -> std::io::Result<Self> {
        let supervisor = belongings.fork_supervisor(Some(guests))?;
        Ok(Self { belongings, supervisor, patience: Patience::default() })
    }

    /// Holds until the container has ended, or until supervisors die too fast.
    pub fn hold(mut self) {
        // Only ps(1) shows the name.
        let _ = prctl::set_name(NAME);
        loop {
            match self.supervisor.channel.listen() {
                Ok(Word::Keep(seat, listener)) => {
                    self.belongings.listeners.insert(seat, listener);
                }
                Ok(Word::Release(seat)) => drop(self.belongings.listeners.remove(&seat)),
                Ok(Word::End) => return self.supervisor.see_off(),
                Err(Errno::EINTR) => {}
                Err(_) => {
                    self.supervisor.bury();
                    if self.succeed().is_err() {
                        return self.despair();
                    }
                }
            }
        }
    }

    /// Forks a fresh supervisor; that failing counts as a supervisor that died.
    fn succeed(&mut self) -> Result<(), patience::Exhausted> {
        let journal = self.belongings.journal;
        self.belongings.listeners.retain(|seat, _| journal.seat(*seat).is_some());
        loop {
            std::thread::sleep(self.patience.pause()?);
            if let Ok(supervisor) = self.belongings.fork_supervisor(None) {
                self.supervisor = supervisor;
                return Ok(());
            }
        }
    }

    fn despair(self) {
        let blueprint = &self.belongings.blueprint;
        let text = "supervisors die too fast: calls of the container fail with ENOSYS from now on";
        if let Ok(mut log) = blueprint.log().again() {
            // There is nobody else to tell.
            let _ = audit::last_words(&mut log, blueprint.id(), text);
        }
    }
}

impl Belongings {
    fn fork_supervisor(&self, guests: Option<Guests>) -> std::io::Result<Supervisor> {
        let (ours, theirs) = Channel::pair()?;
        // The child's own copies: what it inherits otherwise, it closes.
        let belongings = self.again()?;
        match process::fork()? {
            Forked::Child => {
                let theirs_too: Vec<_> = guests.iter().flat_map(Guests::descriptors).collect();
                match belongings.close_others(&theirs, &theirs_too) {
                    Ok(()) => service::run(belongings, theirs, guests),
                    Err(_) => std::process::exit(1),
                }
            }
            Forked::Parent(child) => Ok(Supervisor::new(ours, child)?),
        }
    }

    /// The life of a new holder, forked by a supervisor that has other threads.
    pub fn hold_for(self, channel: Channel, supervisor: libc::pid_t) -> ! {
        if self.close_others(&channel, &[]).is_ok()
            && let Ok(supervisor) = Supervisor::new(channel, supervisor)
        {
            Holder { belongings: self, supervisor, patience: Patience::default() }.hold();
        }
        std::process::exit(0)
    }

    /// The same for another process.
    fn again(&self) -> std::io::Result<Self> {
        let again = |(seat, fd): (&u32, &OwnedFd)| Ok((*seat, fd.try_clone()?));
        Ok(Self {
            blueprint: Arc::clone(&self.blueprint),
            server: self.server.again()?,
            listeners: self.listeners.iter().map(again).collect::<std::io::Result<_>>()?,
            journal: self.journal,
        })
    }

    /// Leaves a forked process nothing but what is its own.
    fn close_others(&self, channel: &Channel, guests: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        let own = [self.server.as_fd(), channel.as_fd()];
        let listeners = self.listeners.values().map(AsFd::as_fd);
        let kept = own.into_iter().chain(listeners).chain(host::opened());
        let kept = kept.chain(guests.iter().copied()).map(|fd| fd.as_raw_fd());
        let kept: Vec<_> = kept.chain(self.blueprint.descriptors()).chain([0, 1, 2]).collect();
        process::close_all_but(&kept)
    }
}
