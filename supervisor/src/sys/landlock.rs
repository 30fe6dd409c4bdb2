//! landlock(7) for a thread that makes one socket and ends.

use nix::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Of linux/landlock.h: making a socket's file.
const MAKE_SOCK: u64 = 1 << 9;
const RULE_PATH_BENEATH: libc::c_int = 1;

/// `struct landlock_path_beneath_attr`, which is packed.
#[repr(C, packed)]
struct PathBeneath {
    allowed_access: u64,
    parent_fd: i32,
}

/// From now on the calling thread makes sockets' files below this folder only.
///
/// # Errors
/// ENOSYS or EOPNOTSUPP where the kernel has no Landlock.
pub fn make_sockets_only_below(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    let handled = MAKE_SOCK;
    // SAFETY: the kernel reads as many bytes of the attribute as it is told; its first field alone is a valid one.
    let ruleset = Errno::result(unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::from_ref(&handled),
            size_of::<u64>(),
            0,
        )
    })?;
    // SAFETY: the result is a descriptor that nobody else owns.
    let ruleset = unsafe { OwnedFd::from_raw_fd(ruleset as libc::c_int) };
    let rule = PathBeneath { allowed_access: MAKE_SOCK, parent_fd: folder.as_raw_fd() };
    // SAFETY: for this type of rule the kernel reads a `landlock_path_beneath_attr`.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            RULE_PATH_BENEATH,
            std::ptr::from_ref(&rule),
            0,
        )
    })?;
    // SAFETY: prctl(2) and landlock_restrict_self(2) take numbers.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    // SAFETY: as above.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0)
    })
    .map(drop)
}

/// `SIOCUNIXFILE` of linux/un.h.
const SIOCUNIXFILE: libc::Ioctl = 0x89e0;

/// The file of a bound unix socket (`O_PATH`).
///
/// # Errors
/// EPERM without `CAP_NET_ADMIN`; ENOENT if it is not bound to a file's name.
pub fn file_of(socket: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    // SAFETY: the request takes no argument and gives a descriptor that nobody else owns.
    unsafe {
        let fd = Errno::result(libc::ioctl(socket.as_raw_fd(), SIOCUNIXFILE, 0))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}
