//! The name that rules compare for something in our hands.

use super::{jail, long, number, open_path};
use crate::host;
use crate::notification::Denial;
use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag, readlinkat};
use nix::sys::stat::fstat;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt;

const DELETED: &[u8] = b" (deleted)";

/// The absolute name of a descriptor in the container, or `None` if it has none: a pipe, a socket, something deleted.
///
/// # Errors
/// A refusal for what lies outside the root; ENAMETOOLONG for what is no folder and has a name longer than `PATH_MAX`.
pub(super) fn label(fd: BorrowedFd<'_>) -> Result<Option<Vec<u8>>, Denial> {
    jail::outside(|| look(fd))?
}

fn look(fd: BorrowedFd<'_>) -> Result<Option<Vec<u8>>, Denial> {
    let text = match readlinkat(host::descriptors(), number(fd).as_str()) {
        Err(Errno::ENAMETOOLONG) => return long::name(fd),
        text => text?.into_vec(),
    };
    if text.starts_with(b"(unreachable)") {
        return Err(Denial::because("the file is not below the caller's root"));
    }
    if !text.starts_with(b"/") || text.ends_with(DELETED) && !is_named(fd, &text)? {
        return Ok(None);
    }
    Ok(Some(text))
}

/// The kernel appends " (deleted)" to the last name of what is unlinked, but a file may be called so, and what is unlinked here may
/// have other links: only a look at the name tells.
fn is_named(fd: BorrowedFd<'_>, text: &[u8]) -> Result<bool, Errno> {
    let Ok(path) = CString::new(text) else { return Ok(false) };
    let Ok(other) = open_path(None, &path, OFlag::O_NOFOLLOW, ResolveFlag::empty()) else {
        return Ok(false);
    };
    let (one, other) = (fstat(fd)?, fstat(other.as_fd())?);
    Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}

/// How a rule can name where a relative name starts if that has no name of its own.
pub(super) fn spoken_start(dirfd: i32) -> Vec<u8> {
    match dirfd {
        libc::AT_FDCWD => b"/proc/self/cwd".to_vec(),
        fd => format!("/proc/self/fd/{fd}").into_bytes(),
    }
}

/// A name below a folder, by its text alone: `.`, `..` and needless slashes are taken out.
pub(super) fn join(folder: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut components: Vec<&[u8]> = Vec::new();
    for component in folder.split(|byte| *byte == b'/').chain(rest.split(|byte| *byte == b'/')) {
        match component {
            b"" | b"." => {}
            b".." => drop(components.pop()),
            name => components.push(name),
        }
    }
    let mut joined = Vec::with_capacity(folder.len() + rest.len() + 1);
    for component in &components {
        joined.push(b'/');
        joined.extend_from_slice(component);
    }
    if joined.is_empty() { b"/".to_vec() } else { joined }
}

/// A plain name in a folder whose name is known.
pub(super) fn child(folder: &[u8], last: &[u8]) -> Vec<u8> {
    let folder = if folder == b"/" { b"" } else { folder };
    [folder, b"/", last].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_by_text() {
        assert_eq!(join(b"/a/b", b"c//./d/"), b"/a/b/c/d");
        assert_eq!(join(b"/a/b", b"../../../x"), b"/x");
        assert_eq!(join(b"/", b".."), b"/");
        assert_eq!(child(b"/", b"x"), b"/x");
        assert_eq!(child(b"/a", b"x"), b"/a/x");
    }

    #[test]
    fn tells_a_deleted_file_from_one_that_is_called_so() {
        host::open_folders().unwrap();
        let folder = std::env::temp_dir().join(format!("label-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("x (deleted)");
        let file = std::fs::File::create(&path).unwrap();
        let named = label(file.as_fd()).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(named, Some(path.into_os_string().into_vec()));
        assert_eq!(label(file.as_fd()).unwrap(), None);
    }

    #[test]
    fn a_pipe_has_no_name() {
        host::open_folders().unwrap();
        let (reader, _writer) = std::io::pipe().unwrap();
        assert_eq!(label(reader.as_fd()).unwrap(), None);
    }
}
