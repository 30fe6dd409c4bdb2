//! connect(2), bind(2), sendto(2): performed on a duplicate of the caller's socket with the address that was judged.
//!
//! A duplicate is the same open file description, so what is done to it is done to the caller's socket. The network that is
//! reached is the one in which the socket was made, whoever connects it.

pub mod address;
mod named;
pub mod programs;

use crate::caller::Caller;
use crate::evidence::ContinueReason;
use crate::handlers::Row;
use crate::host;
use crate::identity::Who;
use crate::notification::{Denial, Reply};
use crate::request::{Argument, Request};
use crate::resolve;
use crate::sys::{signal, socket};
use crate::worker::Worker;
use address::Address;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{SockType, getsockopt, sockopt};
use nix::unistd::fchdir;
use std::os::fd::{AsFd, OwnedFd};

/// The calls of this family.
pub const HANDLERS: &[Row] = &[("connect", connect), ("bind", bind), ("sendto", send_to)];

/// No socket takes a longer message at once; the kernel says so with the same error.
const LONGEST_MESSAGE: usize = 4 << 20;

fn connect(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let address = address(request)?;
    if let Some(programs) = worker.container().sockets.clone() {
        let thread = (caller.tgid()?, caller.tid());
        let admitted = programs.admit(thread, &address.bytes);
        let full = |_| Denial::because("too many threads left an entry for a connection unused");
        if let Some(admitted) = admitted.map_err(full)? {
            return Ok(Reply::Continue(ContinueReason::HeldByProgram(admitted)));
        }
        programs.admit_ourselves().map_err(full)?;
    }
    let socket = caller.duplicate(request.notification.int(0))?;
    let waits = !is_nonblocking(&socket)? && !is_datagram(&socket)?;
    let wait = if waits { Wait::Long } else { Wait::No };
    reach(worker, caller, address, wait, |address| socket::connect(socket.as_fd(), address))?;
    Ok(Reply::Value(0))
}

/// With the caller's capabilities: they decide about ports below 1024.
fn bind(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let address = address(request)?;
    let socket = caller.duplicate(request.notification.int(0))?;
    if let Some(file) = &address.file {
        named::bind(worker, caller, socket.as_fd(), (address, file))?;
        return Ok(Reply::Value(0));
    }
    let _acting = worker.identity.act_as(caller, Who::Effective)?;
    socket::bind(socket.as_fd(), &address.bytes)?;
    Ok(Reply::Value(0))
}

fn send_to(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let address = address(request)?;
    let [_, payload, length, ..] = request.notification.arguments;
    let flags = request.notification.int(3);
    if flags & libc::MSG_FASTOPEN != 0 {
        // It would connect without a connect(2). This error makes programs do that instead (tcp(7)).
        return Err(Errno::EOPNOTSUPP.into());
    }
    let socket = caller.duplicate(request.notification.int(0))?;
    let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST_MESSAGE);
    let payload = caller.read_memory(payload, length.ok_or(Errno::EMSGSIZE)?)?;
    // SIGPIPE is for the caller and not for us.
    let send = |more: i32| {
        let flags = flags | libc::MSG_NOSIGNAL | more;
        let (socket, payload) = (socket.as_fd(), payload.as_slice());
        move |address: &[u8]| socket::send_to(socket, payload, flags, address)
    };
    let mut sent = reach(worker, caller, address, Wait::No, send(libc::MSG_DONTWAIT));
    let waits = flags & libc::MSG_DONTWAIT == 0 && !is_nonblocking(&socket)?;
    if waits && matches!(sent, Err(Denial::Caller(Errno::EAGAIN))) {
        sent = reach(worker, caller, address, Wait::Long, send(0));
    }
    if flags & libc::MSG_NOSIGNAL == 0 && matches!(sent, Err(Denial::Caller(Errno::EPIPE))) {
        caller.confirm()?;
        signal::signal_thread(caller.tgid()?.0, caller.tid().0, libc::SIGPIPE)?;
    }
    Ok(Reply::Value(sent?.cast_signed() as i64))
}

/// Whether a call may take long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    No,
    Long,
}

/// Does something with the address that was judged.
fn reach<T>(
    worker: &mut Worker,
    caller: &Caller<'_>,
    address: &Address,
    wait: Wait,
    act: impl FnOnce(&[u8]) -> Result<T, Errno>,
) -> Result<T, Denial> {
    let pool = worker.pool();
    let Some(file) = &address.file else {
        return match wait {
            Wait::No => Ok(act(&address.bytes)?),
            Wait::Long => pool.block(caller, || act(&address.bytes)),
        };
    };
    let object = file.object()?;
    let acting = worker.identity.act_as(caller, Who::Effective)?;
    // The name of our descriptor leads to the file that was judged, whatever has become of its own name.
    fchdir(host::descriptors())?;
    let name = address::unix(resolve::number(object.fd.as_fd()).as_bytes());
    let peer = caller.status()?;
    match wait {
        Wait::No => Ok(acting.as_peer(peer, || act(&name))?),
        Wait::Long => pool.block(caller, || acting.as_peer(peer, || act(&name))),
    }
}

/// The address of the call. The kernel refuses to connect or bind without one.
fn address(request: &Request) -> Result<&Address, Denial> {
    let address = request.arguments.iter().find_map(|argument| match argument {
        Argument::Address(address) => Some(address),
        _ => None,
    });
    address.ok_or(Errno::EINVAL.into())
}

fn is_nonblocking(socket: &OwnedFd) -> Result<bool, Errno> {
    let flags = fcntl(socket, FcntlArg::F_GETFL)?;
    Ok(OFlag::from_bits_truncate(flags).contains(OFlag::O_NONBLOCK))
}

fn is_datagram(socket: &OwnedFd) -> Result<bool, Errno> {
    getsockopt(socket, sockopt::SockType).map(|kind| kind == SockType::Datagram)
}
