//! open(2), openat(2), openat2(2), creat(2).
//!
//! What exists is opened again through our descriptor of it; what does not is created where the judged name said, and only
//! if it still does not exist. So nothing is ever opened by a name that could have changed its meaning since.

use super::{name, o_path, settle, tty};
use crate::caller::Caller;
use crate::host;
use crate::identity::Who;
use crate::notification::{Denial, Notification, Reply};
use crate::request::{OpenHow, Request};
use crate::resolve::{Entry, Found, Object, Resolved, may_reuse, number};
use crate::sys::files::check_open_flags;
use crate::worker::Worker;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, ResolveFlag, openat, openat2};
use nix::sys::stat::{Mode, SFlag};
use std::os::fd::{AsFd, OwnedFd};

/// Flags that every kernel takes together with any other: no need to ask.
const PLAIN: i32 = libc::O_ACCMODE
    | libc::O_CLOEXEC
    | libc::O_NONBLOCK
    | libc::O_NOFOLLOW
    | libc::O_LARGEFILE
    | libc::O_CREAT
    | libc::O_EXCL
    | libc::O_TRUNC
    | libc::O_APPEND
    | libc::O_NOCTTY;

/// How a file is opened.
#[derive(Debug, Clone, Copy)]
struct How {
    flags: i32,
    mode: u32,
}

/// Performs any call of the family.
pub fn open(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let how = How::of(request)?;
    how.check(request.open_how.as_ref())?;
    if how.has(libc::O_PATH)
        && let Some(reply) = o_path::by_the_caller(worker, caller, request)?
    {
        return Ok(reply);
    }
    let fd = settle(worker, caller, name(request, 0)?, |worker, resolved| {
        attempt(worker, caller, resolved, how)
    })?;
    Ok(Reply::Descriptor { fd, cloexec: how.has(libc::O_CLOEXEC) })
}

/// The flags of an open, if the call is one.
pub(super) fn flags(call: &str, notification: &Notification, how: Option<&OpenHow>) -> Option<i32> {
    match call {
        "open" => Some(notification.int(1)),
        "openat" => Some(notification.int(2)),
        "openat2" => how.map(|how| how.flags as i32),
        "creat" => Some(libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC),
        _ => None,
    }
}

/// `O_PATH` makes the kernel ignore `O_CREAT` (open(2)).
pub(super) fn creates(flags: i32) -> bool {
    flags & (libc::O_CREAT | libc::O_PATH) == libc::O_CREAT
}

impl How {
    fn of(request: &Request) -> Result<Self, Denial> {
        let (call, notification) = (request.form.call().name, &request.notification);
        let how = request.open_how.as_ref();
        let flags = flags(call, notification, how);
        let mode = match call {
            "open" => notification.arguments[2],
            "openat" => notification.arguments[3],
            "creat" => notification.arguments[1],
            _ => how.map_or(0, |how| how.mode),
        };
        let flags = flags.ok_or_else(|| Denial::because("the flags of openat2 were not read"))?;
        Ok(Self { flags, mode: mode as u32 & 0o7777 })
    }

    fn has(self, flag: i32) -> bool {
        self.flags & flag == flag
    }

    /// What the kernel says of the flags before it looks at the name.
    fn check(self, how: Option<&OpenHow>) -> Result<(), Errno> {
        match how {
            Some(how) => check_how(how),
            None if self.flags & !PLAIN == 0 => Ok(()),
            None => check_open_flags(self.flags, self.mode),
        }
    }

    /// The flags for the file itself, once the name has been dealt with. We never want a controlling terminal.
    fn again(self) -> OFlag {
        let flags = self.flags & !(libc::O_CREAT | libc::O_NOFOLLOW);
        OFlag::from_bits_retain(flags | libc::O_NOCTTY | libc::O_CLOEXEC)
    }

    /// The flags for a file that must not exist yet.
    fn fresh(self) -> OFlag {
        let more = libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        OFlag::from_bits_retain(self.flags | more)
    }

    /// `r` and `w` as permission checks see them.
    pub fn access(self) -> (bool, bool) {
        let mode = self.flags & libc::O_ACCMODE;
        (mode != libc::O_WRONLY, mode != libc::O_RDONLY || self.has(libc::O_TRUNC))
    }
}

