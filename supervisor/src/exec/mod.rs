//! execve(2) and execveat(2): judged by name, then watched until what was judged has been loaded.
//!
//! The kernel performs an execve itself, since nobody can do it for another, and it reads the name again.
//! [`watch`](crate::watch) closes that gap: the new program does not run before `expectation` has compared it.

mod expectation;
mod script;

use crate::caller::Caller;
use crate::container::Container;
use crate::evidence::{ContinueReason, NumbersOnly};
use crate::judge::Permission;
use crate::listener::StartUp;
use crate::notification::{Denial, Notification, Reply};
use crate::processes::Standing;
use crate::request::Request;
use crate::watch::{Outcome, Stopped, Watch};
use crate::worker::Worker;
use expectation::Expectation;
use policy::ast::PermitFlag;
use policy::registry::SyscallNumber;
use std::sync::Arc;

/// The calls of this family. They are no [handlers](crate::handlers): what becomes of the process depends on the
/// decision, too.
pub const CALLS: &[&str] = &["execve", "execveat"];

/// Whether the call starts a program.
#[must_use]
pub fn is_execve(number: SyscallNumber) -> bool {
    matches!(i64::from(number.0), libc::SYS_execve | libc::SYS_execveat)
}

/// Starts the entry program, which the runtime's own code was told to start: it is permitted by having been chosen.
///
/// # Errors
/// A refusal if the start cannot be watched: then we would not know when to begin to judge.
pub fn enter(
    worker: &mut Worker,
    caller: &Caller<'_>,
    notification: &Notification,
    proof: StartUp,
) -> Result<Reply, Denial> {
    let watch = Watch::start(caller)?;
    worker.listener().answer(notification.id, Reply::Continue(ContinueReason::StartUp(proof)));
    let container = Arc::clone(worker.container());
    match worker.pool().while_blocked(|| watch.outcome()) {
        Outcome::Executed(stopped) => {
            worker.listener().start_workload();
            if worker.pool().move_in().is_err() {
                let reason = "nobody can serve inside the container's user namespace";
                worker.refuse(caller, notification, None, reason);
                stopped.kill();
                return Ok(Reply::Answered);
            }
            let standings = vec![container.standing_at(0)];
            if !settle(stopped, &container, standings) {
                worker.refuse(caller, notification, None, UNKNOWABLE);
            }
        }
        Outcome::Returned(stopped) => stopped.release(),
        Outcome::Dead => {}
    }
    Ok(Reply::Answered)
}

/// Starts a permitted program.
///
/// # Errors
/// The caller's own error, or a refusal.
pub fn perform(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
    permission: &Permission,
) -> Result<Reply, Denial> {
    let container = Arc::clone(worker.container());
    if let Some(proof) = NumbersOnly::of(permission.judged_memory)
        && permission.flag == Some(PermitFlag::Inherit)
        && !container.is_tracked()
    {
        return Ok(Reply::Continue(ContinueReason::NothingInMemoryJudged(proof)));
    }
    let standings = standings_after(&container, request, permission)?;
    let expectation = Expectation::of(worker, caller, request)?;
    let watch = Watch::start(caller)?;
    let reason = ContinueReason::Watched(watch.proof());
    worker.listener().answer(request.notification.id, Reply::Continue(reason));
    match worker.pool().while_blocked(|| watch.outcome()) {
        Outcome::Executed(stopped) => match expectation.check(stopped.process()) {
            Ok(()) => {
                if !settle(stopped, &container, standings) {
                    worker.refuse(caller, &request.notification, Some(request), UNKNOWABLE);
                }
            }
            Err(difference) => {
                worker.refuse(caller, &request.notification, Some(request), difference);
                stopped.kill();
            }
        },
        Outcome::Returned(stopped) => stopped.release(),
        Outcome::Dead => {}
    }
    Ok(Reply::Answered)
}

/// What the book says of a program that was killed before it ran.
const UNKNOWABLE: &str = "the process cannot be told apart from a later one";

/// Lets the program run under its policies, or not at all. Gives which.
fn settle(stopped: Stopped, container: &Container, standings: Vec<Standing>) -> bool {
    let known = container.enters(stopped.process(), standings).is_ok();
    if known {
        stopped.release();
    } else {
        stopped.kill();
    }
    known
}

/// What will govern the process once it runs the new program.
fn standings_after(
    container: &Container,
    request: &Request,
    permission: &Permission,
) -> Result<Vec<Standing>, Denial> {
    match permission.flag {
        Some(PermitFlag::Inherit) => Ok(permission.standings.clone()),
        Some(PermitFlag::Detach) => Ok(vec![Standing::Detached]),
        Some(PermitFlag::None) => {
            let program = request.names().next().map(|resolved| resolved.name.as_slice());
            let program = program.ok_or_else(|| Denial::because("the program has no name"))?;
            let own = container.standing_for(program).ok_or_else(|| no_policy(program))?;
            Ok(vec![own])
        }
        None => Err(Denial::because(
            "the policies that may govern the process disagree on what governs the new program",
        )),
    }
}

fn no_policy(program: &[u8]) -> Denial {
    let program = String::from_utf8_lossy(program);
    Denial::because(format!("no policy for {program}: write permit[inherit] or add one"))
}
