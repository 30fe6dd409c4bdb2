//! Socket calls with an address in the caller's own bytes: nix knows only addresses of families that it knows.

use nix::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd};

/// connect(2).
///
/// # Errors
/// What connect(2) lists.
pub fn connect(socket: BorrowedFd<'_>, address: &[u8]) -> Result<(), Errno> {
    // SAFETY: connect(2) reads `length` bytes of the address, whatever they are.
    let result =
        unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr().cast(), length(address)?) };
    Errno::result(result).map(drop)
}

/// bind(2).
///
/// # Errors
/// What bind(2) lists.
pub fn bind(socket: BorrowedFd<'_>, address: &[u8]) -> Result<(), Errno> {
    // SAFETY: bind(2) reads `length` bytes of the address, whatever they are.
    let result =
        unsafe { libc::bind(socket.as_raw_fd(), address.as_ptr().cast(), length(address)?) };
    Errno::result(result).map(drop)
}

/// sendto(2).
///
/// # Errors
/// What sendto(2) lists.
pub fn send_to(
    socket: BorrowedFd<'_>,
    payload: &[u8],
    flags: libc::c_int,
    address: &[u8],
) -> Result<usize, Errno> {
    let length = length(address)?;
    // SAFETY: sendto(2) reads as many bytes of the payload and of the address as it is told.
    let result = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            payload.as_ptr().cast(),
            payload.len(),
            flags,
            address.as_ptr().cast(),
            length,
        )
    };
    Errno::result(result).map(isize::cast_unsigned)
}

fn length(address: &[u8]) -> Result<libc::socklen_t, Errno> {
    address.len().try_into().map_err(|_| Errno::EINVAL)
}