fn check_how(how: &OpenHow) -> Result<(), Errno> {
    // Every flag and mode bit that exists fits in 32 bits, and the kernel refuses the others.
    if (how.flags | how.mode) >> 32 != 0 {
        return Err(Errno::EINVAL);
    }
    let probe = nix::fcntl::OpenHow::new()
        .flags(OFlag::from_bits_retain(how.flags as i32))
        .mode(Mode::from_bits_retain(how.mode as u32))
        .resolve(ResolveFlag::from_bits_retain(how.resolve));
    match openat2(AT_FDCWD, "", probe) {
        Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno),
        Ok(_) => Err(Errno::EINVAL),
    }
}

fn attempt(
    worker: &mut Worker,
    caller: &Caller<'_>,
    resolved: &Resolved,
    how: How,
) -> Result<Option<OwnedFd>, Denial> {
    match &resolved.found {
        Found::Nothing(errno) => Err((*errno).into()),
        Found::Entry(entry) => create(worker, caller, entry, how),
        Found::Object(object) => {
            if creates(how.flags) {
                reuse(worker, caller, resolved, how)?;
            }
            existing(worker, caller, object, how).map(Some)
        }
    }
}

fn create(
    worker: &mut Worker,
    caller: &Caller<'_>,
    entry: &Entry,
    how: How,
) -> Result<Option<OwnedFd>, Denial> {
    let _acting = worker.identity.act_as(caller, Who::Effective)?;
    let mode = Mode::from_bits_retain(how.mode);
    match openat(&entry.folder, entry.last.as_c_str(), how.fresh(), mode) {
        // Somebody was quicker. That is an error only if the caller wanted to be the one.
        Err(Errno::EEXIST) if !how.has(libc::O_EXCL) => Ok(None),
        other => Ok(Some(other?)),
    }
}

/// `O_CREAT` on what exists.
fn reuse(
    worker: &mut Worker,
    caller: &Caller<'_>,
    resolved: &Resolved,
    how: How,
) -> Result<(), Denial> {
    let object = resolved.object()?;
    if how.has(libc::O_EXCL) {
        return Err(Errno::EEXIST.into());
    }
    if object.kind() == SFlag::S_IFDIR {
        return Err(Errno::EISDIR.into());
    }
    let acting = worker.identity.act_as(caller, Who::Effective)?;
    Ok(may_reuse(&acting, &object.status, &resolved.name)?)
}

fn existing(
    worker: &mut Worker,
    caller: &Caller<'_>,
    object: &Object,
    how: How,
) -> Result<OwnedFd, Denial> {
    if how.has(libc::O_PATH) {
        let _acting = worker.identity.act_as(caller, Who::Effective)?;
        return readable(object, how);
    }
    let kind = object.kind();
    if matches!(kind, SFlag::S_IFCHR | SFlag::S_IFBLK)
        && !worker.container().devices.permit(kind, object.status.st_rdev, how.access())
    {
        return Err(Errno::EPERM.into());
    }
    let pool = worker.pool();
    let acting = worker.identity.act_as(caller, Who::Effective)?;
    if tty::is_tty(object) {
        return tty::open(&acting, caller, object, how.again());
    }
    if kind == SFlag::S_IFIFO && !how.has(libc::O_NONBLOCK) {
        // fifo(7): the open waits for the other end.
        return pool.block(caller, || reopen(object, how));
    }
    Ok(reopen(object, how)?)
}

fn reopen(object: &Object, how: How) -> Result<OwnedFd, Errno> {
    let number = number(object.fd.as_fd());
    let mode = Mode::from_bits_retain(how.mode);
    openat(host::descriptors(), number.as_str(), how.again(), mode)
}

/// The kernel hands over no `O_PATH` descriptor (`SECCOMP_IOCTL_NOTIF_ADDFD` gives EBADF). For folders and plain files, one
/// opened for reading serves the same purposes, if the caller may read them; reading was judged.
fn readable(object: &Object, how: How) -> Result<OwnedFd, Denial> {
    let kept = how.flags & (libc::O_DIRECTORY | libc::O_CLOEXEC);
    match object.kind() {
        SFlag::S_IFDIR | SFlag::S_IFREG => Ok(reopen(object, How { flags: kept, mode: 0 })?),
        _ if how.has(libc::O_DIRECTORY) => Err(Errno::ENOTDIR.into()),
        // The C library opens a link so to change its mode (tar does, for each one), and says this of every link in the end.
        SFlag::S_IFLNK => Err(Errno::EOPNOTSUPP.into()),
        _ => Err(Denial::because("only of a folder or a plain file can O_PATH be handed over")),
    }
}
