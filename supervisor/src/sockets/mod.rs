//! connect(2), bind(2), and the calls that send: performed on a duplicate of the caller's socket with the address that was judged.
//!
//! A duplicate is the same open file description, so what is done to it is done to the caller's socket. The network that is
//! reached is the one in which the socket was made, whoever connects it.

pub mod address;
mod control;
pub mod header;
mod named;
pub mod programs;
mod send;

use crate::caller::Caller;
use crate::evidence::ContinueReason;
use crate::handlers::Row;
use crate::host;
use crate::identity::Who;
use crate::notification::{Denial, Reply};
use crate::request::{Argument, Request};
use crate::resolve::{self, Resolved};
use crate::sys::socket;
use crate::worker::Worker;
use address::Address;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{SockType, getsockopt, sockopt};
use nix::unistd::fchdir;
use std::os::fd::{AsFd, OwnedFd};

/// The calls of this family.
pub const HANDLERS: &[Row] = &[
    ("connect", connect),
    ("bind", bind),
    ("sendto", send::send_to),
    ("sendmsg", send::send_message),
    ("sendmmsg", send::send_messages),
];

fn connect(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let address = address(request)?;
    if let Some(programs) = worker.container().sockets.clone() {
        let thread = (caller.tgid()?, caller.tid());
        let full = |_| Denial::because("no room to enter the connection for the kernel");
        if !worker.identity.is_assumed()
            && let Some(admitted) =
                caller.fully(|| programs.admit(thread, &address.bytes)).map_err(full)?
        {
            return Ok(Reply::Continue(ContinueReason::HeldByProgram(admitted)));
        }
        caller.fully(|| programs.admit_ourselves()).map_err(full)?;
    }
    let socket = caller.duplicate(request.notification.int(0))?;
    let waits = !is_datagram(&socket)? && !is_nonblocking(&socket)?;
    let wait = if waits { Wait::Long } else { Wait::No };
    let connect =
        |address: Option<&[u8]>| socket::connect(socket.as_fd(), address.unwrap_or_default());
    // With an address of another family a unix socket reaches nobody who could ask who it is (`unix_validate_addr`, net/unix/af_unix.c).
    let is_unix = address.is_unix() && is_unix(&socket)?;
    let way = Way { address: Some(address), is_unix, wait };
    reach(worker, caller, way, connect)?;
    Ok(Reply::Value(0))
}

/// With the caller's capabilities: they decide about ports below 1024.
fn bind(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let address = address(request)?;
    let socket = caller.duplicate(request.notification.int(0))?;
    if let Some(file) = address.file.as_ref().filter(|_| is_unix(&socket) == Ok(true)) {
        named::bind(worker, caller, socket.as_fd(), (address, file))?;
        return Ok(Reply::Value(0));
    }
    let _acting = worker.identity.act_as(caller, Who::Effective)?;
    socket::bind(socket.as_fd(), &address.bytes)?;
    Ok(Reply::Value(0))
}

/// Whether a call may take long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    No,
    Long,
}

/// How something is done with a socket.
#[derive(Debug, Clone, Copy)]
struct Way<'a> {
    /// To which address, if not to what the socket is connected to.
    address: Option<&'a Address>,
    /// The other side may see who does it.
    is_unix: bool,
    wait: Wait,
}

/// Does something with the address that was judged, or without one, as the caller: some families ask for capabilities.
fn reach<T>(
    worker: &mut Worker,
    caller: &Caller<'_>,
    Way { address, is_unix, wait }: Way<'_>,
    act: impl FnOnce(Option<&[u8]>) -> Result<T, Errno>,
) -> Result<T, Denial> {
    let pool = worker.pool();
    // Only a unix socket looks for a file; others say what they think of such an address.
    let file = address.filter(|_| is_unix).and_then(|address| address.file.as_ref());
    let object = file.map(Resolved::object).transpose()?;
    let acting = worker.identity.act_as(caller, Who::Effective)?;
    let number = match object {
        None => None,
        // The name of our descriptor leads to the file that was judged, whatever has become of its own name.
        Some(object) => {
            fchdir(host::descriptors())?;
            Some(address::unix(resolve::number(object.fd.as_fd()).as_bytes()))
        }
    };
    let bytes = number.as_deref().or(address.map(|address| address.bytes.as_slice()));
    let peer = caller.status()?;
    let act = || if is_unix { acting.as_peer(peer, || act(bytes)) } else { act(bytes) };
    match wait {
        Wait::No => Ok(act()?),
        Wait::Long => pool.block(caller, act),
    }
}

/// The address of a connect(2) or bind(2). The kernel refuses to do either without one.
fn address(request: &Request) -> Result<&Address, Denial> {
    given(request).ok_or_else(|| match request.notification.arguments[2] as u32 {
        // It asks for the length first (`move_addr_to_kernel`).
        1..=LONGEST_ADDRESS => Errno::EFAULT.into(),
        _ => Errno::EINVAL.into(),
    })
}

const LONGEST_ADDRESS: u32 = size_of::<libc::sockaddr_storage>() as u32;

/// The address of the call, if it has one.
fn given(request: &Request) -> Option<&Address> {
    request.arguments.iter().find_map(|argument| match argument {
        Argument::Address(address) => Some(address),
        _ => None,
    })
}

fn is_nonblocking(socket: &OwnedFd) -> Result<bool, Errno> {
    let flags = fcntl(socket, FcntlArg::F_GETFL)?;
    Ok(OFlag::from_bits_truncate(flags).contains(OFlag::O_NONBLOCK))
}

fn is_unix(socket: &OwnedFd) -> Result<bool, Errno> {
    Ok(socket::option(socket.as_fd(), libc::SO_DOMAIN)? == libc::AF_UNIX)
}

fn is_datagram(socket: &OwnedFd) -> Result<bool, Errno> {
    getsockopt(socket, sockopt::SockType).map(|kind| kind == SockType::Datagram)
}
