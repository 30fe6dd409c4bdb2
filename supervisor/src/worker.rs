//! A thread that serves one listener: receive, read, judge, act, answer, record.

use crate::audit::Outcome;
use crate::caller::{Caller, Surroundings};
use crate::container::Container;
use crate::effects;
use crate::evidence::ContinueReason;
use crate::exec;
use crate::handlers;
use crate::holder::{Place, Stage};
use crate::identity::Identity;
use crate::interrupted;
use crate::judge::{self, Judgement, Permission};
use crate::listener::{Listener, Silence, StartUp};
use crate::notification::{Denial, Notification, Reply};
use crate::plain::is_plain;
use crate::pool::Pool;
use crate::record::{self, Finding};
use crate::request::Request;
use crate::resolve::Mounts;
use crate::thread::Threads;
use nix::errno::Errno;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

/// What one serving thread owns.
#[derive(Debug)]
pub struct Worker {
    /// Whose credentials and root this thread has taken on.
    pub identity: Identity,
    /// Mounts that it has met.
    pub mounts: Mounts,
    /// Who called last: often they call next.
    threads: Threads,
    /// Its line in the journal.
    place: Place,
    pool: Arc<Pool>,
}

/// What went wrong on our side.
#[derive(Debug, Clone, Copy)]
struct Fault<'r> {
    errno: Errno,
    reason: &'r str,
}

/// Why a call is given up that was judged twice.
const DIED_OF_IT: &str = "two supervisors ended while they judged the call";

/// Why a call is given up that was performed.
const DIED_IN_IT: &str = "the supervisor ended while it performed the call";

/// Whether a thread may serve on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Fitness {
    /// It may.
    Fit,
    /// A panic left it with an identity that nobody knows.
    Unfit,
}

impl Worker {
    /// Makes the calling thread a serving one.
    ///
    /// # Errors
    /// If the thread cannot have a root and a umask of its own; EAGAIN if the journal has no line for it.
    pub fn new(pool: &Arc<Pool>) -> Result<Self, Errno> {
        let (identity, pool) = (Identity::new(&pool.container)?, Arc::clone(pool));
        let place = pool.container.journal.place(pool.listener.seat()).ok_or(Errno::EAGAIN)?;
        let (mounts, threads) = (Mounts::default(), Threads::default());
        Ok(Self { identity, mounts, threads, place, pool })
    }

    /// Waits for the next call.
    ///
    /// # Errors
    /// As [`Listener::receive`].
    pub fn receive(&self) -> Result<Notification, Silence> {
        self.pool.listener.receive(&self.place)
    }

    /// The listener that it serves.
    #[must_use]
    pub fn listener(&self) -> &Arc<Listener> {
        &self.pool.listener
    }

    /// What is known of the container.
    #[must_use]
    pub fn container(&self) -> &Arc<Container> {
        &self.pool.container
    }

    /// The threads that this one belongs to: another one serves while this one [blocks](Pool::block).
    #[must_use]
    pub fn pool(&self) -> Arc<Pool> {
        Arc::clone(&self.pool)
    }

    /// Answers one call. A panic denies it.
    pub fn serve(&mut self, notification: &Notification) -> Fitness {
        let pool = self.pool();
        let powers = Rc::clone(self.identity.powers());
        if !is_plain(notification) {
            powers.restore();
        }
        let (listener, changes) = (&*pool.listener, &pool.container.changes);
        let surroundings = Surroundings { listener, changes, powers };
        let caller = Caller::new(surroundings, notification, self.threads.take(notification.tid));
        let (reply, fitness) = match survive(|| self.decide(&caller, notification)) {
            Some(reply) => (reply, Fitness::Fit),
            None => {
                self.refuse(&caller, notification, None, "the supervisor failed");
                (Reply::Error(Errno::EPERM), Fitness::Unfit)
            }
        };
        listener.answer(notification.id, reply);
        if let Some(thread) = caller.into_thread() {
            self.threads.put(thread);
        }
        fitness
    }

    /// Answers a call that an earlier supervisor received, unless it did. What it may have done is not done again.
    pub fn take_over(&mut self, orphan: Place) -> Fitness {
        let notification = orphan.notification();
        self.place = orphan;
        if !self.listener().is_valid(notification.id) {
            return Fitness::Fit;
        }
        match self.place.stage() {
            Stage::Judged => {
                self.place.reach(Stage::JudgedAgain);
                self.serve(&notification)
            }
            Stage::JudgedAgain => self.give_up(&notification, Errno::EPERM, DIED_OF_IT),
            Stage::Acted => {
                let errno = effects::unknown(notification.number);
                self.give_up(&notification, errno, DIED_IN_IT)
            }
        }
    }

    fn give_up(
        &mut self,
        notification: &Notification,
        errno: Errno,
        reason: &'static str,
    ) -> Fitness {
        let pool = self.pool();
        let (listener, changes) = (&*pool.listener, &pool.container.changes);
        let powers = Rc::clone(self.identity.powers());
        let caller = Caller::new(Surroundings { listener, changes, powers }, notification, None);
        self.fail(&caller, notification, None, Fault { errno, reason });
        listener.answer(notification.id, Reply::Error(errno));
        Fitness::Fit
    }

    fn decide(&mut self, caller: &Caller<'_>, notification: &Notification) -> Reply {
        if let Err(denial) = self.container().changes.announce(notification, || caller.tgid()) {
            return self.settle(caller, notification, None, Err(denial));
        }
        if let Some(proof) = self.listener().start_up(notification.tid) {
            let reply = self.start_up(caller, notification, proof);
            return self.settle(caller, notification, None, reply);
        }
        match Request::read(self, caller, notification) {
            Ok(request) => {
                let (request, reply) = self.judge_and_act(caller, request);
                self.settle(caller, notification, request.as_ref(), reply)
            }
            Err(denial) => self.settle(caller, notification, None, Err(denial)),
        }
    }

