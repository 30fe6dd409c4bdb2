//! Who connects to the supervisor's socket, and what they want.

use crate::handoff::server::{self, Joined, Server};
use crate::handoff::walls::Choice;
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The socket and the connections that are open.
#[derive(Debug)]
pub struct Reception {
    server: Server,
    choice: Choice,
    connections: Vec<OwnedFd>,
}

/// A process that hands its listener over and waits for the answer.
#[derive(Debug)]
pub struct Candidate {
    /// What it brings.
    pub joined: Joined,
    connection: OwnedFd,
}

/// Whoever was there before the first supervisor.
#[derive(Debug)]
pub struct Guests {
    /// All that are connected.
    pub reception: Reception,
    /// The one whose listener the container began with.
    pub waiting: OwnedFd,
    /// Others that wait to be served.
    pub others: Vec<Candidate>,
}

impl Guests {
    /// Every descriptor.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let others = self
            .others
            .iter()
            .flat_map(|other| [other.joined.listener.as_fd(), other.connection.as_fd()]);
        self.reception.descriptors().chain([self.waiting.as_fd()]).chain(others)
    }
}

impl Reception {
    /// Nobody has connected yet.
    #[must_use]
    pub fn new(server: Server, choice: Choice) -> Self {
        Self { server, choice, connections: Vec::new() }
    }

    /// What the container's processes are put under.
    #[must_use]
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// The socket.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Whether no connection is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// What is to be waited for: the socket first.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(self.server.as_fd()).chain(self.connections.iter().map(AsFd::as_fd))
    }

    /// Listens to whoever has something to say; `ready` goes with [`Self::descriptors`]. Gives those that wait for an answer, and
    /// whether somebody connected.
    pub fn attend(&mut self, ready: &[bool]) -> (Vec<Candidate>, bool) {
        let mut candidates = Vec::new();
        let mut talking = ready.iter().skip(1);
        for connection in std::mem::take(&mut self.connections) {
            let quiet = talking.next() == Some(&false);
            let mut talk =
                |connection: &OwnedFd| server::talk(connection.as_fd(), &mut self.choice);
            match if quiet { Ok(None) } else { talk(&connection) } {
                Ok(None) => self.connections.push(connection),
                Ok(Some(joined)) => candidates.push(Candidate { joined, connection }),
                Err(_) => {}
            }
        }
        let connection = ready.first().filter(|ready| **ready).and_then(|_| self.server.accept());
        let connected = connection.is_some();
        self.connections.extend(connection);
        (candidates, connected)
    }

    /// Answers a candidate, and goes on listening to it.
    pub fn answer(&mut self, connection: OwnedFd, outcome: Result<(), String>) {
        if server::acknowledge(connection.as_fd(), outcome).is_ok() {
            self.connections.push(connection);
        }
    }
}

impl Candidate {
    /// The listener's owner and the connection for the answer.
    #[must_use]
    pub fn into_parts(self) -> (Joined, OwnedFd) {
        (self.joined, self.connection)
    }
}

/// Which of the descriptors have something; none if the time is over.
///
/// # Errors
/// EINTR.
pub fn wait(
    fds: &mut [nix::poll::PollFd<'_>],
    patience: nix::poll::PollTimeout,
) -> Result<Option<Vec<bool>>, Errno> {
    let some = nix::poll::poll(fds, patience)? > 0;
    Ok(some.then(|| fds.iter().map(|fd| fd.any().unwrap_or(true)).collect()))
}
