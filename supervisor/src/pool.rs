//! The threads that serve one listener.
//!
//! Each receives directly from the listener; there is no dispatcher. As many as there are processors wait for calls; when
//! one of them gets stuck in a call that blocks, another takes its place, and goes when the first comes back. If all get stuck
//! in what nobody expected to block, more are started, twice as many each time.

use crate::caller::Caller;
use crate::container::Container;
use crate::holder::Place;
use crate::host;
use crate::listener::{Listener, Silence};
use crate::notification::{Denial, Tid};
use crate::pulse::{Look, Pulse};
use crate::resident;
use crate::sys::signal;
use crate::worker::{Fitness, Worker};
use nix::errno::Errno;
use nix::unistd::gettid;
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Threads that one listener may hold. A container that blocks more calls than this at a time waits for itself.
const MOST: usize = 1024;

/// Threads beyond the wanted ones that are kept, so that a program which blocks often does not start one each time.
const SPARE: usize = 2;

/// A serving thread runs the evaluator and little else.
const STACK: usize = 512 * 1024;

/// The threads of one listener.
#[derive(Debug)]
pub struct Pool {
    /// What they know of the container.
    pub container: Arc<Container>,
    /// What they serve.
    pub listener: Arc<Listener>,
    wanted: usize,
    threads: Mutex<Threads>,
    pulse: Pulse,
    /// No thread serves any more.
    empty: Condvar,
    /// What is left of those that were started.
    handles: Mutex<Vec<JoinHandle<()>>>,
    /// Who serves instead, in the container's own user namespace.
    residents: OnceLock<Arc<Self>>,
}

#[derive(Debug, Default)]
struct Threads {
    /// Started and not stuck.
    ready: usize,
    /// Started and not ended.
    started: usize,
    /// Those of them that can be interrupted.
    alive: Vec<Tid>,
    /// None of them serves any more, and none is started.
    retired: bool,
    /// Calls that an earlier supervisor received.
    orphans: Vec<Place>,
}

impl Threads {
    fn begin(&mut self) {
        self.ready += 1;
        self.started += 1;
    }

    fn end(&mut self) {
        self.ready -= 1;
        self.started -= 1;
    }
}

/// A stuck thread is ready again, even after a panic.
struct Back<'p>(&'p Pool);

impl Drop for Back<'_> {
    fn drop(&mut self) {
        self.0.threads().ready += 1;
    }
}

impl Pool {
    /// A pool without threads.
    #[must_use]
    pub fn new(container: Arc<Container>, listener: Arc<Listener>) -> Arc<Self> {
        let wanted = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = Mutex::new(Threads {
            orphans: container.journal.orphans(listener.seat()),
            ..Threads::default()
        });
        let (pulse, empty, handles, residents) = Default::default();
        Arc::new(Self { container, listener, wanted, threads, pulse, empty, handles, residents })
    }

    /// Starts serving.
    ///
    /// # Errors
    /// If not even one thread can be started, or if threads cannot act as callers.
    pub fn start(self: &Arc<Self>) -> std::io::Result<()> {
        if self.listener.is_running() && self.container.user_namespace().is_some() {
            return self.move_in();
        }
        self.start_here()
    }

