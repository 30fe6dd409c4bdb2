//! Landlock's three calls (landlock(7)).

use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// `LANDLOCK_RULE_PATH_BENEATH` of linux/landlock.h.
const PATH_BENEATH: libc::c_int = 1;

/// `struct landlock_path_beneath_attr` of linux/landlock.h.
#[repr(C, packed)]
struct PathBeneath {
    allowed_access: u64,
    parent_fd: i32,
}

/// `struct landlock_net_port_attr` of linux/landlock.h.
#[repr(C)]
struct NetPort {
    allowed_access: u64,
    port: u64,
}

/// `LANDLOCK_RULE_NET_PORT` of linux/landlock.h.
const NET_PORT: libc::c_int = 2;

/// A ruleset that denies these rights on files and folders (`LANDLOCK_ACCESS_FS_*`) wherever it does not grant them.
///
/// # Errors
/// What landlock_create_ruleset(2) lists: EINVAL for rights that the kernel does not know.
pub fn create_ruleset(files: u64) -> Result<OwnedFd, Errno> {
    create(&[files])
}

/// One that denies rights on ports too (`LANDLOCK_ACCESS_NET_*`).
///
/// # Errors
/// Those of [`create_ruleset`], E2BIG where the kernel knows no rights on ports.
pub fn create_ruleset_with_ports(files: u64, ports: u64) -> Result<OwnedFd, Errno> {
    create(&[files, ports])
}

/// The first fields of `struct landlock_ruleset_attr` of linux/landlock.h.
fn create(handled: &[u64]) -> Result<OwnedFd, Errno> {
    // SAFETY: the kernel reads as many bytes as the size says, of a slice that outlives the call. Each version of the
    // structure has another number behind those of the one before.
    let fd = Errno::result(unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, handled.as_ptr(), size_of_val(handled), 0)
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

/// Grants rights on a port of TCP.
///
/// # Errors
/// What landlock_add_rule(2) lists: EINVAL for rights that the ruleset does not handle.
pub fn grant_port(ruleset: BorrowedFd<'_>, rights: u64, port: u16) -> Result<(), Errno> {
    let rule = NetPort { allowed_access: rights, port: port.into() };
    // SAFETY: the kernel reads one struct landlock_net_port_attr, which outlives the call.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            NET_PORT,
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

/// `LANDLOCK_ACCESS_FS_MAKE_SOCK` of linux/landlock.h.
const MAKE_SOCK: u64 = 1 << 9;

/// From now on the calling thread makes sockets' files below this folder only.
///
/// # Errors
/// ENOSYS or EOPNOTSUPP where the kernel has no Landlock.
pub fn make_sockets_only_below(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    let ruleset = create_ruleset(MAKE_SOCK)?;
    grant(ruleset.as_fd(), MAKE_SOCK, folder)?;
    // SAFETY: prctl(2) takes numbers.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    restrict_self(ruleset.as_fd())
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
