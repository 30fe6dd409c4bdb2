//! One filter's listener: a container's first process has one, and every `exec` has its own.

use crate::evidence::ContinueReason;
use crate::holder::{Place, SeatRef};
use crate::notification::{Notification, NotificationId, Reply, Tid};
use crate::sys::seccomp;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A listener and the process that handed it over.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    seat: SeatRef,
}

/// Proof that a call comes from the runtime's own start-up code, which the workload has not replaced yet.
///
/// The process that handed the listener over runs our Executor until its first execve succeeds. It is alone: threads and
/// children of it are never taken for it, because the thread number must be its own. [`Listener::start_workload`] ends
/// that time while the process is stopped, before the workload's first instruction.
#[derive(Debug)]
pub struct StartUp(());

/// Why no notification came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// A signal, or a caller that died before it was heard: ask again.
    Interrupted,
    /// No process uses the filter any more.
    HungUp,
}

impl Listener {
    /// Takes over a listener, whose line in the journal says who installed it and whether the workload runs.
    #[must_use]
    pub fn new(fd: OwnedFd, seat: SeatRef) -> Self {
        seccomp::wake_synchronously(fd.as_fd());
        Self { fd, seat }
    }

    /// Its line in the journal.
    #[must_use]
    pub fn seat(&self) -> &SeatRef {
        &self.seat
    }

    /// Waits for the next call, which is in its place in the journal from the moment when it is received.
    ///
    /// # Errors
    /// [`Silence`] if there is none.
    pub fn receive(&self, place: &Place) -> Result<Notification, Silence> {
        place
            .receive(self.fd.as_fd())
            .map_err(|_| if self.is_hung_up() { Silence::HungUp } else { Silence::Interrupted })
    }

    /// Whether every process with this filter is gone (`POLLHUP`, seccomp_unotify(2)).
    #[must_use]
    pub fn is_hung_up(&self) -> bool {
        let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::empty())];
        match poll(&mut fds, PollTimeout::ZERO) {
            Ok(_) => fds[0].revents().is_some_and(|events| !events.is_empty()),
            Err(_) => false,
        }
    }

    /// Whether the caller still waits for this answer.
    #[must_use]
    pub fn is_valid(&self, id: NotificationId) -> bool {
        seccomp::is_valid(self.fd.as_fd(), id.0)
    }

    /// Whether this thread still runs start-up code.
    #[must_use]
    pub fn start_up(&self, tid: Tid) -> Option<StartUp> {
        (tid == self.seat.entry() && !self.seat.is_running()).then_some(StartUp(()))
    }

    /// From now on everything is judged.
    pub fn start_workload(&self) {
        self.seat.run();
    }

    /// Whether everything is judged.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.seat.is_running()
    }

    /// Answers a call. Nobody may be waiting any more; then there is nothing to do.
    pub fn answer(&self, id: NotificationId, reply: Reply) {
        let (value, error, flags) = match reply {
            Reply::Answered => return,
            Reply::Value(value) => (value, 0, 0),
            Reply::Error(errno) => (0, failure(errno), 0),
            Reply::Denied(errno) => (0, -i32::from(errno.number()), 0),
            Reply::Restart => (0, -ERESTARTSYS, 0),
            Reply::Continue(reason) => (0, 0, Self::continued(&reason)),
            Reply::Descriptor { fd, cloexec } => match self.hand_over(id, fd, cloexec) {
                Ok(number) => (number.into(), 0, 0),
                Err(Errno::ENOENT) => return,
                // The caller's table is full and it still waits (measured): it gets the error.
                Err(errno) => (0, failure(errno), 0),
            },
        };
        let reply = libc::seccomp_notif_resp { id: id.0, val: value, error, flags };
        let _ = seccomp::send(self.fd.as_fd(), reply);
    }

    /// Gives the caller a descriptor, and the number that it has there. The caller waits on.
    ///
    /// The kernel could answer the call in the same step (`SECCOMP_ADDFD_FLAG_SEND`), but then the call counts as answered before the
    /// caller has the descriptor: if we are killed in between, it returns 0 without one. Our own copy is closed before the answer as well:
    /// while a file is open for writing it cannot be executed (ETXTBSY, execve(2)), and while either end of a FIFO is open the other
    /// has a peer.
    fn hand_over(&self, id: NotificationId, fd: OwnedFd, cloexec: bool) -> Result<i32, Errno> {
        seccomp::add_descriptor(self.fd.as_fd(), id.0, fd.as_fd(), cloexec)
    }

    /// Takes the reason: no other path sets this flag.
    fn continued(_: &ContinueReason) -> u32 {
        libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The error as the kernel takes it. A number without a name would be 0, and mean success.
fn failure(errno: Errno) -> i32 {
    -(errno as i32).max(Errno::EPERM as i32)
}

/// The kernel's own "interrupted" (include/linux/errno.h): never seen by a program, turned into a restart or EINTR.
const ERESTARTSYS: i32 = 512;
