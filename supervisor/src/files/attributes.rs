//! chmod(2), chown(2), utimensat(2), statfs(2) and their kin: performed on the object that was judged.

use super::{name, only, target};
use crate::caller::Caller;
use crate::host;
use crate::identity::Who;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::resolve::{Object, number};
use crate::sys::files::{self, Times};
use crate::worker::Worker;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat};
use nix::unistd::{Gid, Uid, fchownat};
use std::os::fd::AsFd;

/// chmod(2), fchmodat(2), fchmodat2(2).
pub fn chmod(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let notification = &request.notification;
    let (mode, flags) = match request.form.call().name {
        "chmod" => (notification.int(1), 0),
        "fchmodat" => (notification.int(2), 0),
        _ => (notification.int(2), notification.int(3)),
    };
    only(flags, libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH)?;
    let mode = Mode::from_bits_truncate(mode as u32);
    change(worker, caller, request, |object, number| {
        // A link's own mode means nothing, and the kernel keeps it as it is.
        if object.kind() == SFlag::S_IFLNK {
            return Err(Errno::EOPNOTSUPP);
        }
        fchmodat(host::descriptors(), number, mode, FchmodatFlags::FollowSymlink)
    })
}

/// chown(2), lchown(2), fchownat(2).
pub fn chown(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let notification = &request.notification;
    let (first, flags) = match request.form.call().name {
        "fchownat" => (2, notification.int(4)),
        _ => (1, 0),
    };
    only(flags, libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH)?;
    let id = |register| Some(notification.int(register) as u32).filter(|id| *id != u32::MAX);
    let (user, group) = (id(first).map(Uid::from_raw), id(first + 1).map(Gid::from_raw));
    if worker.identity.act_as(caller, Who::Effective)?.is_foreign(caller)? {
        return Err(Denial::because("the ids of a nested user namespace cannot be translated"));
    }
    change(worker, caller, request, |_, number| {
        fchownat(host::descriptors(), number, user, group, AtFlags::empty())
    })
}

/// utime(2), utimes(2), futimesat(2), utimensat(2).
pub fn times(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let notification = &request.notification;
    let (register, unit) = match request.form.call().name {
        "utime" => (1, Unit::Seconds),
        "utimes" => (1, Unit::Microseconds),
        "futimesat" => (2, Unit::Microseconds),
        _ => {
            only(notification.int(3), libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH)?;
            (2, Unit::Nanoseconds)
        }
    };
    let times = unit.read(caller, notification.arguments[register])?;
    change(worker, caller, request, |_, number| {
        files::set_times(host::descriptors(), number, times.as_ref())
    })
}

/// statfs(2).
pub fn statfs(_: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let bytes = files::statfs(name(request, 0)?.object()?.fd.as_fd())?;
    caller.write_memory(request.notification.arguments[1], &bytes)?;
    Ok(Reply::Value(0))
}

/// Changes an object as the caller, through its number among our descriptors.
fn change(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
    act: impl FnOnce(&Object, &str) -> Result<(), Errno>,
) -> Result<Reply, Denial> {
    let object = target(caller, request)?;
    let _acting = worker.identity.act_as(caller, Who::Effective)?;
    act(&object, &number(object.fd.as_fd()))?;
    Ok(Reply::Value(0))
}

/// How a call tells times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// `struct utimbuf`
    Seconds,
    /// `struct timeval[2]`
    Microseconds,
    /// `struct timespec[2]`
    Nanoseconds,
}

impl Unit {
    /// The times of access and of change; none means now.
    fn read(self, caller: &Caller<'_>, address: u64) -> Result<Option<Times>, Denial> {
        if address == 0 {
            return Ok(None);
        }
        let length = if self == Self::Seconds { 16 } else { 32 };
        let bytes = caller.read_memory(address, length)?;
        let words: Vec<i64> =
            bytes.as_chunks::<8>().0.iter().map(|word| i64::from_ne_bytes(*word)).collect();
        Ok(Some(self.times(&words)?))
    }

    fn times(self, words: &[i64]) -> Result<Times, Errno> {
        match (self, words) {
            (Self::Seconds, &[access, change]) => Ok([(access, 0), (change, 0)]),
            (Self::Nanoseconds, &[a, b, c, d]) => Ok([(a, b), (c, d)]),
            (Self::Microseconds, &[a, b, c, d]) => {
                let whole = 0..1_000_000;
                if whole.contains(&b) && whole.contains(&d) {
                    Ok([(a, b * 1000), (c, d * 1000)])
                } else {
                    Err(Errno::EINVAL)
                }
            }
            _ => Err(Errno::EFAULT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_in_three_units() {
        assert_eq!(Unit::Seconds.times(&[1, 2]), Ok([(1, 0), (2, 0)]));
        assert_eq!(Unit::Microseconds.times(&[1, 2, 3, 4]), Ok([(1, 2000), (3, 4000)]));
        assert_eq!(Unit::Microseconds.times(&[1, 1_000_000, 3, 4]), Err(Errno::EINVAL));
        assert_eq!(Unit::Nanoseconds.times(&[1, 2, 3, 4]), Ok([(1, 2), (3, 4)]));
    }
}
