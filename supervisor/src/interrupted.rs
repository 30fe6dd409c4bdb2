//! What a caller is answered whose call a signal has ended before it had an effect: the kernel shall make of it what it would have
//! made of its own call, a new start or EINTR, as the handler asks (`SA_RESTART`, signal(7)).

use crate::caller::Caller;
use crate::notification::{Notification, Reply};
use crate::status::Interruption;
use crate::watch::{Outcome, Watch};
use crate::worker::Worker;
use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt};
use nix::sys::time::TimeValLike;

/// The calls that the kernel does not start anew on a socket with a time-out, whatever the handler asks.
const SENDING: &[i64] =
    &[libc::SYS_connect, libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_sendmmsg];

/// The answer.
pub fn reply(
    worker: &Worker,
    caller: &Caller<'_>,
    notification: &Notification,
    interruption: Interruption,
) -> Reply {
    if has_time_out(caller, notification) {
        return Reply::Error(Errno::EINTR);
    }
    match interruption {
        Interruption::Certain => Reply::Restart,
        Interruption::Shared => restart(worker, caller, notification),
    }
}

/// `SO_SNDTIMEO`, with which the wait would begin from its start (socket(7)).
fn has_time_out(caller: &Caller<'_>, notification: &Notification) -> bool {
    SENDING.contains(&notification.number.0.into())
        && caller
            .duplicate(notification.int(0))
            .and_then(|socket| Ok(getsockopt(&socket, sockopt::SendTimeout)?))
            .is_ok_and(|limit| limit.num_microseconds() != 0)
}

/// The kernel starts a call anew only in a thread that it has told of something, and nobody knows which thread of a process
/// it has told of a signal. So the thread is told to stop for us: on its way it acts on the signal, if that is still there, and else
/// just starts anew. Where another one traces it, it gets an error that programs know.
fn restart(worker: &Worker, caller: &Caller<'_>, notification: &Notification) -> Reply {
    let Ok(watch) = caller.fully(|| Watch::start(caller)) else {
        return Reply::Error(Errno::EINTR);
    };
    worker.listener().answer(notification.id, Reply::Restart);
    if let Outcome::Executed(stopped) | Outcome::Returned(stopped) =
        worker.pool().while_blocked(|| watch.outcome())
    {
        stopped.release();
    }
    Reply::Answered
}
