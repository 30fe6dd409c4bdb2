//! What the kernel asks and what it is answered.

use crate::evidence::ContinueReason;
use crate::status::Interruption;
use nix::errno::Errno;
use policy::registry::SyscallNumber;
use std::borrow::Cow;
use std::os::fd::OwnedFd;

/// The number under which a notification is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NotificationId(pub u64);

/// A thread, numbered as the host sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tid(pub libc::pid_t);

/// A process: the number of the thread that leads it, as the host sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tgid(pub libc::pid_t);

/// One call that waits for an answer. The registers are the kernel's copy: the caller can no longer change them.
#[derive(Debug, Clone, Copy)]
pub struct Notification {
    /// What the answer must name.
    pub id: NotificationId,
    /// The calling thread.
    pub tid: Tid,
    /// The call. Our filters refuse foreign architectures; should one notify nevertheless, this is no call's number.
    pub number: SyscallNumber,
    /// The argument registers.
    pub arguments: [u64; 6],
}

impl Notification {
    /// The register as the `int` that the kernel takes it for.
    #[must_use]
    pub fn int(&self, argument: u8) -> i32 {
        self.arguments[usize::from(argument)] as i32
    }
}

/// `AUDIT_ARCH_X86_64` of linux/audit.h.
const X86_64: u32 = 0xc000_003e;

/// No call has this number, so nothing permits it.
const NO_CALL: SyscallNumber = SyscallNumber(u32::MAX);

impl From<libc::seccomp_notif> for Notification {
    fn from(raw: libc::seccomp_notif) -> Self {
        let native = raw.data.arch == X86_64;
        Self {
            id: NotificationId(raw.id),
            tid: Tid(raw.pid as libc::pid_t),
            number: if native { SyscallNumber(raw.data.nr as u32) } else { NO_CALL },
            arguments: raw.data.args,
        }
    }
}

/// The answer to one call.
#[derive(Debug)]
#[must_use]
pub enum Reply {
    /// The call was performed; this is its result.
    Value(i64),
    /// The call was tried and failed: what the kernel would have said without us.
    Error(Errno),
    /// The policy denies the call with this error.
    Denied(policy::Errno),
    /// The call was interrupted before it had an effect: the kernel restarts it or returns EINTR, as the caller's
    /// signal handlers ask (`-ERESTARTSYS`, signal(7)).
    Restart,
    /// The call gives a descriptor: the caller gets a copy of this one.
    Descriptor {
        /// Ours; closed after the answer.
        fd: OwnedFd,
        /// Close-on-exec in the caller.
        cloexec: bool,
    },
    /// The kernel performs the call itself, for a stated reason.
    Continue(ContinueReason),
    /// The handler has answered already.
    Answered,
}

/// Why a permitted call is not performed. Whose fault it is decides who hears of it.
#[derive(Debug)]
pub enum Denial {
    /// The caller's own: a bad pointer, a name that does not exist. It gets the kernel's error and nothing is recorded.
    Caller(Errno),
    /// Ours: it cannot be done safely. The caller gets EPERM and the audit record says why.
    Unsafe(Cow<'static, str>),
    /// A signal ended the call before it had an effect.
    Interrupted(Interruption),
    /// Nobody waits any more: the caller was killed.
    Gone,
}

impl Denial {
    /// A refusal with a reason for the audit record.
    pub fn because(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Unsafe(reason.into())
    }
}

impl From<Errno> for Denial {
    fn from(errno: Errno) -> Self {
        Self::Caller(errno)
    }
}
