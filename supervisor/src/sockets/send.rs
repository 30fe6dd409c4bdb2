//! sendto(2), sendmsg(2), sendmmsg(2): the message that was judged is sent on a duplicate of the caller's socket.
//!
//! The payload is not judged, so it is read when it is sent; like all else it is read once.

use super::control::Control;
use super::header::{Part, place_of_sent};
use super::{Wait, Way, given, reach};
use crate::caller::Caller;
use crate::memory;
use crate::notification::{Denial, Reply};
use crate::request::{Argument, Message, Request};
use crate::sockets::address::Address;
use crate::sys::pages::Pages;
use crate::sys::{signal, socket};
use crate::worker::Worker;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use std::os::fd::{AsFd, OwnedFd};

/// Streams are sent in pieces of this size: many may wait at a time, and ours is not the container's memory.
const PIECE: u64 = 128 << 10;

/// The longest datagram of the internet families, whatever the socket's buffer.
const DATAGRAM: u64 = 64 << 10;

/// linux/socket.h: sendto(2) does not heed it, sendmsg(2), with which we send, refuses it.
const MSG_CMSG_COMPAT: i32 = i32::MIN;

/// The caller's socket and what decides how it is written to.
struct Socket {
    fd: OwnedFd,
    family: i32,
    is_stream: bool,
    waits: bool,
    /// No datagram is longer than the buffer (EMSGSIZE, unix(7), udp(7)).
    longest: u64,
}

impl Socket {
    fn of(caller: &Caller<'_>, number: i32) -> Result<Self, Denial> {
        let fd = caller.duplicate(number)?;
        let kind = socket::option(fd.as_fd(), libc::SO_TYPE)?;
        let family = socket::option(fd.as_fd(), libc::SO_DOMAIN)?;
        let waits = fcntl(&fd, FcntlArg::F_GETFL)? & libc::O_NONBLOCK == 0;
        let buffer = socket::option(fd.as_fd(), libc::SO_SNDBUF)?;
        let longest = u64::from(buffer.unsigned_abs()).max(DATAGRAM);
        Ok(Self { fd, family, is_stream: kind == libc::SOCK_STREAM, waits, longest })
    }
}

impl Socket {
    /// How much is sent at once.
    fn room(&self) -> u64 {
        if self.is_stream { PIECE } else { self.longest }
    }
}

/// One message on its way.
struct Outgoing<'m> {
    address: Option<&'m Address>,
    /// It has an address of no length.
    to_nothing: bool,
    parts: &'m [Part],
    control: Part,
    flags: i32,
}

/// sendto(2).
pub fn send_to(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let [_, payload, length, _, address_at, _] = request.notification.arguments;
    let socket = Socket::of(caller, request.notification.int(0))?;
    let address = given(request);
    let outgoing = Outgoing {
        to_nothing: address.is_none() && address_at != 0,
        address,
        parts: &[(payload, length)],
        control: (0, 0),
        flags: request.notification.int(3) & !MSG_CMSG_COMPAT,
    };
    Ok(Reply::Value(outgoing.send(worker, caller, &socket)?))
}

/// sendmsg(2).
pub fn send_message(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let message = messages(request)?.first().ok_or(Errno::EFAULT)?;
    let socket = Socket::of(caller, request.notification.int(0))?;
    let outgoing = Outgoing::of(message, request.notification.int(2));
    Ok(Reply::Value(outgoing.send(worker, caller, &socket)?))
}

/// sendmmsg(2). Once a message was sent, an error only ends the row (`__sys_sendmmsg`).
pub fn send_messages(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let vector = request.notification.arguments[1];
    let flags = request.notification.int(3);
    let socket = Socket::of(caller, request.notification.int(0))?;
    let mut sent = 0;
    for (index, message) in messages(request)?.iter().enumerate() {
        let flags = flags | message.header.flags & libc::MSG_EOR;
        let length = Outgoing::of(message, flags).send(worker, caller, &socket);
        let told = length.and_then(|length| {
            caller.write_memory(place_of_sent(vector, index), &(length as u32).to_ne_bytes())?;
            Ok(length)
        });
        match told {
            Err(Denial::Gone) => return Err(Denial::Gone),
            Err(_) if sent > 0 => break,
            Err(denial) => return Err(denial),
            Ok(length) => {
                sent += 1;
                if length.cast_unsigned() < message.header.length() {
                    break;
                }
            }
        }
    }
    Ok(Reply::Value(sent))
}

fn messages(request: &Request) -> Result<&[Message], Denial> {
    let messages = request.arguments.iter().find_map(|argument| match argument {
        Argument::Messages(messages) => Some(messages.as_slice()),
        _ => None,
    });
    messages.ok_or_else(|| Denial::because("the message was not read"))
}

impl<'m> Outgoing<'m> {
    fn of(message: &'m Message, flags: i32) -> Self {
        let Message { header, address } = message;
        let (parts, control) = (&header.parts, header.control);
        Self { address: address.as_ref(), to_nothing: false, parts, control, flags }
    }

    /// Sends it, with the signal for a stream that nobody reads any more.
    fn send(
        &self,
        worker: &mut Worker,
        caller: &Caller<'_>,
        socket: &Socket,
    ) -> Result<i64, Denial> {
        if self.flags & libc::MSG_FASTOPEN != 0 {
            // It would connect without a connect(2). This error makes programs do that instead (tcp(7)).
            return Err(Errno::EOPNOTSUPP.into());
        }
        let sent = self.send_all(worker, caller, socket);
        // SIGPIPE is for the caller and not for us.
        let signals = socket.is_stream && self.flags & libc::MSG_NOSIGNAL == 0;
        if signals && matches!(sent, Err(Denial::Caller(Errno::EPIPE))) {
            caller.confirm()?;
            signal::signal_thread(caller.tgid()?.0, caller.tid().0, libc::SIGPIPE)?;
        }
        Ok(sent?.cast_signed())
    }

