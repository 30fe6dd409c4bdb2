//! The supervisor's side: who connects, who asks, who joins.

use super::packet::{self, Message, Packet};
use super::walls::Choice;
use crate::filter::Filter;
use crate::notification::Tid;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, readlink};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, getsockopt, listen, setsockopt,
    socket, sockopt,
};
use nix::sys::stat::Mode;
use nix::unistd::geteuid;
use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// There is no socket to hand listeners over.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {path}")]
pub struct ServerError {
    path: PathBuf,
    source: Errno,
}

/// The listening socket in the container's state folder.
#[derive(Debug)]
pub struct Server {
    socket: UnixListener,
}

/// A listener that a process of the container handed over.
#[derive(Debug)]
pub struct Joined {
    /// The listener.
    pub listener: OwnedFd,
    /// The process: still the runtime's start-up code.
    pub entry: Tid,
}

impl Server {
    /// Makes the socket; `path` must not exist yet.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn bind(path: &Path) -> Result<Self, ServerError> {
        let fail = |source| ServerError { path: path.to_owned(), source };
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).map_err(fail)?;
        through_folder(path, |short| bind(fd.as_raw_fd(), &UnixAddr::new(short)?)).map_err(fail)?;
        setsockopt(&fd, sockopt::PassCred, &true).map_err(fail)?;
        listen(&fd, Backlog::MAXCONN).map_err(fail)?;
        Ok(Self { socket: UnixListener::from(fd) })
    }

    /// The same socket for another process.
    ///
    /// # Errors
    /// EMFILE.
    pub fn again(&self) -> std::io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()? })
    }

    /// Takes the next connection; `None` if nobody waits or the one who did may not connect.
    #[must_use]
    pub fn accept(&self) -> Option<OwnedFd> {
        let connection = OwnedFd::from(self.socket.accept().ok()?.0);
        setsockopt(&connection, sockopt::PassCred, &true).ok()?;
        let peer = getsockopt(&connection, sockopt::PeerCredentials).ok()?;
        // The runtime connects on the host, as root or as the user we run as. The file's permissions say the same.
        (peer.uid() == 0 || peer.uid() == geteuid().as_raw()).then_some(connection)
    }
}

impl AsFd for Server {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Reads one packet from a connection and answers what is about the container's walls. A listener is left to the caller, who
/// must answer with [`acknowledge`] once it is served.
///
/// # Errors
/// The connection is of no more use.
pub fn talk(connection: BorrowedFd<'_>, choice: &mut Choice) -> Result<Option<Joined>, Errno> {
    let packet = packet::receive(connection)?.ok_or(Errno::ECONNRESET)?;
    let noted = |told: bool| match told {
        true => Message::Noted,
        false => Message::Error("the container's walls stand already".into()),
    };
    match packet.message {
        Message::Filter => {
            let file = memory_file(&choice.walls().filter)?;
            packet::send(connection, &Message::Filter, Some(file.as_fd()))?;
            Ok(None)
        }
        Message::Ruleset => {
            let walls = choice.walls();
            let ruleset = walls.ruleset.as_ref().map(AsFd::as_fd);
            packet::send(connection, &Message::Ruleset, ruleset)?;
            Ok(None)
        }
        Message::Fenced => {
            let told = packet.fd.is_some_and(|ruleset| choice.fence(ruleset));
            packet::send(connection, &noted(told), None)?;
            Ok(None)
        }
        Message::Unfenced(reason) => {
            let told = choice.leave_unfenced(reason);
            packet::send(connection, &noted(told), None)?;
            Ok(None)
        }
        Message::Join => match joined(packet) {
            Ok(joined) => Ok(Some(joined)),
            Err(text) => {
                packet::send(connection, &Message::Error(text.into()), None)?;
                Ok(None)
            }
        },
        Message::Joined | Message::Noted | Message::Error(_) => Err(Errno::EBADMSG),
    }
}

/// Tells the process that handed a listener over what became of it.
///
/// # Errors
/// The connection is of no more use.
pub fn acknowledge(connection: BorrowedFd<'_>, outcome: Result<(), String>) -> Result<(), Errno> {
    let message = outcome.map_or_else(Message::Error, |()| Message::Joined);
    packet::send(connection, &message, None)
}

fn joined(packet: Packet) -> Result<Joined, &'static str> {
    let listener = packet.fd.ok_or("no listener came with the message")?;
    // The kernel fills the credentials in; 0 stands for a process that our pid namespace does not show.
    let entry = packet.sender.map_or(0, |sender| sender.pid());
    if entry == 0 {
        return Err("the sender has no number in the supervisor's pid namespace");
    }
    let link = format!("/proc/self/fd/{}", listener.as_raw_fd());
    match readlink(link.as_str()) {
        Ok(kind) if kind == "anon_inode:seccomp notify" => {
            Ok(Joined { listener, entry: Tid(entry) })
        }
        _ => Err("the descriptor is not a seccomp listener"),
    }
}

