//! Whether any thread of a pool gets on.
//!
//! A thread that serves may be made to wait where no pool is told of it: by a page or a file system that somebody else serves
//! (userfaultfd(2), fuse(4)), by a disk, by the holder of a lease. If that happens to all of them, others must receive.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// How long it is looked away while a thread waits for calls.
const CALM: Duration = Duration::from_secs(1);

/// A call that takes longer than this counts as stuck.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the threads of one pool do. Both numbers only steer how many threads there are, so no order is needed.
#[derive(Debug, Default)]
pub struct Pulse {
    /// Threads that wait for a call.
    waiting: AtomicUsize,
    /// Calls that were received so far.
    received: AtomicU64,
}

/// What was seen at the last look.
#[derive(Debug, Default)]
pub struct Look {
    all_busy_since: Option<u64>,
}

impl Pulse {
    /// Waits for a call.
    pub fn waiting<T>(&self, receive: impl FnOnce() -> T) -> T {
        self.waiting.fetch_add(1, Relaxed);
        let received = receive();
        self.waiting.fetch_sub(1, Relaxed);
        self.received.fetch_add(1, Relaxed);
        received
    }
}

impl Look {
    /// Until the next look.
    #[must_use]
    pub fn pause(&self) -> Duration {
        if self.all_busy_since.is_some() { PATIENCE } else { CALM }
    }

    /// Whether no thread has waited for a call or received one since the last look.
    pub fn is_stuck(&mut self, pulse: &Pulse) -> bool {
        let all_busy = pulse.waiting.load(Relaxed) == 0;
        let now = all_busy.then(|| pulse.received.load(Relaxed));
        let before = std::mem::replace(&mut self.all_busy_since, now);
        now.is_some() && now == before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuck_is_who_neither_waits_nor_receives() {
        let (pulse, mut look) = (Pulse::default(), Look::default());
        assert!(!look.is_stuck(&pulse), "this is the first look");
        assert!(look.pause() == PATIENCE && look.is_stuck(&pulse));
        pulse.waiting(|| assert!(!look.is_stuck(&pulse), "one waits"));
        assert_eq!(look.pause(), CALM);
        assert!(!look.is_stuck(&pulse));
        pulse.waiting(|| ());
        assert!(!look.is_stuck(&pulse), "one was received meanwhile");
        assert!(look.is_stuck(&pulse));
    }
}