    /// A datagram goes at once. A stream goes piece by piece, as far as it can; what follows the first piece is not lost to an error.
    fn send_all(
        &self,
        worker: &mut Worker,
        caller: &Caller<'_>,
        socket: &Socket,
    ) -> Result<u64, Denial> {
        let total = self.parts.iter().fold(0, |sum: u64, (_, length)| sum.saturating_add(*length));
        if !socket.is_stream && total > socket.longest {
            return Err(Errno::EMSGSIZE.into());
        }
        let control = Control::read(caller, self.control)?;
        let container = std::sync::Arc::clone(worker.container());
        let mut control = Control::of(caller, &container, socket.family, control)?;
        let mut sent = 0;
        loop {
            let piece = Piece {
                payload: gather(caller, &cut(self.parts, sent, socket.room()))?,
                control: &control,
                flags: self.flags | libc::MSG_NOSIGNAL,
                to_nothing: self.to_nothing,
                socket,
            };
            let length = piece.length();
            match self.send_piece(worker, caller, &piece) {
                Err(_) if sent > 0 => return Ok(sent),
                Err(denial) => return Err(denial),
                Ok(more) => {
                    sent += more as u64;
                    if sent >= total || !socket.is_stream || more < length && !self.waits(socket) {
                        return Ok(sent);
                    }
                }
            }
            // Descriptors go with the first piece; the sender is named with each.
            control = Control::of(caller, &container, socket.family, Vec::new())?;
        }
    }

    fn waits(&self, socket: &Socket) -> bool {
        socket.waits && self.flags & libc::MSG_DONTWAIT == 0
    }

    /// Tries without waiting first: most messages find room.
    fn send_piece(
        &self,
        worker: &mut Worker,
        caller: &Caller<'_>,
        piece: &Piece<'_>,
    ) -> Result<usize, Denial> {
        let is_unix = piece.socket.family == libc::AF_UNIX;
        let way = Way { address: self.address, is_unix, wait: Wait::No };
        let sent = reach(worker, caller, way, |address| piece.send(address, libc::MSG_DONTWAIT));
        if self.waits(piece.socket) && matches!(sent, Err(Denial::Caller(Errno::EAGAIN))) {
            let way = Way { wait: Wait::Long, ..way };
            return reach(worker, caller, way, |address| piece.send(address, 0));
        }
        sent
    }
}

/// What one call of ours sends.
struct Piece<'p> {
    payload: Vec<u8>,
    control: &'p Control,
    flags: i32,
    to_nothing: bool,
    socket: &'p Socket,
}

impl Piece<'_> {
    fn length(&self) -> usize {
        self.payload.len()
    }

    fn send(&self, address: Option<&[u8]>, more: i32) -> Result<usize, Errno> {
        let flags = self.flags | more;
        let socket = self.socket.fd.as_fd();
        if self.to_nothing && self.socket.family != libc::AF_UNIX {
            return socket::send_to_nothing(socket, &self.payload, flags);
        }
        if flags & libc::MSG_ZEROCOPY != 0 {
            // The kernel sends these pages later. They stay its own: nobody writes to them once they are unmapped here.
            let pages = Pages::holding(&self.payload)?;
            return socket::send_message(
                socket,
                pages.bytes(),
                &self.control.bytes,
                flags,
                address,
            );
        }
        if self.socket.family != libc::AF_UNIX {
            return socket::send_message(
                socket,
                &self.payload,
                &self.control.bytes,
                flags,
                address,
            );
        }
        self.check_flight()?;
        socket::naming_others(|| {
            socket::send_message(socket, &self.payload, &self.control.bytes, flags, address)
        })
    }

    /// How many descriptors a user may have on their way is not limited for the capability that it takes to name another process
    /// (`too_many_unix_fds`). So the kernel is asked first without it.
    fn check_flight(&self) -> Result<(), Errno> {
        if self.control.held.is_empty() {
            return Ok(());
        }
        let (one, _other) = std::os::unix::net::UnixDatagram::pair().map_err(|_| Errno::EMFILE)?;
        match socket::send_message(one.as_fd(), &[0], &self.control.rights(), 0, None) {
            Err(Errno::ETOOMANYREFS) => Err(Errno::ETOOMANYREFS),
            _ => Ok(()),
        }
    }
}

/// The parts that are left after so many bytes, as far as there is room.
fn cut(parts: &[Part], sent: u64, mut room: u64) -> Vec<Part> {
    let mut skip = sent;
    let mut cut = Vec::with_capacity(parts.len());
    for (at, length) in parts {
        let skipped = skip.min(*length);
        skip -= skipped;
        let length = (length - skipped).min(room);
        room -= length;
        if length > 0 {
            cut.push((at.wrapping_add(skipped), length));
        }
    }
    cut
}

fn gather(caller: &Caller<'_>, parts: &[Part]) -> Result<Vec<u8>, Denial> {
    // The capabilities of an earlier act may linger in this thread.
    let bytes = caller.fully(|| memory::gather(caller.tid(), parts));
    caller.confirm()?;
    Ok(bytes?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_cut_off() {
        let parts = [(100, 10), (200, 0), (300, 5)];
        assert_eq!(cut(&parts, 0, 99), [(100, 10), (300, 5)]);
        assert_eq!(cut(&parts, 4, 99), [(104, 6), (300, 5)]);
        assert_eq!(cut(&parts, 10, 99), [(300, 5)]);
        assert_eq!(cut(&parts, 15, 99), []);
        assert_eq!(cut(&parts, 1, 11), [(101, 9), (300, 2)]);
    }
}
