//! seccomp(2) and the listener's requests of seccomp_unotify(2).

use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP` of linux/seccomp.h (since Linux 6.6).
const SYNC_WAKE_UP: libc::c_ulong = 1;

/// Installs a filter on the calling thread and gives its listener.
///
/// `WAIT_KILLABLE_RECV` (since Linux 5.19): once a call has been received, only fatal signals interrupt it, so a call that
/// the supervisor has already performed is never restarted by a signal handler.
///
/// # Errors
/// What seccomp(2) lists: EACCES without `CAP_SYS_ADMIN` and `no_new_privs`, EBUSY if the thread has a listener already.
pub fn install_filter(program: &[libc::sock_filter]) -> Result<OwnedFd, Errno> {
    let length = program.len().try_into().map_err(|_| Errno::EINVAL)?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    let flags =
        libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    // SAFETY: seccomp(2) reads the sock_fprog and `len` instructions behind it; both outlive the call, and the kernel writes neither.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            std::ptr::from_ref(&program),
        )
    };
    let fd = Errno::result(fd)? as libc::c_int;
    // SAFETY: with NEW_LISTENER the result is a descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Where the kernel writes a notification: `struct seccomp_notif` of linux/seccomp.h, word by word, so that it may lie in memory
/// that processes share.
#[derive(Debug, Default)]
pub struct Buffer([AtomicU64; 10]);

impl Buffer {
    /// Makes it empty, as the kernel demands before it writes.
    pub fn clear(&self) {
        self.0.iter().for_each(|word| word.store(0, Ordering::Release));
    }

    /// What was written.
    #[must_use]
    pub fn read(&self) -> libc::seccomp_notif {
        let word = |at: usize| self.0[at].load(Ordering::Acquire);
        let halves = |at: usize| {
            let [a, b, c, d, e, f, g, h] = word(at).to_ne_bytes();
            (u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h]))
        };
        let ((pid, flags), (nr, arch)) = (halves(1), halves(2));
        libc::seccomp_notif {
            id: word(0),
            pid,
            flags,
            data: libc::seccomp_data {
                nr: nr as libc::c_int,
                arch,
                instruction_pointer: word(3),
                args: [4, 5, 6, 7, 8, 9].map(word),
            },
        }
    }

    /// Writes as the kernel would.
    #[cfg(test)]
    pub fn fill(&self, words: &[u64; 10]) {
        self.0.iter().zip(words).for_each(|(word, value)| word.store(*value, Ordering::Release));
    }
}

/// Waits for the next notification, which the kernel writes into the buffer; it must be [clear](Buffer::clear).
///
/// # Errors
/// EINTR after a signal; ENOENT if the caller died meanwhile, or (since Linux 6.11) if the filter has no users left.
pub fn receive(listener: BorrowedFd<'_>, buffer: &Buffer) -> Result<libc::seccomp_notif, Errno> {
    const { assert!(size_of::<Buffer>() == size_of::<libc::seccomp_notif>()) };
    // SAFETY: NOTIF_RECV reads and writes one seccomp_notif, for which the buffer has room and alignment; its words are
    // atomics, which may change under a shared reference.
    Errno::result(unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_RECV,
            std::ptr::from_ref(buffer).cast_mut(),
        )
    })?;
    Ok(buffer.read())
}

/// Answers a notification.
///
/// # Errors
/// ENOENT if the caller no longer waits.
pub fn send(listener: BorrowedFd<'_>, mut reply: libc::seccomp_notif_resp) -> Result<(), Errno> {
    request(listener, libc::SECCOMP_IOCTL_NOTIF_SEND, &mut reply).map(drop)
}

/// Whether the caller still waits for this answer.
#[must_use]
pub fn is_valid(listener: BorrowedFd<'_>, mut id: u64) -> bool {
    request(listener, libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &mut id).is_ok()
}

/// Installs a copy of `fd` in the caller, which waits on; gives its number there.
///
/// # Errors
/// EMFILE if the caller has no descriptor left (it still waits then), ENOENT if it no longer waits.
pub fn add_descriptor(
    listener: BorrowedFd<'_>,
    id: u64,
    fd: BorrowedFd<'_>,
    cloexec: bool,
) -> Result<libc::c_int, Errno> {
    let mut copy = libc::seccomp_notif_addfd {
        id,
        flags: 0,
        srcfd: fd.as_raw_fd() as u32,
        newfd: 0,
        newfd_flags: if cloexec { libc::O_CLOEXEC as u32 } else { 0 },
    };
    request(listener, libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut copy)
}

/// Asks for the quick wake-up of both sides. Kernels before 6.6 do not know it; the listener works without.
pub fn wake_synchronously(listener: BorrowedFd<'_>) {
    // SAFETY: NOTIF_SET_FLAGS takes the flags by value and touches no memory of ours.
    let _ = unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP)
    };
}

/// A structure that belongs to one of the listener's requests.
trait Argument {}
impl Argument for libc::seccomp_notif_resp {}
impl Argument for libc::seccomp_notif_addfd {}
impl Argument for u64 {}

fn request<T: Argument>(
    listener: impl AsFd,
    code: libc::Ioctl,
    argument: &mut T,
) -> Result<libc::c_int, Errno> {
    // The size of the argument is part of the request's number (ioctl(2)).
    debug_assert_eq!((code >> 16) & 0x3fff, size_of::<T>() as libc::Ioctl);
    // SAFETY: `argument` is a live, exclusive reference to the structure that the request names, and the kernel stays within it.
    Errno::result(unsafe {
        libc::ioctl(listener.as_fd().as_raw_fd(), code, std::ptr::from_mut(argument))
    })
}
