//! Socket calls with an address in the caller's own bytes: nix knows only addresses of families that it knows.

use super::credentials;
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

/// sendto(2) with an address of no length, which is not the same as none.
///
/// # Errors
/// What sendto(2) lists.
pub fn send_to_nothing(
    socket: BorrowedFd<'_>,
    payload: &[u8],
    flags: libc::c_int,
) -> Result<usize, Errno> {
    let (start, length) = (payload.as_ptr().cast(), payload.len());
    // SAFETY: sendto(2) reads so many bytes of the payload, and none of the address.
    let result = unsafe { libc::sendto(socket.as_raw_fd(), start, length, flags, start.cast(), 0) };
    Errno::result(result).map(isize::cast_unsigned)
}

/// sendmsg(2).
///
/// # Errors
/// What sendmsg(2) lists.
pub fn send_message(
    socket: BorrowedFd<'_>,
    payload: &[u8],
    control: &[u8],
    flags: libc::c_int,
    address: Option<&[u8]>,
) -> Result<usize, Errno> {
    let mut part =
        libc::iovec { iov_base: payload.as_ptr().cast_mut().cast(), iov_len: payload.len() };
    // SAFETY: an all-zero msghdr is a valid one: no address, no parts, no ancillary data.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    (header.msg_iov, header.msg_iovlen) = (&mut part, 1);
    if let Some(address) = address {
        header.msg_name = address.as_ptr().cast_mut().cast();
        header.msg_namelen = length(address)?;
    }
    if !control.is_empty() {
        header.msg_control = control.as_ptr().cast_mut().cast();
        header.msg_controllen = control.len();
    }
    // SAFETY: sendmsg(2) only reads, and no more of the address, the payload and the ancillary data than their lengths say; the
    // numbers among the latter are descriptors that whoever translated them holds open.
    let result = unsafe { libc::sendmsg(socket.as_raw_fd(), &header, flags) };
    Errno::result(result).map(isize::cast_unsigned)
}

/// An option of `SOL_SOCKET` that is a number.
///
/// # Errors
/// ENOTSOCK.
pub fn option(socket: BorrowedFd<'_>, name: libc::c_int) -> Result<libc::c_int, Errno> {
    let mut value: libc::c_int = 0;
    let mut size = size_of_val(&value) as libc::socklen_t;
    // SAFETY: getsockopt(2) writes at most `size` bytes of the value.
    Errno::result(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            std::ptr::from_mut(&mut value).cast(),
            &mut size,
        )
    })?;
    Ok(value)
}

/// `struct ucred` of linux/socket.h.
#[must_use]
pub fn ucred_bytes(pid: libc::pid_t, uid: libc::uid_t, gid: libc::gid_t) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&pid.to_ne_bytes());
    bytes[4..8].copy_from_slice(&uid.to_ne_bytes());
    bytes[8..].copy_from_slice(&gid.to_ne_bytes());
    bytes
}

/// Does one thing with the capabilities to name another process and its ids to the receiver of a message (`scm_check_creds`), beside
/// those that are in effect.
///
/// # Errors
/// The act's own.
pub fn naming_others<T>(act: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    const NAMING: u64 = 1 << 6 | 1 << 7 | 1 << 21; // CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN of linux/capability.h
    let acting = credentials::capabilities()?;
    let effective = acting.effective | NAMING & acting.permitted;
    credentials::set_capabilities(credentials::Capabilities { effective, ..acting })?;
    let result = act();
    if credentials::set_capabilities(acting).is_err() {
        // With capabilities that are not the caller's no thread may serve on.
        std::process::abort();
    }
    result
}

fn length(address: &[u8]) -> Result<libc::socklen_t, Errno> {
    address.len().try_into().map_err(|_| Errno::EINVAL)
}
