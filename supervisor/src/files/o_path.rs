//! open(2) with `O_PATH`: the kernel hands over no such descriptor (`SECCOMP_IOCTL_NOTIF_ADDFD` gives EBADF), so the caller opens it
//! itself, and what it has got is compared before it goes on.
//!
//! Until then the descriptor may be the wrong one. Nobody else may use it meanwhile, not even to ask for its status: so this is done
//! only for a caller whose descriptors no other task shares. Others get one that is opened for reading, if they may read.

use super::name;
use super::standing::is_permitted;
use crate::caller::Caller;
use crate::evidence::ContinueReason;
use crate::host;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::sys::process::may_share_descriptors;
use crate::watch::{Outcome, Watch};
use crate::worker::Worker;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

/// Lets the caller open what was judged; `None` if it cannot be done so.
pub fn by_the_caller(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Option<Reply>, Denial> {
    name(request, 0)?.object()?;
    if worker.identity.is_assumed() || !is_alone(caller)? {
        return Ok(None);
    }
    let watch = match Watch::start(caller) {
        Err(Denial::Unsafe(_)) => return Ok(None),
        other => other?,
    };
    let reason = ContinueReason::Watched(watch.proof());
    worker.listener().answer(request.notification.id, Reply::Continue(reason));
    if let Outcome::Executed(stopped) | Outcome::Returned(stopped) =
        worker.pool().while_blocked(|| watch.outcome())
    {
        let opened =
            stopped.result().ok().and_then(|fd| i32::try_from(fd).ok()).filter(|fd| *fd >= 0);
        let right = opened.is_none_or(|fd| {
            let reached = caller.descriptor(fd);
            reached.is_ok_and(|fd| is_permitted(worker, caller, request, fd).unwrap_or(false))
        });
        if right {
            stopped.release();
        } else {
            let reason = "the caller opened something else after its file was judged";
            worker.refuse(caller, &request.notification, Some(request), reason);
            stopped.kill();
        }
    }
    Ok(Some(Reply::Answered))
}

/// Whether no other task has the caller's descriptors. While the caller waits, only one that has them could give them to another
/// (`CLONE_FILES`, clone(2)): so if there is none now, there will be none.
fn is_alone(caller: &Caller<'_>) -> Result<bool, Denial> {
    if caller.status()?.threads != 1 {
        return Ok(false);
    }
    let own = caller.tid().0;
    caller.fully(|| {
        for process in numbers_in(".")? {
            let tasks = match numbers_in(&format!("{process}/task")) {
                // It has ended meanwhile.
                Err(Errno::ENOENT | Errno::ESRCH) => continue,
                other => other?,
            };
            if tasks.iter().any(|task| *task != own && may_share_descriptors(own, *task)) {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

/// The names in a folder of the host's proc(5) that are numbers.
fn numbers_in(folder: &str) -> Result<Vec<i32>, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut numbers = Vec::new();
    for entry in Dir::openat(host::proc(), folder, flags, Mode::empty())? {
        let entry = entry?;
        let name = entry.file_name().to_str().ok();
        numbers.extend(name.and_then(|name| name.parse::<i32>().ok()));
    }
    Ok(numbers)
}
