//! Landlock's three calls (landlock(7)).

use nix::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// `LANDLOCK_RULE_PATH_BENEATH` of linux/landlock.h.
const PATH_BENEATH: libc::c_int = 1;

/// `struct landlock_path_beneath_attr` of linux/landlock.h.
#[repr(C, packed)]
struct PathBeneath {
    allowed_access: u64,
    parent_fd: i32,
}

/// A ruleset that denies these rights on files and folders (`LANDLOCK_ACCESS_FS_*`) wherever it does not grant them.
///
/// # Errors
/// What landlock_create_ruleset(2) lists: EINVAL for rights that the kernel does not know.
pub fn create_ruleset(handled: u64) -> Result<OwnedFd, Errno> {
    // SAFETY: the kernel reads as many bytes as the size says: the one number that the first version of the structure
    // consists of. It outlives the call.
    let fd = Errno::result(unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::from_ref(&handled),
            size_of::<u64>(),
            0,
        )
    })?;
    // SAFETY: the result is a new descriptor that nobody else owns; the kernel gives it the range of an int.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

/// Grants rights on what a descriptor shows and, if it is a folder, on all that lies below it.
///
/// # Errors
/// What landlock_add_rule(2) lists: EINVAL for rights that the ruleset does not handle or that no file has.
pub fn grant(ruleset: BorrowedFd<'_>, rights: u64, on: BorrowedFd<'_>) -> Result<(), Errno> {
    let rule = PathBeneath { allowed_access: rights, parent_fd: on.as_raw_fd() };
    // SAFETY: the kernel reads one struct landlock_path_beneath_attr, which outlives the call.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            PATH_BENEATH,
            std::ptr::from_ref(&rule),
            0,
        )
    })
    .map(drop)
}

/// Puts the calling thread, and all that it will start, under a ruleset for ever.
///
/// # Errors
/// What landlock_restrict_self(2) lists: EPERM without `CAP_SYS_ADMIN` and `no_new_privs`.
pub fn restrict_self(ruleset: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: landlock_restrict_self(2) takes two numbers.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0)
    })
    .map(drop)
}
