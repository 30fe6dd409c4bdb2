//! The supervisor of one container, as the runtime sees it: a process to start, a socket to find it by.

use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use supervisor::confinement::Confinement;
use supervisor::handoff::{Client, HandOffError, Server};

use crate::daemon::{self, DaemonError};
use crate::signal::SignalNumber;

const SOCKET: &str = "supervisor.sock";

/// How long a supervisor without a container may take to write its last records.
pub const PATIENCE_MS: u16 = 2000;

/// The supervisor cannot be started, reached or ended.
#[derive(Debug, thiserror::Error)]
pub enum SuperviseError {
    #[error("cannot start the supervisor")]
    Start(#[from] DaemonError),
    #[error("cannot reach the supervisor")]
    Reach(#[from] HandOffError),
    #[error("cannot end the supervisor")]
    End(#[source] Errno),
}

/// Starts the supervisor of a container that is about to be made, and connects to it.
pub fn start(folder: &Path, confinement: Confinement) -> Result<Client, SuperviseError> {
    let socket = folder.join(SOCKET);
    daemon::spawn(|| Server::bind(&socket), |_server| drop(confinement))?;
    connect(folder)
}

/// Connects to the supervisor of a container.
pub fn connect(folder: &Path) -> Result<Client, SuperviseError> {
    Ok(Client::connect(&folder.join(SOCKET))?)
}

/// Makes sure that no supervisor is left. It ends by itself when its container is gone; one that does not
/// is killed. The socket tells which process it is (`SO_PEERCRED`), so a pid that was given out again is
/// never taken for it.
pub fn end(folder: &Path, patience_ms: u16) -> Result<(), SuperviseError> {
    let Ok(connection) = connect(folder) else { return Ok(()) };
    if is_closed(&connection, patience_ms)? {
        return Ok(());
    }
    let pid = getsockopt(&connection, PeerCredentials).map_err(SuperviseError::End)?.pid();
    match SignalNumber::KILL.send(pid) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => return Err(SuperviseError::End(errno)),
    }
    is_closed(&connection, PATIENCE_MS).map(drop)
}

/// Waits for the other end to disappear: the supervisor never speaks first.
fn is_closed(connection: &Client, patience_ms: u16) -> Result<bool, SuperviseError> {
    let mut descriptors = [PollFd::new(connection.as_fd(), PollFlags::POLLIN)];
    let changed =
        poll(&mut descriptors, PollTimeout::from(patience_ms)).map_err(SuperviseError::End)?;
    Ok(changed > 0)
}