    /// Gives the call back as it was judged last, for the book.
    fn judge_and_act(
        &mut self,
        caller: &Caller<'_>,
        request: Request,
    ) -> (Option<Request>, Result<Reply, Denial>) {
        let container = Arc::clone(self.container());
        let permission = match judge::judge(&container, caller, &request) {
            Err(denial) => return (Some(request), Err(denial)),
            Ok(Judgement::Denied(errno)) => return (Some(request), Ok(Reply::Denied(errno))),
            Ok(Judgement::Permitted(permission)) => permission,
        };
        if permission.assumed.is_none() {
            let reply = self.act(caller, &request, permission);
            return (Some(request), reply);
        }
        self.identity.assume(permission.assumed);
        let outcome = self.act_as_another(caller, request, &permission);
        self.identity.assume(None);
        outcome
    }

    /// What a name leads to depends on who asks: it is resolved again as the user whom the rule names, and judged again.
    fn act_as_another(
        &mut self,
        caller: &Caller<'_>,
        request: Request,
        permission: &Permission,
    ) -> (Option<Request>, Result<Reply, Denial>) {
        if !handlers::can_be_made_as_another(request.form.call().name) {
            let reason = "only the caller itself can make this call, not another user";
            return (Some(request), Err(Denial::because(reason)));
        }
        let request = match request.again(self, caller) {
            Err(denial) => return (None, Err(denial)),
            Ok(request) => request,
        };
        let container = Arc::clone(self.container());
        let reply = match judge::judge_again(&container, caller, &request) {
            Err(denial) => Err(denial),
            Ok(Judgement::Denied(errno)) => Ok(Reply::Denied(errno)),
            Ok(Judgement::Permitted(again)) if again.assumed == permission.assumed => {
                self.act(caller, &request, again)
            }
            Ok(Judgement::Permitted(_)) => {
                Err(Denial::because("what the named user reaches is permitted to another one only"))
            }
        };
        (Some(request), reply)
    }

    fn act(
        &mut self,
        caller: &Caller<'_>,
        request: &Request,
        permission: Permission,
    ) -> Result<Reply, Denial> {
        if (permission.judged_memory || permission.assumed.is_some())
            && !effects::leaves_no_trace(request)
        {
            self.place.reach(Stage::Acted);
        } else if effects::may_wait(request) {
            self.place.reach(Stage::Judged);
        }
        let reply = if exec::is_execve(request.notification.number) {
            exec::perform(self, caller, request, &permission)
        } else {
            permission.perform(self, caller, request)
        };
        if !matches!(reply, Err(Denial::Unsafe(_))) {
            self.container().audit.count(Outcome::Permit);
        }
        reply
    }

    /// The answer for the caller; what is our fault goes into the book.
    fn settle(
        &self,
        caller: &Caller<'_>,
        notification: &Notification,
        request: Option<&Request>,
        reply: Result<Reply, Denial>,
    ) -> Reply {
        match reply {
            Ok(reply) => reply,
            // The caller's own table is full only where a descriptor is handed over, which comes later.
            Err(Denial::Caller(errno @ (Errno::EMFILE | Errno::ENFILE))) => {
                let reason = "the supervisor can open no more files";
                self.fail(caller, notification, request, Fault { errno, reason });
                Reply::Error(errno)
            }
            Err(Denial::Caller(errno)) => Reply::Error(errno),
            Err(Denial::Interrupted(interruption)) => {
                interrupted::reply(self, caller, notification, interruption)
            }
            // Should it wait nevertheless, it must not wait for ever.
            Err(Denial::Gone) => Reply::Error(Errno::EPERM),
            Err(Denial::Unsafe(reason)) => {
                self.refuse(caller, notification, request, &reason);
                Reply::Error(Errno::EPERM)
            }
        }
    }

    /// Writes a refusal with EPERM into the book.
    pub fn refuse(
        &self,
        caller: &Caller<'_>,
        notification: &Notification,
        request: Option<&Request>,
        reason: &str,
    ) {
        self.fail(caller, notification, request, Fault { errno: Errno::EPERM, reason });
    }

    fn fail(
        &self,
        caller: &Caller<'_>,
        notification: &Notification,
        request: Option<&Request>,
        fault: Fault<'_>,
    ) {
        let container = self.container();
        container.audit.count(Outcome::Deny);
        let finding = Finding {
            errno: policy::Errno::new(fault.errno as u16),
            rule: None,
            reason: Some(fault.reason),
        };
        match request {
            Some(request) => record::judged(container, caller, request, finding),
            None => record::unread(container, caller, notification, finding),
        }
    }

    /// The runtime's own code goes on until it starts the workload.
    fn start_up(
        &mut self,
        caller: &Caller<'_>,
        notification: &Notification,
        proof: StartUp,
    ) -> Result<Reply, Denial> {
        if exec::is_execve(notification.number) {
            exec::enter(self, caller, notification, proof)
        } else {
            Ok(Reply::Continue(ContinueReason::StartUp(proof)))
        }
    }
}

/// Runs something that may panic; none if it did. The worker is not used again then, and whatever else it shares is behind
/// locks, so nothing half changed is seen.
fn survive<T>(act: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(act)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_survived() {
        assert_eq!(survive(|| 1), Some(1));
        assert_eq!(survive(|| -> i32 { panic!("on purpose") }), None);
    }
}
