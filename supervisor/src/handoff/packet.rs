//! One packet with at most one descriptor.

use crate::notification::Tid;
use crate::sys::packet;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, UnixCredentials, sendmsg};
use nix::unistd::{getegid, geteuid};
use std::io::IoSlice;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Longest packet; error texts are cut to fit.
pub const LIMIT: usize = 1024;

/// What one side says to the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Asks for the container's filter, or brings it.
    Filter,
    /// Asks for the container's Landlock ruleset, or brings it; without a descriptor there is none.
    Ruleset,
    /// Brings the ruleset that goes with the cheaper of the container's two filters.
    Fenced,
    /// Tells why that one cannot be used.
    Unfenced(String),
    /// It was taken note of.
    Noted,
    /// Brings a listener.
    Join,
    /// The listener is served from now on.
    Joined,
    /// It did not work, and why.
    Error(String),
}

impl Message {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Filter => b"filter".to_vec(),
            Self::Ruleset => b"ruleset".to_vec(),
            Self::Fenced => b"fenced".to_vec(),
            Self::Noted => b"noted".to_vec(),
            Self::Unfenced(text) => spoken(b"unfenced ", text),
            Self::Join => b"join".to_vec(),
            Self::Joined => b"joined".to_vec(),
            Self::Error(text) => spoken(b"error ", text),
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            b"filter" => Some(Self::Filter),
            b"ruleset" => Some(Self::Ruleset),
            b"fenced" => Some(Self::Fenced),
            b"noted" => Some(Self::Noted),
            b"join" => Some(Self::Join),
            b"joined" => Some(Self::Joined),
            _ => {
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                match bytes.strip_prefix(b"error ") {
                    Some(reason) => Some(Self::Error(text(reason))),
                    None => Some(Self::Unfenced(text(bytes.strip_prefix(b"unfenced ")?))),
                }
            }
        }
    }
}

/// A word and a text that is cut to fit.
fn spoken(word: &[u8], text: &str) -> Vec<u8> {
    let mut bytes = word.to_vec();
    bytes.extend(text.bytes().take(LIMIT - word.len()));
    bytes
}

/// A packet as it arrived.
#[derive(Debug)]
pub struct Packet {
    /// What it says.
    pub message: Message,
    /// The descriptor that came with it.
    pub fd: Option<OwnedFd>,
    /// The process that sent it, as our pid namespace numbers it; only where the socket asks for it (`SO_PASSCRED`).
    pub sender: Option<UnixCredentials>,
}

/// Sends one packet.
///
/// # Errors
/// What sendmsg(2) says; EPIPE if the peer is gone.
pub fn send(
    socket: BorrowedFd<'_>,
    message: &Message,
    fd: Option<BorrowedFd<'_>>,
) -> Result<(), Errno> {
    let bytes = message.encode();
    let fds: Vec<RawFd> = fd.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&fds)];
    let control = if fds.is_empty() { &[][..] } else { &rights[..] };
    let parts = [IoSlice::new(&bytes)];
    sendmsg::<()>(socket.as_raw_fd(), &parts, control, MsgFlags::MSG_NOSIGNAL, None).map(drop)
}

/// Sends one packet in the name of another process.
///
/// # Errors
/// As [`send`]; ESRCH if there is no such process, EPERM without CAP_SYS_ADMIN.
pub fn send_for(
    socket: BorrowedFd<'_>,
    message: &Message,
    fd: BorrowedFd<'_>,
    process: Tid,
) -> Result<(), Errno> {
    let sender = UnixCredentials::from(libc::ucred {
        pid: process.0,
        uid: geteuid().as_raw(),
        gid: getegid().as_raw(),
    });
    let (bytes, fds) = (message.encode(), [fd.as_raw_fd()]);
    let control = [ControlMessage::ScmRights(&fds), ControlMessage::ScmCredentials(&sender)];
    let parts = [IoSlice::new(&bytes)];
    sendmsg::<()>(socket.as_raw_fd(), &parts, &control, MsgFlags::MSG_NOSIGNAL, None).map(drop)
}

/// Receives one packet; `None` at the end of the connection.
///
/// # Errors
/// EAGAIN after the socket's timeout, EBADMSG for a packet that is none of ours.
pub fn receive(socket: BorrowedFd<'_>) -> Result<Option<Packet>, Errno> {
    let mut bytes = [0; LIMIT];
    let mut got = packet::receive(socket, &mut bytes)?;
    if got.length == 0 {
        return Ok(None);
    }
    let message = Message::decode(&bytes[..got.length]).filter(|_| !got.cut);
    let message = message.ok_or(Errno::EBADMSG)?;
    Ok(Some(Packet { message, fd: got.fds.pop(), sender: got.sender }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    use std::os::fd::AsFd;

    fn pair() -> (OwnedFd, OwnedFd) {
        let flags = SockFlag::SOCK_CLOEXEC;
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).unwrap()
    }

    #[test]
    fn messages_and_descriptors_arrive() {
        let (one, other) = pair();
        let long = Message::Error("x".repeat(5000));
        send(one.as_fd(), &Message::Join, Some(one.as_fd())).unwrap();
        send(one.as_fd(), &long, None).unwrap();
        let first = receive(other.as_fd()).unwrap().unwrap();
        assert_eq!(first.message, Message::Join);
        assert!(first.fd.is_some());
        let second = receive(other.as_fd()).unwrap().unwrap();
        assert_eq!(second.message, Message::Error("x".repeat(LIMIT - 6)));
        assert!(second.fd.is_none());
    }

    #[test]
    fn the_end_and_rubbish_are_told_apart() {
        let (one, other) = pair();
        nix::unistd::write(&one, b"joine").unwrap();
        assert_eq!(receive(other.as_fd()).unwrap_err(), Errno::EBADMSG);
        drop(one);
        assert!(receive(other.as_fd()).unwrap().is_none());
    }
}
