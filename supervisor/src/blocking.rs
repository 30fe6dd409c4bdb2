//! Calls that may block for long: they must end when the caller's own call would have ended.
//!
//! The kernel does not interrupt a caller whose notification was received, so that nothing is done twice. But a connect(2) that
//! hangs, or an open(2) of a FIFO, must let the caller act on a signal. One thread looks after all such calls: it reads the signals
//! that wait for their callers, and interrupts the serving thread when one would be acted on or when the caller is dead.

use crate::caller::Caller;
use crate::listener::Listener;
use crate::notification::{Denial, NotificationId, Tid};
use crate::siblings;
use crate::status::{Interruption, Status};
use crate::sys::signal;
use nix::errno::Errno;
use nix::unistd::gettid;
use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Callers are looked at this long after a call has begun, and then ever more rarely: what has lasted long may last longer.
const SOONEST: Duration = Duration::from_millis(5);

/// The most that a signal is late.
const LATEST: Duration = Duration::from_millis(40);

/// The calls of one container that block now.
#[derive(Debug, Default)]
pub struct Blocked {
    calls: Mutex<Calls>,
    some: Condvar,
}

#[derive(Debug, Default)]
struct Calls {
    list: Vec<Call>,
    watched: bool,
}

fn own() -> Tid {
    Tid(gettid().as_raw())
}

/// One call that a serving thread is in.
#[derive(Debug)]
struct Call {
    id: NotificationId,
    tid: Tid,
    listener: Arc<Listener>,
    status: File,
    thread: Tid,
    end: Option<End>,
    /// A signal for the whole process waited at the last look.
    shared: bool,
}

/// Why a call is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Dead,
    Interrupted(Interruption),
}

impl Blocked {
    /// Makes a call that may block, on the calling thread. It returns EINTR if it was interrupted before it had an effect.
    ///
    /// # Errors
    /// The call's own error; [`Denial::Gone`] or [`Denial::Interrupted`] if it was given up.
    pub fn call<T>(
        self: &Arc<Self>,
        listener: &Arc<Listener>,
        caller: &Caller<'_>,
        act: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<T, Denial> {
        let entry = Entry::new(self, listener, caller)?;
        match act() {
            // Without a reason of the caller's it was a signal to us, such as the end of the listener.
            Err(Errno::EINTR) => Err(match entry.end() {
                Some(End::Interrupted(interruption)) => Denial::Interrupted(interruption),
                Some(End::Dead) | None => Denial::Gone,
            }),
            other => Ok(other?),
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the watching thread, if it does not run yet. It belongs to the process of whoever starts it.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(self: &Arc<Self>) -> std::io::Result<()> {
        let mut calls = self.calls();
        if !calls.watched {
            let blocked = Arc::clone(self);
            std::thread::Builder::new().name("watch".into()).spawn(move || blocked.watch())?;
            calls.watched = true;
        }
        Ok(())
    }

    fn enter(self: &Arc<Self>, call: Call) -> std::io::Result<()> {
        self.start()?;
        self.calls().list.push(call);
        self.some.notify_one();
        Ok(())
    }

    fn watch(&self) {
        let mut pause = SOONEST;
        loop {
            let waited = self.some.wait_while(self.calls(), |calls| calls.list.is_empty());
            let mut calls = waited.unwrap_or_else(PoisonError::into_inner);
            calls.list.iter_mut().for_each(Call::look);
            // A new call is looked at soon; all others with it.
            let waited = self.some.wait_timeout(calls, pause);
            let (calls, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            drop(calls);
            pause = if timeout.timed_out() { LATEST.min(2 * pause) } else { SOONEST };
        }
    }
}

impl Call {
    /// Interrupts the thread if there is a reason; again and again, since the first time may come before it blocks. The
    /// thread has not ended: it takes its entry off the list first.
    fn look(&mut self) {
        self.end = self.end.or_else(|| self.reason());
        if self.end.is_some() {
            signal::interrupt(self.thread);
        }
    }

    fn reason(&mut self) -> Option<End> {
        if !self.listener.is_valid(self.id) {
            return Some(End::Dead);
        }
        let Ok(status) = Status::read(&self.status) else { return Some(End::Dead) };
        let interruption = status.interruption().or_else(|| self.stop(&status));
        // Another thread usually takes such a signal at once; if it stays, it waits for this one.
        let shared = interruption == Some(Interruption::Shared);
        let waited_before = std::mem::replace(&mut self.shared, shared);
        interruption.filter(|_| !shared || waited_before).map(End::Interrupted)
    }

    /// A signal that stops the process, and that another thread has taken.
    fn stop(&self, status: &Status) -> Option<Interruption> {
        let stopping =
            status.threads > 1 && siblings::are_stopping(status.process(), self.tid) == Ok(true);
        stopping.then_some(Interruption::Shared)
    }
}

/// The place of a blocking call on the list.
struct Entry<'b> {
    blocked: &'b Blocked,
    id: NotificationId,
}

impl<'b> Entry<'b> {
    fn new(
        blocked: &'b Arc<Blocked>,
        listener: &Arc<Listener>,
        caller: &Caller<'_>,
    ) -> Result<Self, Denial> {
        let (id, thread) = (caller.notification().id, own());
        let (tid, status) = (caller.tid(), caller.open_file("status")?);
        let listener = Arc::clone(listener);
        let call = Call { id, tid, listener, status, thread, end: None, shared: false };
        blocked.enter(call).map_err(|_| Denial::because("no thread to watch a blocking call"))?;
        Ok(Self { blocked, id })
    }

    fn end(&self) -> Option<End> {
        let calls = self.blocked.calls();
        calls.list.iter().find(|call| call.id == self.id)?.end
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut calls = self.blocked.calls();
        calls.list.retain(|call| call.thread != own());
    }
}
