//! The supervisor of one container, as the runtime sees it: a process to start, a socket to find it by.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::sys::wait::waitpid;
use nix::unistd::ForkResult;
use supervisor::Confinement;
use supervisor::handoff::{Client, HandOffError, Server};

use crate::signal::SignalNumber;
use crate::sys;

const SOCKET: &str = "supervisor.sock";

/// How long a supervisor whose container is gone may take to write its last records, in milliseconds.
pub const PATIENCE: u16 = 2000;

/// The supervisor cannot be started, reached or ended.
#[derive(Debug, thiserror::Error)]
pub enum SuperviseError {
    #[error("cannot start the supervisor")]
    Fork(#[source] Errno),
    #[error("cannot start the supervisor")]
    Pipe(#[source] std::io::Error),
    #[error("the supervisor does not start: {0}")]
    Refused(String),
    #[error(transparent)]
    Reach(#[from] HandOffError),
    #[error("cannot end the supervisor")]
    End(#[source] Errno),
}

/// Starts the supervisor of a container that is about to be made, and connects to it.
///
/// It is forked, so that it has the policies in memory, and forked twice, so that it is nobody's child: the
/// engine's shim adopts and reaps it. It makes its socket itself, by which [`end`] knows it.
pub fn start(folder: &Path, confinement: Confinement) -> Result<Client, SuperviseError> {
    let (reader, writer) = pipe().map_err(SuperviseError::Pipe)?;
    match sys::fork().map_err(SuperviseError::Fork)? {
        ForkResult::Parent { child } => {
            drop(writer);
            // The process between only forks; its status says nothing that the pipe does not.
            let _ = waitpid(child, None);
            wait_until_ready(reader)?;
            connect(folder)
        }
        ForkResult::Child => {
            // A panic must not unwind into the copy of the parent's stack: the destructors there would
            // remove what the parent still uses.
            let _ = catch_unwind(AssertUnwindSafe(|| live(folder, confinement, writer)));
            sys::exit_now(1)
        }
    }
}

/// Waits until the supervisor closes the pipe: silently when it serves, after a reason when it cannot.
fn wait_until_ready(mut reader: PipeReader) -> Result<(), SuperviseError> {
    let mut reason = String::new();
    reader.read_to_string(&mut reason).map_err(SuperviseError::Pipe)?;
    if reason.is_empty() { Ok(()) } else { Err(SuperviseError::Refused(reason)) }
}

/// The life of the forked side. It comes back only to be ended.
fn live(folder: &Path, confinement: Confinement, mut report: PipeWriter) {
    if !matches!(sys::fork(), Ok(ForkResult::Child)) {
        return;
    }
    match Server::bind(&folder.join(SOCKET)) {
        // It closes every descriptor but its own, the report among them.
        Ok(server) => supervisor::run(confinement, server),
        // If nobody reads the reason, nobody can be told.
        Err(error) => drop(write!(report, "{error}")),
    }
}

/// Connects to the supervisor of a container.
pub fn connect(folder: &Path) -> Result<Client, SuperviseError> {
    Ok(Client::connect(&folder.join(SOCKET))?)
}

/// Makes sure that no supervisor is left. It ends by itself when its container is gone; one that has not
/// done so after the patience is killed.
pub fn end(folder: &Path, patience: u16) -> Result<(), SuperviseError> {
    let Some(process) = connect(folder).ok().and_then(|connection| process_of(&connection)) else {
        return Ok(());
    };
    if !has_ended(&process, patience)? {
        match SignalNumber::KILL.send(process.as_fd()) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(SuperviseError::End(errno)),
        }
        has_ended(&process, PATIENCE)?;
    }
    Ok(())
}

/// The process that listens at the other end (`SO_PEERCRED`). While the connection is open it lives, so its
/// number cannot have been given out again before the descriptor holds it.
fn process_of(connection: &Client) -> Option<OwnedFd> {
    let peer = getsockopt(connection, PeerCredentials).ok()?;
    sys::open_process(peer.pid()).ok()
}

/// Waits for the end of a process (pidfd_open(2): its descriptor becomes readable).
fn has_ended(process: &OwnedFd, patience: u16) -> Result<bool, SuperviseError> {
    let mut descriptors = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
    let changed =
        poll(&mut descriptors, PollTimeout::from(patience)).map_err(SuperviseError::End)?;
    Ok(changed > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_supervisor_has_nothing_to_end() {
        let folder = tempfile::tempdir().unwrap();
        assert!(end(folder.path(), 0).is_ok());
        assert!(matches!(connect(folder.path()), Err(SuperviseError::Reach(_))));
    }

    #[test]
    fn a_silent_end_of_the_pipe_means_ready() {
        let outcome = |reason: &str| {
            let (reader, mut writer) = pipe().unwrap();
            writer.write_all(reason.as_bytes()).unwrap();
            drop(writer);
            wait_until_ready(reader)
        };
        assert!(outcome("").is_ok());
        assert!(
            matches!(outcome("no room"), Err(SuperviseError::Refused(why)) if why == "no room")
        );
    }

    #[test]
    fn the_process_behind_a_socket_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::bind(&folder.path().join(SOCKET)).unwrap();
        let connection = connect(folder.path()).unwrap();
        let process = process_of(&connection).unwrap();
        // It is this very process, which has not ended.
        assert!(!has_ended(&process, 0).unwrap());
        drop(server);
        assert!(end(folder.path(), 0).is_ok());
    }
}
