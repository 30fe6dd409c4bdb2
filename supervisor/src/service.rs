//! The life of a supervisor: from the first connection to the last listener's end.

use crate::confinement::Confinement;
use crate::container::Container;
use crate::handoff::server::{self, Joined, Server};
use crate::handoff::walls::Choice;
use crate::listener::Listener;
use crate::pool::Pool;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// How long a supervisor waits for the runtime that started it to connect, in milliseconds.
const PATIENCE: u16 = 60_000;

/// What the first thread does: it talks on the socket and sees listeners hang up. Calls are served by other threads.
#[derive(Debug)]
pub struct Service {
    confinement: Confinement,
    choice: Choice,
    server: Server,
    connections: Vec<OwnedFd>,
    pools: Vec<Arc<Pool>>,
    container: Option<Arc<Container>>,
    /// Nobody has connected yet.
    expecting: bool,
}

impl Service {
    /// Prepares to serve.
    #[must_use]
    pub fn new(confinement: Confinement, server: Server) -> Self {
        let (connections, pools) = (Vec::new(), Vec::new());
        let choice = Choice::of(&confinement);
        Self { confinement, choice, server, connections, pools, container: None, expecting: true }
    }

    /// Serves until the container has ended, or will never begin.
    pub fn run(mut self) {
        while !self.is_over() {
            match self.wait() {
                Ok(ready) => self.attend(&ready),
                Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        if let Some(container) = &self.container {
            container.audit.finish();
        }
    }

    /// A container ends with its last listener. One that never comes to life ends with the last connection: the runtime and
    /// its start-up code in the container hold one each until the hand-over.
    fn is_over(&self) -> bool {
        !self.expecting && self.connections.is_empty() && self.pools.is_empty()
    }

    /// Waits for something to happen; gives whether it did for the server, each connection and each listener, in order.
    fn wait(&self) -> Result<Vec<bool>, Errno> {
        let requests = std::iter::once(self.server.as_fd())
            .chain(self.connections.iter().map(AsFd::as_fd))
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        // Calls wake the serving threads only; a hang-up is always told (poll(2)).
        let listeners =
            self.pools.iter().map(|pool| PollFd::new(pool.listener.as_fd(), PollFlags::empty()));
        let mut fds: Vec<PollFd<'_>> = requests.chain(listeners).collect();
        let patience = if self.expecting { PollTimeout::from(PATIENCE) } else { PollTimeout::NONE };
        if poll(&mut fds, patience)? == 0 {
            return Err(Errno::ETIMEDOUT);
        }
        Ok(fds.iter().map(|fd| fd.any().unwrap_or(true)).collect())
    }

    fn attend(&mut self, ready: &[bool]) {
        let (connecting, rest) =
            ready.split_first().map_or((false, ready), |(one, rest)| (*one, rest));
        let (talking, hung_up) = rest.split_at(self.connections.len());
        let mut talking = talking.iter();
        let mut hung_up = hung_up.iter();
        let connections = std::mem::take(&mut self.connections);
        for connection in connections {
            let quiet = talking.next() == Some(&false);
            if quiet || self.talk(&connection).is_ok() {
                self.connections.push(connection);
            }
        }
        self.pools.retain(|pool| {
            let alive = hung_up.next() != Some(&true);
            if !alive {
                pool.close();
            }
            alive
        });
        if connecting && let Some(connection) = self.server.accept() {
            self.connections.push(connection);
            self.expecting = false;
        }
    }

    fn talk(&mut self, connection: &OwnedFd) -> Result<(), Errno> {
        match server::talk(connection.as_fd(), &mut self.choice)? {
            Some(joined) => server::acknowledge(connection.as_fd(), self.join(joined)),
            None => Ok(()),
        }
    }

    /// Begins to serve a listener; the first one shows us the container.
    fn join(&mut self, joined: Joined) -> Result<(), String> {
        let container = match &self.container {
            Some(container) => Arc::clone(container),
            None => {
                let entered = Container::enter(&self.confinement, &self.choice, joined.entry);
                let entered = entered.map_err(|error| describe(&error))?;
                if let Some(reason) = self.choice.unfenced() {
                    entered.audit.note(format!("Landlock is not used: {reason}"));
                }
                Arc::new(entered)
            }
        };
        self.container = Some(Arc::clone(&container));
        let listener = Arc::new(Listener::new(joined.listener, joined.entry));
        let pool = Pool::new(container, listener);
        pool.start().map_err(|error| describe(&error))?;
        self.pools.push(pool);
        Ok(())
    }
}

/// An error with its causes, in one line.
fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
