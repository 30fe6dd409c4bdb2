//! recvmsg(2) with a descriptor: the only place where a number from the kernel becomes an owned descriptor.

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg};
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// What one recvmsg(2) brought beside the bytes.
#[derive(Debug)]
pub struct Received {
    /// How many bytes there are.
    pub length: usize,
    /// The packet was longer than the buffer.
    pub cut: bool,
    /// The descriptors (close-on-exec).
    pub fds: Vec<OwnedFd>,
    /// Who sent it, if the socket has `SO_PASSCRED`.
    pub sender: Option<UnixCredentials>,
}

/// Receives one packet.
///
/// # Errors
/// What recvmsg(2) says; EAGAIN after the socket's timeout.
pub fn receive(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> Result<Received, Errno> {
    let mut space = cmsg_space!([RawFd; 1], UnixCredentials);
    let mut parts = [IoSliceMut::new(bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let got = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let mut received = Received {
        length: got.bytes,
        cut: got.flags.contains(MsgFlags::MSG_TRUNC),
        fds: Vec::new(),
        sender: None,
    };
    for control in got.cmsgs()? {
        match control {
            ControlMessageOwned::ScmRights(raw) => {
                // SAFETY: the kernel has just installed these descriptors for us; nobody else knows their numbers.
                let own = |fd| unsafe { OwnedFd::from_raw_fd(fd) };
                received.fds.extend(raw.into_iter().map(own));
            }
            ControlMessageOwned::ScmCredentials(sender) => received.sender = Some(sender),
            _ => {}
        }
    }
    Ok(received)
}
