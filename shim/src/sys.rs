//! The calls that no crate of ours offers safely.
#![allow(unsafe_code)] // Each block is one system call whose arguments are plain numbers or live in the caller.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::ForkResult;

/// fork(2), refused in a process with threads: the child would have their locks, but nobody to open them.
pub fn fork() -> Result<ForkResult, Errno> {
    let threads = std::fs::read_dir("/proc/self/task").map_err(|_| Errno::EIO)?.count();
    if threads != 1 {
        return Err(Errno::EDEADLK);
    }
    // SAFETY: fork(2) is safe where there is one thread, and that was just counted.
    unsafe { nix::unistd::fork() }
}

/// Ends the process at once: no destructor, no exit handler. A forked child may not run those of its parent.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: _exit(2) takes a number and does not come back.
    unsafe { libc::_exit(status) }
}

/// Brings up the loopback interface of the network that the calling thread is in (netdevice(7)).
pub fn raise_loopback() -> Result<(), Errno> {
    let (family, kind) = (AddressFamily::Inet, SockType::Datagram);
    let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: an all-zero ifreq is a valid value: a union of numbers behind a name.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads the ifreq, which lives until the call is done.
    let result = unsafe {
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, std::ptr::from_ref(&request))
    };
    Errno::result(result).map(drop)
}

/// A descriptor of a process (pidfd_open(2)).
pub fn open_process(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: pidfd_open(2) takes two numbers.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: the result is a new descriptor that nobody else owns; the kernel gives it the range of an int.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// A copy of a descriptor that this process was started with; none if it was not.
pub fn inherited(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC takes numbers; one that names no descriptor gives an error.
    let copy = Errno::result(unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) }).ok()?;
    // SAFETY: the result is a new descriptor that nobody else owns.
    Some(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Owns a descriptor that a message has brought (`SCM_RIGHTS`, unix(7)).
pub fn adopt(descriptor: RawFd) -> OwnedFd {
    // SAFETY: the kernel made the descriptor for the receiver of the message, and nobody else knows its number.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

/// Signals exactly that process, with any signal number (pidfd_send_signal(2)).
pub fn signal_through(process: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    // SAFETY: with a null siginfo only numbers are passed.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    Errno::result(outcome).map(drop)
}

/// Puts this thread under a filter without a listener (seccomp(2)).
pub fn install_filter(program: &[libc::sock_filter], flags: libc::c_ulong) -> Result<(), Errno> {
    let length = program.len().try_into().map_err(|_| Errno::EINVAL)?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    // SAFETY: seccomp(2) reads the sock_fprog and `len` instructions behind it; both outlive the call, and
    // the kernel writes neither.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            std::ptr::from_ref(&program),
        )
    };
    Errno::result(outcome).map(drop)
}

/// Leaves the session keyring of the engine for a new, empty one (keyctl(2)). A kernel without keys has
/// nothing to leave.
pub fn join_new_session_keyring() -> Result<(), Errno> {
    // SAFETY: KEYCTL_JOIN_SESSION_KEYRING with a null name reads no memory.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            libc::KEYCTL_JOIN_SESSION_KEYRING,
            std::ptr::null::<libc::c_char>(),
        )
    };
    match Errno::result(outcome) {
        Ok(_) | Err(Errno::ENOSYS) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Whether filters may ask a listener (`SECCOMP_GET_ACTION_AVAIL`, seccomp(2)).
pub fn knows_notification() -> bool {
    let action = libc::SECCOMP_RET_USER_NOTIF;
    // SAFETY: the kernel reads one 32-bit action, which outlives the call.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_GET_ACTION_AVAIL,
            0,
            std::ptr::from_ref(&action),
        )
    };
    outcome == 0
}

/// Whether a listener may hold a caller so that only fatal signals end the wait (since Linux 5.19).
///
/// The kernel looks at the flags before it reads the program: without a program, known flags give EFAULT
/// and unknown ones EINVAL.
pub fn knows_killable_wait() -> bool {
    let flags =
        libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    // SAFETY: a null program makes the kernel fail before it changes anything.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            std::ptr::null::<libc::sock_fprog>(),
        )
    };
    Errno::result(outcome) == Err(Errno::EFAULT)
}

/// The version of Landlock's interface; 0 if there is none (`LANDLOCK_CREATE_RULESET_VERSION`,
/// landlock_create_ruleset(2)).
pub fn landlock_version() -> u32 {
    const VERSION: libc::c_uint = 1;
    // SAFETY: with this flag the kernel reads no memory and makes no ruleset.
    let version = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, VERSION)
    };
    u32::try_from(version).unwrap_or(0)
}

/// The rows and columns of a terminal (`TIOCGWINSZ`, ioctl_tty(2)).
pub fn window_size(terminal: BorrowedFd<'_>) -> Result<libc::winsize, Errno> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel writes one winsize, which outlives the call.
    let outcome = unsafe {
        libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, std::ptr::from_mut(&mut size))
    };
    Errno::result(outcome).map(|_| size)
}

/// Changes the rows and columns of a terminal (`TIOCSWINSZ`, ioctl_tty(2)).
pub fn set_window_size(terminal: BorrowedFd<'_>, size: &libc::winsize) -> Result<(), Errno> {
    // SAFETY: the kernel reads one winsize, which outlives the call.
    let outcome =
        unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, std::ptr::from_ref(size)) };
    Errno::result(outcome).map(drop)
}

/// Gives SIGPIPE its default action back: Rust ignores it in every program (its runtime does so before
/// `main`), and an ignored signal stays ignored over execve(2).
pub fn restore_sigpipe() -> Result<(), Errno> {
    // SAFETY: the default action runs no code of ours.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.map(drop)
}

/// An extended attribute of an open file (fgetxattr(2)).
pub fn attribute(file: &File, name: &CStr) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0_u8; 64];
    // SAFETY: fgetxattr(2) reads a text that ends in a zero byte and writes at most as many bytes as the vector has.
    let length = unsafe {
        libc::fgetxattr(file.as_raw_fd(), name.as_ptr(), value.as_mut_ptr().cast(), value.len())
    };
    value.truncate(usize::try_from(Errno::result(length)?).unwrap_or_default());
    Ok(value)
}