fn memory_file(filter: &Filter) -> Result<OwnedFd, Errno> {
    let mut file = File::from(memfd_create(c"filter", MFdFlags::MFD_CLOEXEC)?);
    let written = file.write_all(&filter.to_bytes()).and_then(|()| file.rewind());
    written.map_err(|_| Errno::EIO)?;
    Ok(file.into())
}

/// Names a socket by a descriptor of its folder: a socket's address holds 108 bytes, less than many paths (unix(7)).
pub(super) fn through_folder<T>(
    path: &Path,
    act: impl FnOnce(&Path) -> Result<T, Errno>,
) -> Result<T, Errno> {
    let (folder, name) = path.parent().zip(path.file_name()).ok_or(Errno::EINVAL)?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let folder = open(folder, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
    act(&short)
}

#[cfg(test)]
mod tests {
    use super::super::{Client, HandOffError, Walls};
    use super::*;
    use crate::confinement::{Confinement, Entry};
    use crate::fence::Fence;

    fn filter(value: u8) -> Filter {
        Filter::from_bytes(&[6, 0, 0, 0, value, 0, 0xff, 0x7f]).unwrap()
    }

    fn choice(fence: Option<Fence>) -> Choice {
        Choice::of(&Confinement {
            id: "test".into(),
            policies: policy::PolicySet { policies: vec![] },
            filter: filter(0),
            fence,
            sockets: None,
            constancy: Default::default(),
            audit: "/dev/null".into(),
            devices: vec![],
            entry: Entry::default(),
        })
    }

    /// The walls that a client gets after what it told.
    fn walls(choice: &mut Choice, tell: impl FnOnce(&Client) + Send) -> Walls {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (ours, theirs) =
            nix::sys::socket::socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)
                .unwrap();
        let client = Client::from_fd(theirs).unwrap();
        std::thread::scope(|scope| {
            let asking = scope.spawn(move || {
                tell(&client);
                client.walls().unwrap()
            });
            while talk(ours.as_fd(), choice).is_ok() {}
            asking.join().unwrap()
        })
    }

    #[test]
    fn the_cheaper_walls_stand_once_their_ruleset_is_there() {
        let fence = Fence {
            filter: filter(1),
            handled: 0,
            granted: 0,
            of_files: 0,
            rules: vec![],
            everywhere: 0,
            handled_ports: 0,
            ports: vec![],
        };
        let ruleset = || File::open("/dev/null").unwrap();
        let mut fenced = choice(Some(fence.clone()));
        let got = walls(&mut fenced, |client| client.tell_fence(Ok(ruleset().as_fd())).unwrap());
        assert!(got.filter == filter(1) && got.ruleset.is_some());
        let again = walls(&mut fenced, |client| {
            assert!(client.tell_fence(Ok(ruleset().as_fd())).is_err(), "a second time");
        });
        assert!(again.filter == filter(1) && again.ruleset.is_some());
        let mut unfenced = choice(Some(fence));
        let got = walls(&mut unfenced, |client| client.tell_fence(Err("unfit")).unwrap());
        assert!(got.filter == filter(0) && got.ruleset.is_none());
        assert_eq!(unfenced.unfenced(), Some("unfit"));
    }

    #[test]
    fn a_client_gets_the_filter_over_a_long_path() {
        let folder =
            std::env::temp_dir().join("f".repeat(150)).join(std::process::id().to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("supervisor.sock");
        let server = Server::bind(&path).unwrap();
        let client = Client::connect(&path).unwrap();
        let connection = server.accept().unwrap();
        let fetching = std::thread::spawn(move || client.walls());
        while talk(connection.as_fd(), &mut choice(None)).is_ok() {}
        let walls = fetching.join().unwrap().unwrap();
        assert!(walls.filter == filter(0) && walls.ruleset.is_none());
        std::fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }

    #[test]
    fn only_a_listener_may_join() {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (ours, theirs) =
            nix::sys::socket::socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)
                .unwrap();
        setsockopt(&ours, sockopt::PassCred, &true).unwrap();
        let file = File::open("/dev/null").unwrap();
        packet::send(theirs.as_fd(), &Message::Join, Some(file.as_fd())).unwrap();
        assert!(talk(ours.as_fd(), &mut choice(None)).unwrap().is_none());
        let client = Client::from_fd(theirs).unwrap();
        assert!(matches!(
            packet::receive(client.as_fd()).unwrap().unwrap().message,
            Message::Error(text) if text.contains("not a seccomp listener")
        ));
        drop(ours);
        assert!(matches!(client.walls(), Err(HandOffError::Talk(_))));
    }
}
