//! Extended attributes: nix has no calls for them. Every name is relative to the working directory.

use nix::errno::Errno;
use std::ffi::{CStr, CString};

/// getxattr(2). With no room the result has the value's length and no meaning.
///
/// # Errors
/// What getxattr(2) lists.
pub fn get(path: &str, attribute: &CStr, room: usize) -> Result<Vec<u8>, Errno> {
    let path = text(path)?;
    fill(room, |buffer, size| {
        // SAFETY: getxattr(2) reads two texts that end with NUL and writes at most `size` bytes to `buffer`.
        unsafe { libc::getxattr(path.as_ptr(), attribute.as_ptr(), buffer.cast(), size) }
    })
}

/// listxattr(2), as [`get`].
///
/// # Errors
/// What listxattr(2) lists.
pub fn list(path: &str, room: usize) -> Result<Vec<u8>, Errno> {
    let path = text(path)?;
    fill(room, |buffer, size| {
        // SAFETY: listxattr(2) reads a text that ends with NUL and writes at most `size` bytes to `buffer`.
        unsafe { libc::listxattr(path.as_ptr(), buffer.cast(), size) }
    })
}

/// setxattr(2).
///
/// # Errors
/// What setxattr(2) lists.
pub fn set(path: &str, attribute: &CStr, value: &[u8], flags: i32) -> Result<(), Errno> {
    let path = text(path)?;
    // SAFETY: setxattr(2) reads two texts that end with NUL and `value.len()` bytes of the value.
    Errno::result(unsafe {
        libc::setxattr(path.as_ptr(), attribute.as_ptr(), value.as_ptr().cast(), value.len(), flags)
    })
    .map(drop)
}

/// removexattr(2).
///
/// # Errors
/// What removexattr(2) lists.
pub fn remove(path: &str, attribute: &CStr) -> Result<(), Errno> {
    let path = text(path)?;
    // SAFETY: removexattr(2) reads two texts that end with NUL.
    Errno::result(unsafe { libc::removexattr(path.as_ptr(), attribute.as_ptr()) }).map(drop)
}

fn text(path: &str) -> Result<CString, Errno> {
    CString::new(path).map_err(|_| Errno::EINVAL)
}

/// Runs a call that fills a buffer and returns how much it filled, or would fill if the buffer has no room.
fn fill(room: usize, call: impl FnOnce(*mut u8, usize) -> isize) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; room];
    let length = Errno::result(call(buffer.as_mut_ptr(), room))?;
    buffer.resize(usize::try_from(length).map_err(|_| Errno::EIO)?, 0);
    Ok(buffer)
}
