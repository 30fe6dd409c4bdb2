//! kill(2) and its kin where a rule asks which program the signal goes to (`pidname`): sent through a descriptor of the process that was
//! judged, so that no later one gets it under the same number.
//!
//! A process may start another program between our look and the signal. That is no race of ours: a signal that was sent before an
//! execve(2) is still pending after it (signal(7)).
//!
//! The kernel does not let anybody name another sender (rt_sigqueueinfo(2)), and ours is outside of the container: the receiver
//! sees the caller's user and 0 as its process (`si_pid`).

mod target;

pub use target::Target;

use crate::caller::Caller;
use crate::evidence::ContinueReason;
use crate::handlers::Row;
use crate::identity::Who;
use crate::notification::{Denial, Notification, Reply};
use crate::request::{Argument, Request};
use crate::sys::signal::{INFO, Info, send};
use crate::worker::Worker;
use nix::errno::Errno;
use std::os::fd::AsFd;
use target::{Aim, Task};

/// The calls of this family.
pub const HANDLERS: &[Row] = &[
    ("kill", deliver),
    ("tkill", deliver),
    ("tgkill", deliver),
    ("rt_sigqueueinfo", deliver),
    ("rt_tgsigqueueinfo", deliver),
    ("pidfd_send_signal", deliver),
];

/// `PIDFD_SIGNAL_PROCESS_GROUP` of linux/pidfd.h (since Linux 6.9).
const PROCESS_GROUP: u32 = 1 << 2;

/// Whether a pidfd_send_signal(2) is for the group that the process leads.
fn is_for_group(notification: &Notification) -> bool {
    notification.int(3).cast_unsigned() & PROCESS_GROUP != 0
}

/// Proof that a signal goes to the caller's own process or group, or to everybody: no other process can take that place
/// while the caller waits.
#[derive(Debug)]
pub struct Own(());

fn deliver(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let target = request.arguments.iter().find_map(|argument| match argument {
        Argument::Process(target) => Some(target),
        _ => None,
    });
    let target = target.ok_or_else(|| Denial::because("nobody was judged"))?;
    match &target.aim {
        Aim::Nobody(errno) => {
            // The kernel looks at what comes with the signal first.
            let (_, info) = message(caller, &request.notification)?;
            let forged = *errno == Errno::ESRCH && info.is_some_and(|info| info.is_the_kernels());
            Err(if forged { Errno::EPERM } else { *errno }.into())
        }
        Aim::Several if worker.identity.is_assumed() => {
            Err(Denial::because("no user can be named for a signal to several processes"))
        }
        // Everybody may signal itself, as whoever it is.
        Aim::Itself | Aim::Several => Ok(Reply::Continue(ContinueReason::ToItself(Own(())))),
        Aim::Task(task) => {
            send_to(worker, caller, &request.notification, task)?;
            Ok(Reply::Value(0))
        }
    }
}

fn send_to(
    worker: &mut Worker,
    caller: &Caller<'_>,
    notification: &Notification,
    task: &Task,
) -> Result<(), Denial> {
    let (mut signal, mut info) = message(caller, notification)?;
    let group = if task.is_group { PROCESS_GROUP } else { 0 };
    let flags = match i64::from(notification.number.0) {
        libc::SYS_pidfd_send_signal => notification.int(3).cast_unsigned(),
        _ => group,
    };
    // Nobody in a pid namespace can kill or stop its first process (pid_namespaces(7)). We could, from outside.
    let spared = matches!(signal, libc::SIGKILL | libc::SIGSTOP);
    if spared && flags & PROCESS_GROUP != 0 && task.spares_group {
        return Err(Denial::because("the group holds the first process of its pid namespace"));
    }
    if spared && task.is_first {
        // What is left is the question whether the caller may.
        signal = 0;
        info.iter_mut().for_each(|info| info.name(0));
    }
    let acting = worker.identity.act_as(caller, Who::Effective)?;
    let deliver = || send(task.fd.as_fd(), signal, info.as_ref(), flags);
    Ok(acting.as_peer(caller.status()?, deliver)?)
}

/// The signal, and what comes with it.
fn message(
    caller: &Caller<'_>,
    notification: &Notification,
) -> Result<(i32, Option<Info>), Denial> {
    let (signal, info) = match i64::from(notification.number.0) {
        libc::SYS_tgkill => (2, None),
        libc::SYS_rt_sigqueueinfo | libc::SYS_pidfd_send_signal => (1, Some(2)),
        libc::SYS_rt_tgsigqueueinfo => (2, Some(3)),
        _ => (1, None),
    };
    let signal = notification.int(signal);
    let by_descriptor = i64::from(notification.number.0) == libc::SYS_pidfd_send_signal;
    let at = info.map(|place: usize| notification.arguments[place]);
    let Some(at) = at.filter(|at| *at != 0 || !by_descriptor) else { return Ok((signal, None)) };
    let mut info = Info::default();
    info.0.copy_from_slice(&caller.read_memory(at, INFO)?);
    if !by_descriptor {
        // The older calls do not ask the caller for it (`__copy_siginfo_from_user`).
        info.name(signal);
    }
    Ok((signal, Some(info)))
}
