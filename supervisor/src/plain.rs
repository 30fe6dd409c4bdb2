//! The calls that make up most of what is supervised: they look at files or open them, or connect sockets, and make no file.

use crate::notification::Notification;

/// `O_TMPFILE` without the bit that it shares with `O_DIRECTORY` (asm-generic/fcntl.h).
const TEMPORARY: i32 = libc::O_TMPFILE & !libc::O_DIRECTORY;

/// Whether a call is one of them, as its registers tell.
///
/// The umask of its caller has no part in such a call, and the umask is all of a caller that others can change without
/// our being told: the threads that share it (`CLONE_FS`, clone(2)). And nothing of what is done for such a call outside of an
/// [`Acting`](crate::identity::Acting) relies on our own capabilities without [asking](crate::powers::Powers::fully) for them.
#[must_use]
pub fn is_plain(notification: &Notification) -> bool {
    // With `O_PATH` the caller may have to open the file itself, and be traced meanwhile.
    let other = libc::O_CREAT | TEMPORARY | libc::O_PATH;
    let opens = |flags: u8| notification.int(flags) & other == 0;
    match i64::from(notification.number.0) {
        libc::SYS_open => opens(1),
        libc::SYS_openat => opens(2),
        libc::SYS_stat
        | libc::SYS_lstat
        | libc::SYS_newfstatat
        | libc::SYS_statx
        | libc::SYS_access
        | libc::SYS_faccessat
        | libc::SYS_faccessat2
        | libc::SYS_readlink
        | libc::SYS_readlinkat
        | libc::SYS_connect => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::{NotificationId, Tid};
    use policy::registry::SyscallNumber;

    fn call(number: i64, flags: i32) -> Notification {
        Notification {
            id: NotificationId(1),
            tid: Tid(1),
            number: SyscallNumber(number as u32),
            arguments: [flags as u64; 6],
        }
    }

    #[test]
    fn what_makes_a_file_is_not_plain() {
        for number in [libc::SYS_open, libc::SYS_openat] {
            assert!(is_plain(&call(number, libc::O_RDWR | libc::O_TRUNC)));
            assert!(is_plain(&call(number, libc::O_DIRECTORY)));
            assert!(!is_plain(&call(number, libc::O_CREAT)));
            assert!(!is_plain(&call(number, libc::O_PATH)));
            assert!(!is_plain(&call(number, libc::O_TMPFILE | libc::O_RDWR)));
        }
        assert!(is_plain(&call(libc::SYS_connect, 0)));
        // A unix socket that is bound is a file, with the umask.
        assert!(!is_plain(&call(libc::SYS_bind, 0)));
        for number in [libc::SYS_creat, libc::SYS_openat2, libc::SYS_mkdir, libc::SYS_execve] {
            assert!(!is_plain(&call(number, 0)));
        }
    }
}
