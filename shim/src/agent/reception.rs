//! The agent's socket: who may speak to it.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::{PeerCredentials, PeerPidfd};
use nix::sys::stat::{Mode, umask};
use nix::unistd::geteuid;
use supervisor::agent::{PATIENCE, ensure_trusted, ensure_trusted_folder};

use crate::sys;

/// The listening socket; its file goes with it.
pub struct Reception {
    socket: UnixListener,
    path: PathBuf,
}

/// The peer is none that we listen to.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    #[error("the peer cannot be looked at")]
    Look(#[source] std::io::Error),
    #[error("user {0} may not speak to the agent")]
    User(u32),
    #[error("process {0}, which connected, is gone")]
    Gone(i32),
    #[error("process {0} is in a container: its {1} namespace is not the agent's")]
    Inside(i32, &'static str),
}

impl Reception {
    /// Makes the socket, for us alone. One that an agent left behind, which nobody answers on, is replaced.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let folder = path.parent().context("the socket has no folder")?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        ensure_trusted_folder(folder)?;
        if path.symlink_metadata().is_ok() {
            ensure_trusted(path)?;
            match UnixStream::connect(path) {
                Ok(_) => bail!("an agent listens on {} already", path.display()),
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    fs::remove_file(path).context("cannot remove the old socket")?;
                }
                Err(error) => return Err(error).context("cannot tell whether an agent listens"),
            }
        }
        // The file has its mode from the beginning: nobody connects in between.
        let before = umask(Mode::from_bits_truncate(0o177));
        let socket = UnixListener::bind(path);
        umask(before);
        let socket = socket.with_context(|| format!("cannot listen on {}", path.display()))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, path: path.to_owned() })
    }

    /// The next connection; `None` if nobody waits.
    pub fn accept(&self) -> Option<UnixStream> {
        self.socket.accept().ok().map(|(connection, _)| connection)
    }
}

impl AsFd for Reception {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Reception {
    fn drop(&mut self) {
        // If it stays, the next agent finds that nobody answers on it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Prepares a connection, and looks at who is at the other end: our user or root, and outside of any container. A socket's file may
/// have been shown to a container by mistake.
pub fn admit(connection: &UnixStream) -> Result<(), PeerError> {
    let look = |error| PeerError::Look(error);
    connection.set_nonblocking(false).map_err(look)?;
    connection.set_read_timeout(Some(PATIENCE)).map_err(look)?;
    connection.set_write_timeout(Some(PATIENCE)).map_err(look)?;
    let peer = getsockopt(connection, PeerCredentials).map_err(|errno| look(errno.into()))?;
    if peer.uid() != 0 && peer.uid() != geteuid().as_raw() {
        return Err(PeerError::User(peer.uid()));
    }
    // Its number cannot have been given out again as long as it lives, which is looked at last.
    let process = match getsockopt(connection, PeerPidfd) {
        // Before Linux 6.5 the number has to do: it is opened at once.
        Err(Errno::ENOPROTOOPT) => sys::open_process(peer.pid()),
        process => process,
    };
    let process = process.map_err(|errno| look(errno.into()))?;
    // 0 stands for a process of a pid namespace that is not below ours; it has no folder in /proc.
    for kind in ["pid", "user"] {
        let of = |process: &str| fs::read_link(format!("/proc/{process}/ns/{kind}"));
        if of(&peer.pid().to_string()).map_err(look)? != of("self").map_err(look)? {
            return Err(PeerError::Inside(peer.pid(), kind));
        }
    }
    let mut ended = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
    match poll(&mut ended, PollTimeout::ZERO).map_err(|errno| look(errno.into()))? {
        0 => Ok(()),
        _ => Err(PeerError::Gone(peer.pid())),
    }
}
