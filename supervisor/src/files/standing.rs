//! chdir(2) and chroot(2): nobody can move another, so the caller moves itself, and is looked at before it goes on.
//!
//! Threads that share the folder (`CLONE_FS`) may use the wrong one until the caller is killed. It gives them nothing: a name
//! that starts there is resolved and judged by what it reaches, in the container's root, whatever the caller's is.

use super::name;
use crate::caller::Caller;
use crate::evidence::ContinueReason;
use crate::judge::{self, Judgement};
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::resolve::Resolved;
use crate::sys::files::place;
use crate::watch::{Outcome, Watch};
use crate::worker::Worker;
use nix::errno::Errno;
use nix::sys::stat::SFlag;
use std::os::fd::{AsFd, OwnedFd};

/// Performs both calls.
pub fn change(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let object = name(request, 0)?.object()?;
    if object.kind() != SFlag::S_IFDIR {
        return Err(Errno::ENOTDIR.into());
    }
    let watch = Watch::start(caller)?;
    let reason = ContinueReason::Watched(watch.proof());
    worker.listener().answer(request.notification.id, Reply::Continue(reason));
    if let Outcome::Executed(stopped) | Outcome::Returned(stopped) =
        worker.pool().while_blocked(|| watch.outcome())
    {
        let moved = stopped.result() == Ok(0);
        if !moved || went_where_permitted(worker, caller, request) {
            stopped.release();
        } else {
            let reason = "the caller went elsewhere after its folder was judged";
            worker.refuse(caller, &request.notification, Some(request), reason);
            stopped.kill();
        }
    }
    Ok(Reply::Answered)
}

fn went_where_permitted(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> bool {
    let reached = match request.form.call().name {
        "chroot" => caller.root(),
        _ => caller.cwd(),
    };
    reached.is_ok_and(|reached| is_permitted(worker, caller, request, reached).unwrap_or(false))
}

/// Whether what the caller has reached is what was judged. If it is not, another thread may have gone elsewhere at the same
/// time, or somebody has moved the folder: then it is judged by itself.
pub(super) fn is_permitted(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
    reached: OwnedFd,
) -> Result<bool, Denial> {
    let judged = name(request, 0)?;
    if place(reached.as_fd(), c"")? == place(judged.object()?.fd.as_fd(), c"")? {
        return Ok(true);
    }
    let reached = Resolved::of(reached, judged.asked().clone())?;
    let container = worker.container();
    let judgement = judge::judge_again(container, caller, &request.with_name(reached))?;
    Ok(matches!(judgement, Judgement::Permitted(permission) if permission.assumed.is_none()))
}
