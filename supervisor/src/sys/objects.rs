//! Calls on a file that nix does not wrap, or only for types of its own: inotify_add_watch(2), fanotify_mark(2), name_to_handle_at(2),
//! file_getattr(2), file_setattr(2). Each takes a name; ours are numbers in our folder of descriptors.

use nix::errno::Errno;
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Since Linux 6.17; libc does not number them yet (asm/unistd_64.h).
const SYS_FILE_GETATTR: libc::c_long = 468;
const SYS_FILE_SETATTR: libc::c_long = 469;

/// inotify_add_watch(2), of a name relative to the working directory.
///
/// # Errors
/// What inotify_add_watch(2) lists.
pub fn inotify(instance: BorrowedFd<'_>, path: &CStr, mask: u32) -> Result<i64, Errno> {
    // SAFETY: inotify_add_watch(2) reads a text that ends with NUL.
    let watch = unsafe { libc::inotify_add_watch(instance.as_raw_fd(), path.as_ptr(), mask) };
    Errno::result(watch).map(i64::from)
}

/// fanotify_mark(2).
///
/// # Errors
/// What fanotify_mark(2) lists.
pub fn fanotify(
    group: BorrowedFd<'_>,
    (flags, mask): (u32, u64),
    (folder, path): (BorrowedFd<'_>, &CStr),
) -> Result<(), Errno> {
    // SAFETY: fanotify_mark(2) reads a text that ends with NUL.
    Errno::result(unsafe {
        libc::fanotify_mark(group.as_raw_fd(), flags, mask, folder.as_raw_fd(), path.as_ptr())
    })
    .map(drop)
}

/// Longest handle (`MAX_HANDLE_SZ` of linux/exportfs.h).
pub const HANDLE_MAX: usize = 128;

/// `struct file_handle` with as much room as any handle takes, and the mount's number: 4 bytes, or 8 if the flags ask for the unique
/// one.
#[derive(Debug, Clone, Copy)]
pub struct Handle {
    /// The length of the handle and its type, then the handle.
    pub bytes: [u8; 8 + HANDLE_MAX],
    /// The mount.
    pub mount: [u8; 8],
}

/// name_to_handle_at(2) with room for so many bytes. The kernel fills in the needed length also when it was too short.
///
/// # Errors
/// What name_to_handle_at(2) lists; EOVERFLOW if there was too little room.
pub fn name_to_handle(
    (folder, path): (BorrowedFd<'_>, &CStr),
    room: u32,
    flags: i32,
) -> (Handle, Result<(), Errno>) {
    let mut handle = Handle { bytes: [0; 8 + HANDLE_MAX], mount: [0; 8] };
    let room = room.min(HANDLE_MAX as u32);
    handle.bytes[..4].copy_from_slice(&room.to_ne_bytes());
    // SAFETY: name_to_handle_at(2) reads a text that ends with NUL, writes a header and at most `room` bytes of a handle, and one
    // mount number of at most 8 bytes.
    let result = Errno::result(unsafe {
        libc::syscall(
            libc::SYS_name_to_handle_at,
            folder.as_raw_fd(),
            path.as_ptr(),
            handle.bytes.as_mut_ptr(),
            handle.mount.as_mut_ptr(),
            flags,
        )
    });
    (handle, result.map(drop))
}

/// file_getattr(2): fills the buffer with a `struct file_attr` of that size.
///
/// # Errors
/// ENOSYS before Linux 6.17, and what the call lists.
pub fn file_attributes(
    (folder, path): (BorrowedFd<'_>, &CStr),
    attributes: &mut [u8],
) -> Result<(), Errno> {
    // SAFETY: file_getattr(2) reads a text that ends with NUL and writes within the size that it is told.
    Errno::result(unsafe {
        libc::syscall(
            SYS_FILE_GETATTR,
            folder.as_raw_fd(),
            path.as_ptr(),
            attributes.as_mut_ptr(),
            attributes.len(),
            0,
        )
    })
    .map(drop)
}

/// file_setattr(2).
///
/// # Errors
/// ENOSYS before Linux 6.17, and what the call lists.
pub fn set_file_attributes(
    (folder, path): (BorrowedFd<'_>, &CStr),
    attributes: &[u8],
) -> Result<(), Errno> {
    // SAFETY: file_setattr(2) reads a text that ends with NUL and as many bytes as it is told.
    Errno::result(unsafe {
        libc::syscall(
            SYS_FILE_SETATTR,
            folder.as_raw_fd(),
            path.as_ptr(),
            attributes.as_ptr(),
            attributes.len(),
            0,
        )
    })
    .map(drop)
}
