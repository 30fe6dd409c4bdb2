//! What a caller cannot change without our being told, so that it need not be read for each of its calls.
//!
//! The filter of a container either refuses the calls of [`CREDENTIAL_CHANGES`] or notifies them. So a thread that has made none of them
//! since we read its credentials still has these credentials: a thread changes only its own (credentials(7)), and while it
//! waits for us in one call it makes no other. Each such call is [announced](Changes::announce) before it is answered, and
//! what was read before an announcement is never used after it.
//!
//! One call takes effect on a thread that did not make it: an execve(2) by a thread that does not lead its process makes it
//! take the leader's number. Nothing is kept of such a process any more.

use crate::notification::{Denial, Notification, Tgid};
use policy::registry::{CREDENTIAL_CHANGES, SyscallNumber, call_named};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

static NUMBERS: LazyLock<Vec<SyscallNumber>> = LazyLock::new(|| {
    CREDENTIAL_CHANGES.iter().filter_map(|name| call_named(name)).map(|call| call.number).collect()
});

/// What the filter promises of all processes of a container. Nothing, if nobody says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Constancy {
    /// Each call of [`CREDENTIAL_CHANGES`] is notified or fails.
    pub credentials: bool,
    /// Neither chroot(2) nor pivot_root(2) ever succeeds: they move the root of other threads too.
    pub root: bool,
}

/// The changes in one container.
#[derive(Debug, Default)]
pub struct Changes {
    constancy: Constancy,
    count: AtomicU64,
    /// Processes in which a thread that does not lead them has called execve(2).
    restless: Mutex<HashSet<Tgid>>,
}

/// A moment between two changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(u64);

impl Changes {
    /// None yet.
    #[must_use]
    pub fn new(constancy: Constancy) -> Self {
        Self { constancy, ..Self::default() }
    }

    /// What holds for the container.
    #[must_use]
    pub fn constancy(&self) -> Constancy {
        self.constancy
    }

    /// Now. To be asked before anything is read that is to be kept, and once the call has been received for which what was
    /// kept is to be used: whatever the caller did before this call has been announced by then.
    #[must_use]
    pub fn now(&self) -> Moment {
        Moment(self.count.load(Ordering::SeqCst))
    }

    /// Notes that a call is about to change its caller; to be called before it is answered. `process` is asked whose thread it is.
    ///
    /// # Errors
    /// What `process` says.
    pub fn announce(
        &self,
        notification: &Notification,
        process: impl FnOnce() -> Result<Tgid, Denial>,
    ) -> Result<(), Denial> {
        if !changes(notification.number) {
            return Ok(());
        }
        if crate::exec::is_execve(notification.number) {
            let process = process()?;
            if process.0 != notification.tid.0 {
                self.restless().insert(process);
            }
        }
        self.count.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// Whether what is read of the caller now may be kept for later calls.
    #[must_use]
    pub fn may_keep(&self, notification: &Notification, process: Tgid) -> bool {
        self.constancy.credentials
            && !changes(notification.number)
            && !self.restless().contains(&process)
    }

    fn restless(&self) -> std::sync::MutexGuard<'_, HashSet<Tgid>> {
        self.restless.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn changes(call: SyscallNumber) -> bool {
    NUMBERS.contains(&call)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::{NotificationId, Tid};

    fn call(name: &str, tid: i32) -> Notification {
        let number = call_named(name).unwrap().number;
        Notification { id: NotificationId(1), tid: Tid(tid), number, arguments: [0; 6] }
    }

    fn watched() -> Changes {
        Changes::new(Constancy { credentials: true, root: true })
    }

    #[test]
    fn every_call_is_known() {
        assert_eq!(NUMBERS.len(), CREDENTIAL_CHANGES.len());
    }

    #[test]
    fn only_a_change_ends_a_moment() {
        let changes = watched();
        let before = changes.now();
        changes.announce(&call("openat", 7), || unreachable!()).unwrap();
        assert_eq!(changes.now(), before);
        changes.announce(&call("setgroups", 7), || unreachable!()).unwrap();
        assert_ne!(changes.now(), before);
    }

    #[test]
    fn nothing_is_kept_during_a_change_nor_without_a_promise() {
        assert!(watched().may_keep(&call("stat", 7), Tgid(7)));
        assert!(!watched().may_keep(&call("execve", 7), Tgid(7)));
        assert!(!Changes::default().may_keep(&call("stat", 7), Tgid(7)));
    }

    #[test]
    fn a_process_whose_thread_executes_is_never_trusted_again() {
        let changes = watched();
        changes.announce(&call("execve", 7), || Ok(Tgid(7))).unwrap();
        assert!(changes.may_keep(&call("stat", 7), Tgid(7)));
        changes.announce(&call("execve", 8), || Ok(Tgid(7))).unwrap();
        assert!(!changes.may_keep(&call("stat", 7), Tgid(7)));
        assert!(changes.may_keep(&call("stat", 9), Tgid(9)));
    }
}
