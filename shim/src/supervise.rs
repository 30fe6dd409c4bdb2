//! The supervisor of one container, as the runtime sees it: a process to start, a socket to find it by.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, getpgrp};
use supervisor::Confinement;
use supervisor::handoff::{Client, HandOffError, Server};

use crate::sys;

const SOCKET: &str = "supervisor.sock";

/// How long a supervisor whose container is gone may take to write its last records, in milliseconds.
pub const PATIENCE: u16 = 2000;

/// How often an end is looked for.
const PAUSE: Duration = Duration::from_millis(2);

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

/// Makes sure that no supervisor and no holder is left. They end by themselves when their container is gone; those that
/// have not done so after the patience are killed, all at once: one alone would bring the other back.
pub fn end(folder: &Path, patience: u16) -> Result<(), SuperviseError> {
    if wait_for_end(folder, patience) {
        return Ok(());
    }
    if let Some(group) = group_behind(folder) {
        match killpg(group, Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(SuperviseError::End(errno)),
        }
    }
    wait_for_end(folder, PATIENCE);
    Ok(())
}

/// Lets the supervisor run if somebody stopped it. It may be tracing a process over one call, and what is killed is reaped only
/// after its tracer has looked.
pub fn resume(folder: &Path) {
    if let Some(group) = group_behind(folder) {
        // Gone already is as good.
        let _ = killpg(group, Signal::SIGCONT);
    }
}

/// The process group of all that serve the container. The process that made the socket leads it (`SO_PEERCRED`
/// tells its number), and only members of the group have the socket. So while it answers there is a member, and the
/// number is not given out again, even if the leader is dead (setpgid(2), credentials(7)).
fn group_behind(folder: &Path) -> Option<Pid> {
    let connection = connect(folder).ok()?;
    let leader = Pid::from_raw(getsockopt(&connection, PeerCredentials).ok()?.pid());
    let own = leader.as_raw() <= 1 || leader == getpgrp();
    (!own).then_some(leader)
}

/// Whether nobody listens any more, at the latest after so many milliseconds.
fn wait_for_end(folder: &Path, patience: u16) -> bool {
    let until = Instant::now() + Duration::from_millis(patience.into());
    loop {
        if connect(folder).is_err() {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        sleep(PAUSE);
    }
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
    fn our_own_group_is_never_killed() {
        let folder = tempfile::tempdir().unwrap();
        let _server = Server::bind(&folder.path().join(SOCKET)).unwrap();
        let own = getpgrp() == nix::unistd::getpid();
        assert_eq!(group_behind(folder.path()).is_none(), own);
    }
}