    /// Starts serving in the process of whoever calls.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_here(self: &Arc<Self>) -> std::io::Result<()> {
        let (tell, told) = channel();
        self.start_one(move |fitness| {
            // Whoever started the thread waits for this.
            let _ = tell.send(fitness);
        })?;
        told.recv().unwrap_or(Err(Errno::ECANCELED))?;
        self.fill();
        let pool = Arc::clone(self);
        let builder = std::thread::Builder::new().name("relief".into()).stack_size(STACK);
        let relief = builder.spawn(move || pool.relieve())?;
        self.handles().push(relief);
        Ok(())
    }

    /// Starts threads whenever all are stuck, until none serves any more.
    fn relieve(self: &Arc<Self>) {
        let mut look = Look::default();
        loop {
            let serving = |threads: &mut Threads| threads.started > 0;
            let waited = self.empty.wait_timeout_while(self.threads(), look.pause(), serving);
            let (threads, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if threads.started == 0 {
                return;
            }
            let room = if threads.retired { 0 } else { MOST.saturating_sub(threads.started) };
            let more = threads.ready.min(room);
            drop(threads);
            if look.is_stuck(&self.pulse) {
                // If the system gives no more, those that are there go on.
                let _ = (0..more).try_for_each(|_| self.start_one(drop));
            }
        }
    }

    /// Has the calls answered in the container's user namespace from now on, if it has one of its own: there the kernel gives us
    /// the caller's ids and lets us act with what its capabilities mean. The runtime's own code cannot be served from there, for
    /// it came from outside; the workload's is, from its first instruction. To be called while nobody in the container can
    /// call, by a thread of the pool or before that has any.
    ///
    /// # Errors
    /// If the namespace cannot be entered.
    pub fn move_in(&self) -> std::io::Result<()> {
        let Some(namespace) = self.container.user_namespace() else { return Ok(()) };
        host::open_folders()?;
        let residents = Self::new(Arc::clone(&self.container), Arc::clone(&self.listener));
        residents.threads().orphans.append(&mut self.threads().orphans);
        resident::start(&residents, namespace)?;
        let _ = self.residents.set(residents);
        self.threads().retired = true;
        self.interrupt_until(|threads| threads.alive.iter().all(|thread| *thread == own()));
        Ok(())
    }

    /// Waits until the last thread has ended, to its last instruction.
    pub fn wait(&self) {
        loop {
            let ended = self.empty.wait_while(self.threads(), |threads| threads.started > 0);
            drop(ended.unwrap_or_else(PoisonError::into_inner));
            // The last to end may have started one more.
            let handles = std::mem::take(&mut *self.handles());
            if handles.is_empty() {
                return;
            }
            handles.into_iter().for_each(|handle| drop(handle.join()));
        }
    }

    fn handles(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs something that may take long, while another thread receives instead of this one if there can be one.
    pub fn while_blocked<T>(self: &Arc<Self>, act: impl FnOnce() -> T) -> T {
        let _back = self.step_back();
        act()
    }

    fn step_back(self: &Arc<Self>) -> Back<'_> {
        self.threads().ready -= 1;
        let back = Back(self);
        self.fill();
        back
    }

    /// Makes a call that may block until the caller's own call would have ended.
    ///
    /// # Errors
    /// The call's own error, or [`Denial::Gone`] or [`Denial::Interrupted`] if it was given up. A refusal if no thread would be left
    /// to receive other calls.
    pub fn block<T>(
        self: &Arc<Self>,
        caller: &Caller<'_>,
        act: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<T, Denial> {
        let _back = self.step_back();
        if self.threads().ready == 0 {
            return Err(Denial::because("too many calls block at the same time"));
        }
        self.container.blocked.call(&self.listener, caller, act)
    }

    /// Ends the threads after the listener has hung up. Before Linux 6.11 a thread that waits for a call does not notice
    /// that, so each is woken by a signal until all are gone.
    pub fn close(&self) {
        if let Some(residents) = self.residents.get() {
            residents.close();
        }
        self.interrupt_until(|threads| threads.started == 0);
    }

    fn interrupt_until(&self, over: impl Fn(&Threads) -> bool) {
        loop {
            let threads = self.threads();
            if over(&threads) {
                return;
            }
            // A thread takes itself off the list under this lock, so those on it have not ended.
            let others = threads.alive.iter().filter(|thread| **thread != own());
            others.for_each(|thread| signal::interrupt(*thread));
            drop(threads);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn threads(&self) -> MutexGuard<'_, Threads> {
        // No step under the lock can panic half done.
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts threads until enough are ready; if the system gives no more, those that are there go on.
    fn fill(self: &Arc<Self>) {
        while {
            let threads = self.threads();
            !threads.retired && threads.ready < self.wanted && threads.started < MOST
        } {
            if self.start_one(drop).is_err() {
                return;
            }
        }
    }

    /// Starts a thread, which tells whether it is fit to serve.
    fn start_one(
        self: &Arc<Self>,
        tell: impl FnOnce(Result<(), Errno>) + Send + 'static,
    ) -> std::io::Result<()> {
        let pool = Arc::clone(self);
        self.threads().begin();
        let builder = std::thread::Builder::new().name("serve".into()).stack_size(STACK);
        let started = builder.spawn(move || pool.serve(tell));
        if started.is_err() {
            self.threads().end();
        }
        let mut handles = self.handles();
        handles
            .extract_if(.., |handle| handle.is_finished())
            .for_each(|handle| drop(handle.join()));
        handles.push(started?);
        Ok(())
    }

    /// The life of one thread.
    fn serve(self: Arc<Self>, tell: impl FnOnce(Result<(), Errno>)) {
        self.threads().alive.push(own());
        let worker = Worker::new(&self);
        tell(worker.as_ref().map(drop).map_err(|errno| *errno));
        let fitness = worker.map_or(Fitness::Fit, |mut worker| self.receive(&mut worker));
        let mut threads = self.threads();
        threads.alive.retain(|thread| *thread != own());
        threads.end();
        if threads.started == 0 {
            self.empty.notify_all();
        }
        drop(threads);
        if fitness == Fitness::Unfit {
            self.fill();
        }
    }

    /// Serves until the listener hangs up, until others suffice, or until the thread cannot be trusted any more. What an earlier
    /// supervisor left comes first.
    fn receive(&self, worker: &mut Worker) -> Fitness {
        let mut orphan = self.threads().orphans.pop();
        loop {
            let fitness = match orphan.take() {
                Some(orphan) => worker.take_over(orphan),
                None => match self.pulse.waiting(|| worker.receive()) {
                    Ok(notification) => worker.serve(&notification),
                    Err(Silence::Interrupted) => Fitness::Fit,
                    Err(Silence::HungUp) => return Fitness::Fit,
                },
            };
            if fitness == Fitness::Unfit {
                return Fitness::Unfit;
            }
            let mut threads = self.threads();
            if threads.retired {
                return Fitness::Fit;
            }
            orphan = threads.orphans.pop();
            if orphan.is_none() && threads.ready > self.wanted + SPARE {
                return Fitness::Fit;
            }
        }
    }
}

fn own() -> Tid {
    Tid(gettid().as_raw())
}
