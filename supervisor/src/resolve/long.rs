//! Folders whose names are longer than `PATH_MAX`: the kernel leads to them by relative names, but tells no such name.
//!
//! The name is put together from below, as getcwd(3) of the C library does it, and then walked down again. So it is one by which the folder
//! can be reached step by step, even if others rename what is on the way: no better name could be had by walking to it.

use super::{number, open_component};
use crate::host;
use crate::notification::Denial;
use crate::sys::files::{Place, place};
use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

/// Longer names are refused: whoever makes them pays for each step, but so do we.
const LONGEST: usize = 32 * 1024;

const FOLDER: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_CLOEXEC);

/// The name of a folder; `None` if it has lost its own.
///
/// # Errors
/// ENAMETOOLONG for what is no folder, or below one that the caller may not list.
pub(super) fn name(fd: BorrowedFd<'_>) -> Result<Option<Vec<u8>>, Denial> {
    let (mut here, mut below, mut length) = (up(fd, c".")?, Vec::new(), 0);
    let (top, label) = loop {
        let folder = up(here.as_fd(), c"..")?;
        let Some(name) = name_in(folder.as_fd(), here.as_fd())? else { return Ok(None) };
        length += name.as_bytes().len() + 1;
        below.push(name);
        match readlinkat(host::descriptors(), number(folder.as_fd()).as_str()) {
            Ok(label) => break (folder, label.into_vec()),
            Err(Errno::ENAMETOOLONG) if length < LONGEST => here = folder,
            Err(errno) => return Err(errno.into()),
        }
    };
    let mut reached = top;
    for name in below.iter().rev() {
        let Ok(next) = open_component(reached.as_fd(), name) else { return Ok(None) };
        reached = next;
    }
    let is_it = place(reached.as_fd(), c"")? == place(fd, c"")?;
    let names = below.iter().rev().flat_map(|name| [b"/", name.as_bytes()]);
    Ok(is_it.then(|| [&label[..]].into_iter().chain(names).collect::<Vec<_>>().concat()))
}

/// `.` fails for what is no folder, and both for one that the caller may not enter.
fn up(fd: BorrowedFd<'_>, way: &CStr) -> Result<OwnedFd, Errno> {
    openat(fd, way, OFlag::O_PATH | FOLDER, Mode::empty()).map_err(|_| Errno::ENAMETOOLONG)
}

/// What a folder calls another one that is in it.
fn name_in(folder: BorrowedFd<'_>, child: BorrowedFd<'_>) -> Result<Option<CString>, Errno> {
    let child = place(child, c"")?;
    // Where something is mounted, the number in the list is that of what lies under it.
    let named = find(folder, &child, |inode| inode == child.inode)?;
    if named.is_some() { Ok(named) } else { find(folder, &child, |_| true) }
}

fn find(
    folder: BorrowedFd<'_>,
    child: &Place,
    may_be: impl Fn(u64) -> bool,
) -> Result<Option<CString>, Errno> {
    let list = Dir::openat(folder, c".", OFlag::O_RDONLY | FOLDER, Mode::empty());
    for entry in list.map_err(|_| Errno::ENAMETOOLONG)? {
        let entry = entry?;
        let name = entry.file_name();
        let dots = matches!(name.to_bytes(), b"." | b"..");
        if dots
            || !may_be(entry.ino())
            || entry.file_type().is_some_and(|kind| kind != Type::Directory)
        {
            continue;
        }
        let found = open_component(folder, name).and_then(|fd| place(fd.as_fd(), c""));
        if found.as_ref() == Ok(child) {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::mkdirat;
    use nix::unistd::{UnlinkatFlags, unlinkat};

    #[test]
    fn a_long_name_is_found_again() {
        host::open_folders().unwrap();
        let base = std::env::temp_dir().join(format!("long-{}", std::process::id()));
        std::fs::create_dir(&base).unwrap();
        let component = CString::new("a".repeat(200)).unwrap();
        let mut folders = vec![OwnedFd::from(std::fs::File::open(&base).unwrap())];
        for _ in 0..30 {
            let last = folders.last().unwrap();
            mkdirat(last, c"sibling", Mode::S_IRWXU).unwrap();
            mkdirat(last, component.as_c_str(), Mode::S_IRWXU).unwrap();
            folders.push(open_component(last.as_fd(), &component).unwrap());
        }
        let deepest = folders.last().unwrap();
        let named = name(deepest.as_fd()).unwrap().unwrap();
        let removed =
            openat(&folders[29], c"sibling", OFlag::O_PATH | FOLDER, Mode::empty()).unwrap();
        unlinkat(&folders[29], c"sibling", UnlinkatFlags::RemoveDir).unwrap();
        let lost = name(removed.as_fd()).unwrap();
        std::fs::remove_dir_all(&base).unwrap();
        let expected = base.into_os_string().into_vec();
        assert_eq!(named, [expected, [b"/", component.as_bytes()].concat().repeat(30)].concat());
        assert_eq!(lost, None, "a removed folder has no name");
    }
}
