//! bind(2) to a file's name. The socket shows the name for ever after (getsockname(2)), so it is made under the whole name that
//! its program gave, though the kernel then looks the folders up again.
//!
//! A thread does it that ends afterwards and that Landlock lets make sockets only below the folder that was judged. So whatever
//! has become of the name, no other place is reached but a folder below that one; and what was made is compared with what was
//! judged. Where the kernel has no Landlock, or a name leads through the caller's own proc files, the socket is made in
//! the judged folder and shows the last part of its name only.

use super::address::{self, Address};
use crate::caller::Caller;
use crate::identity::Who;
use crate::notification::Denial;
use crate::processes::FileId;
use crate::resolve::{Entry, Resolved};
use crate::sys::{landlock, signal, socket};
use crate::worker::Worker;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::fchdir;
use std::os::fd::{AsFd, BorrowedFd};

/// Binds a socket to the name that was judged.
pub fn bind(
    worker: &mut Worker,
    caller: &Caller<'_>,
    socket: BorrowedFd<'_>,
    (address, file): (&Address, &Resolved),
) -> Result<(), Denial> {
    let place = file.entry()?;
    let short = address::unix(place.last.to_bytes());
    let given = |bytes: &[u8]| address::path(bytes);
    if given(&address.bytes) != given(&short) {
        let cwd = caller.cwd()?;
        let acting = worker.identity.act_as(caller, Who::Effective)?;
        fchdir(&cwd)?;
        if in_full(socket, place, &address.bytes).is_ok() {
            let made = acting.with_our_powers(|| FileId::of(landlock::file_of(socket)?));
            return confirm(caller, place, made);
        }
    }
    // The last component is made in the folder that was judged; no link is followed there.
    let _acting = worker.identity.act_as(caller, Who::Effective)?;
    fchdir(&place.folder)?;
    Ok(socket::bind(socket, &short)?)
}

/// With the caller's capabilities and from its working directory, which the thread has from its parent.
fn in_full(socket: BorrowedFd<'_>, place: &Entry, address: &[u8]) -> Result<(), Errno> {
    std::thread::scope(|scope| {
        let act = || {
            landlock::make_sockets_only_below(place.folder.as_fd())?;
            socket::bind(socket, address)
        };
        let thread = std::thread::Builder::new().spawn_scoped(scope, act);
        thread.map_err(|_| Errno::EAGAIN)?.join().unwrap_or(Err(Errno::ECANCELED))
    })
}

/// Whoever exchanged a folder meanwhile has a socket in the wrong one, and does not live to use it.
fn confirm(caller: &Caller<'_>, place: &Entry, made: Result<FileId, Errno>) -> Result<(), Denial> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let judged = openat(&place.folder, place.last.as_c_str(), flags, Mode::empty());
    if made.is_ok() && made == judged.and_then(FileId::of) {
        return Ok(());
    }
    caller.confirm()?;
    let (process, thread) = (caller.tgid()?.0, caller.tid().0);
    caller.fully(|| signal::signal_thread(process, thread, libc::SIGKILL))?;
    Err(Denial::because("the folder was exchanged after the socket's name was judged"))
}
