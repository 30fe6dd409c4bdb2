//! The calls that our own code in the container makes between the load of the filter and the entry
//! program.

use std::sync::LazyLock;

use policy::registry::{self, SyscallNumber};

/// What the filtered thread may call there: the engine's profile is loaded, the last capability
/// dropped, the listener handed over and the entry program looked up and started. A rule that
/// denies one of these is meant for the program, so the kernel asks the supervisor, which knows
/// whether the program has begun.
const CALLS: &[&str] = &[
    "access",
    "brk",
    "capget",
    "capset",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fcntl",
    "fstat",
    "futex",
    "getpid",
    "getrandom",
    "gettid",
    "lseek",
    "madvise",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "nanosleep",
    "clock_nanosleep",
    "newfstatat",
    "open",
    "openat",
    "poll",
    "ppoll",
    "prctl",
    "pread64",
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "restart_syscall",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_yield",
    "seccomp",
    "sendmsg",
    "sendto",
    "setsid",
    "sigaltstack",
    "stat",
    "statx",
    "write",
    "writev",
];

static NUMBERS: LazyLock<Vec<SyscallNumber>> = LazyLock::new(|| {
    CALLS.iter().filter_map(|name| registry::call_named(name)).map(|call| call.number).collect()
});

/// Our own code needs this call.
pub(super) fn needs(call: SyscallNumber) -> bool {
    NUMBERS.contains(&call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_known() {
        assert_eq!(NUMBERS.len(), CALLS.len());
    }
}
