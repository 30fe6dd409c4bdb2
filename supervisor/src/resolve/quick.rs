//! The usual case: the kernel walks the name in one call, and nothing on the way depends on who asks.

use super::label::{child, join, label, spoken_start};
use super::mounts::Mounts;
use super::{Aim, Entry, Found, LinkText, Name, Object, Outcome, open_component, open_path};
use crate::notification::Denial;
use crate::sys::files::{file_system, look};
use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Resolves a name with the kernel's own walk. `None` if the walk by hand has to tell.
///
/// proc(5) is left to the walk: there `self` and magic links depend on who asks. A name that passes through proc(5) and leaves
/// it again without a magic link (`/proc/self/../../etc`) means the same to everybody.
pub(super) fn resolve(name: &Name, start: Option<&OwnedFd>, mounts: &mut Mounts) -> Outcome {
    let start = start.map(AsFd::as_fd);
    if name.restrictions.bits() & libc::RESOLVE_CACHED != 0 {
        // openat2(2): the name is not fully cached, as far as the caller can know; it asks again without the flag.
        return refused(name, start, Errno::EAGAIN);
    }
    if name.path.is_empty() {
        return empty(name, start);
    }
    if matches!(name.aim, Aim::Creation { .. }) && name.path.to_bytes().ends_with(b"/") {
        return Ok(None);
    }
    let reached = match name.aim {
        Aim::Entry => place(name, start)?,
        Aim::Object { follow } | Aim::Creation { follow } => {
            match object(name, start, follow, mounts) {
                Err(Errno::ENOENT) => vacancy(name, start)?,
                Err(Errno::EXDEV) => return refused(name, start, Errno::EXDEV),
                Err(errno) if is_scoped(name) => return refused(name, start, errno),
                other => other.unwrap_or(None).map(named).transpose()?.flatten(),
            }
        }
    };
    match reached {
        // The walk by hand cannot keep a name below a folder (RESOLVE_BENEATH, RESOLVE_IN_ROOT) while others move that
        // folder. What the kernel's walk leaves open there is refused as it refuses magic links.
        None if is_scoped(name) => refused(name, start, Errno::EXDEV),
        reached => Ok(reached),
    }
}

/// The empty name: an error, or the descriptor itself.
fn empty(name: &Name, start: Option<BorrowedFd<'_>>) -> Outcome {
    let Some(fd) = start.filter(|_| name.or_descriptor) else {
        return Ok(Some((Vec::new(), Found::Nothing(Errno::ENOENT))));
    };
    let label = label(fd)?.unwrap_or_else(|| spoken_start(name.dirfd));
    let fd = fd.try_clone_to_owned().map_err(|_| Errno::EMFILE)?;
    Ok(Some((label, Found::Object(Object::new(fd, LinkText::Link)?))))
}

/// An error, under the name that the text suggests.
fn refused(name: &Name, start: Option<BorrowedFd<'_>>, errno: Errno) -> Outcome {
    let folder = match start {
        Some(fd) => label(fd)?.unwrap_or_default(),
        None => Vec::new(),
    };
    Ok(Some((join(&folder, name.path.to_bytes()), Found::Nothing(errno))))
}

fn is_scoped(name: &Name) -> bool {
    name.restrictions.intersects(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_IN_ROOT)
}

/// What the name reaches, unless it is in proc(5).
fn object(
    name: &Name,
    start: Option<BorrowedFd<'_>>,
    follow: bool,
    mounts: &mut Mounts,
) -> Result<Option<Object>, Errno> {
    let flags = if follow { OFlag::empty() } else { OFlag::O_NOFOLLOW };
    let fd = open_path(start, &name.path, flags, name.restrictions)?;
    let look = look(fd.as_fd())?;
    let is_proc = mounts.is_proc(fd.as_fd(), &look)?;
    let object = Object { fd, status: look.status, text: LinkText::Link };
    Ok((!is_proc).then_some(object))
}

fn named(object: Object) -> Outcome {
    match label(object.fd.as_fd()) {
        // The walk knows the folder.
        Ok(None) | Err(Denial::Caller(Errno::ENAMETOOLONG)) => Ok(None),
        label => Ok(label?.map(|label| (label, Found::Object(object)))),
    }
}

/// A free place in a folder that exists.
fn vacancy(name: &Name, start: Option<BorrowedFd<'_>>) -> Outcome {
    let Some((folder, label, last, slashes)) = folder(name, start)? else { return Ok(None) };
    let Err(Errno::ENOENT) = open_component(folder.as_fd(), &last) else { return Ok(None) };
    let found = match name.aim {
        Aim::Creation { .. } if slashes.is_empty() => Found::Entry(Entry { folder, last }),
        Aim::Creation { .. } => Found::Nothing(Errno::EISDIR),
        _ => Found::Nothing(Errno::ENOENT),
    };
    Ok(Some((label, found)))
}

/// A place, free or not.
fn place(name: &Name, start: Option<BorrowedFd<'_>>) -> Outcome {
    let Some((folder, label, last, slashes)) = folder(name, start)? else { return Ok(None) };
    let last = [last.as_bytes(), slashes].concat();
    let last = CString::new(last).map_err(|_| Errno::EINVAL)?;
    Ok(Some((label, Found::Entry(Entry { folder, last }))))
}

/// The folder of the last component, the name of the place, the last component, its trailing slashes.
type Folder<'n> = (OwnedFd, Vec<u8>, CString, &'n [u8]);

fn folder<'n>(name: &'n Name, start: Option<BorrowedFd<'_>>) -> Result<Option<Folder<'n>>, Denial> {
    let Some((head, last, slashes)) = split(&name.path) else { return Ok(None) };
    let Ok(folder) = open_path(start, &head, OFlag::O_DIRECTORY, name.restrictions) else {
        return Ok(None);
    };
    if file_system(folder.as_fd())?.is_proc {
        return Ok(None);
    }
    let Some(label) = label(folder.as_fd())? else { return Ok(None) };
    let label = child(&label, last.as_bytes());
    Ok(Some((folder, label, last, slashes)))
}

/// Splits a name into its folder, its last component and the slashes behind it. `None` if the last component
/// is not a plain one (`/`, `.`, `..`).
fn split(path: &CStr) -> Option<(CString, CString, &[u8])> {
    let path = path.to_bytes();
    let end = path.iter().rposition(|byte| *byte != b'/')? + 1;
    let begin = path[..end].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let last = &path[begin..end];
    if matches!(last, b"." | b"..") {
        return None;
    }
    let head = if begin == 0 { b"." } else { &path[..begin] };
    Some((CString::new(head).ok()?, CString::new(last).ok()?, &path[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_off_the_last_component() {
        let parts = |path: &'static CStr| {
            split(path).map(|(head, last, slashes)| {
                (head.into_string().unwrap(), last.into_string().unwrap(), slashes.len())
            })
        };
        let is =
            |head: &str, last: &str, slashes| Some((head.to_owned(), last.to_owned(), slashes));
        assert_eq!(parts(c"/etc/passwd"), is("/etc/", "passwd", 0));
        assert_eq!(parts(c"x"), is(".", "x", 0));
        assert_eq!(parts(c"/x//"), is("/", "x", 2));
        assert_eq!(parts(c"a/../b/"), is("a/../", "b", 1));
        assert_eq!(parts(c"/"), None);
        assert_eq!(parts(c"a/.."), None);
        assert_eq!(parts(c"./"), None);
    }
}
