//! Which calls may be made twice: when a supervisor was killed, nobody knows whether it had made the call already.

use crate::request::Request;
use nix::errno::Errno;
use nix::sys::stat::SFlag;
use policy::registry::{self, SyscallNumber};

/// Calls that change nothing, whatever their arguments. An execve, chdir or chroot is made by the kernel when it has our answer, so
/// while it waits for one it has not been made.
const SILENT: &[&str] = &[
    "access",
    "chdir",
    "chroot",
    "execve",
    "execveat",
    "faccessat",
    "faccessat2",
    "file_getattr",
    "getxattr",
    "getxattrat",
    "lgetxattr",
    "listxattr",
    "listxattrat",
    "llistxattr",
    "lstat",
    "name_to_handle_at",
    "newfstatat",
    "readlink",
    "readlinkat",
    "stat",
    "statfs",
    "statx",
];

/// Whether the call, made once more, has no other effect than made once.
#[must_use]
pub fn leaves_no_trace(request: &Request) -> bool {
    let name = request.form.call().name;
    SILENT.contains(&name) || opens_quietly(name, request)
}

/// Opening a file that exists, to read or write it, does nothing to it. Opening a device may.
fn opens_quietly(name: &str, request: &Request) -> bool {
    let flags = match name {
        "open" => request.notification.int(1),
        "openat" => request.notification.int(2),
        "openat2" => match &request.open_how {
            Some(how) => how.flags as i32,
            None => return false,
        },
        _ => return false,
    };
    let changes = libc::O_CREAT | libc::O_TRUNC | (libc::O_TMPFILE & !libc::O_DIRECTORY);
    flags & changes == 0
        && request.names().all(|name| {
            let kinds = [SFlag::S_IFREG, SFlag::S_IFDIR, SFlag::S_IFIFO, SFlag::S_IFLNK];
            name.object().is_ok_and(|object| kinds.contains(&object.kind()))
        })
}

/// Whether the call may wait for another process: then it is no wonder if several supervisors end meanwhile.
#[must_use]
pub fn may_wait(request: &Request) -> bool {
    request.names().any(|name| name.object().is_ok_and(|object| object.kind() == SFlag::S_IFIFO))
}

/// What a caller is told of a call that may have been made or not. connect(2) and open(2) have an error for that; to other calls
/// an input/output error says that nobody knows.
#[must_use]
pub fn unknown(call: SyscallNumber) -> Errno {
    match registry::call(call).map(|call| call.name) {
        Some("connect" | "open" | "openat" | "openat2" | "creat") => Errno::EINTR,
        _ => Errno::EIO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_calls_are_calls() {
        let unknown = SILENT.iter().find(|name| registry::call_named(name).is_none());
        assert_eq!(unknown, None);
    }

    #[test]
    fn only_what_documents_it_is_interrupted() {
        let number = |name| registry::call_named(name).unwrap().number;
        assert_eq!(unknown(number("connect")), Errno::EINTR);
        assert_eq!(unknown(number("mkdir")), Errno::EIO);
    }
}
