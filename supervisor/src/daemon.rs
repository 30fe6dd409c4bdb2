//! The processes around the service: forked by the runtime, tied to nothing of it.
//!
//! The first one waits until the container begins. Then it forks the supervisor, and is its holder from then on.

use crate::confinement::Confinement;
use crate::container::Blueprint;
use crate::handoff::Server;
use crate::handoff::walls::Choice;
use crate::holder::{Belongings, Holder, Journal};
use crate::reception::{self, Candidate, Guests, Reception};
use crate::service::describe;
use crate::sys::{process, signal};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, dup2_stderr, dup2_stdin, dup2_stdout, setsid};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;

/// How long we wait for the runtime that started us to connect, in milliseconds.
const PATIENCE: u16 = 60_000;

/// Serves one container in processes of its own, and exits when the container has ended.
///
/// To be called right after fork(2) in the child of a process that had one thread only. Nothing of the runtime's is kept: no
/// descriptor, terminal or working directory. The process leads a session and a process group, in which all that it forks stay:
/// who wants to end them signals the group, whose number the socket tells (`SO_PEERCRED`).
pub fn run(confinement: Confinement, server: Server) -> ! {
    let sockets = confinement.sockets.as_ref().map(|sockets| sockets.descriptors());
    let code = match detach(&server, &sockets.unwrap_or_default()) {
        Ok(()) => {
            if let Some(holder) = begin(&confinement, server) {
                holder.hold();
            }
            0
        }
        Err(_) => 1,
    };
    std::process::exit(code)
}

/// Waits for the container's first process, looks at the container through it, and forks the supervisor; none if the container does
/// not begin.
fn begin(confinement: &Confinement, server: Server) -> Option<Holder> {
    let mut reception = Reception::new(server, Choice::of(confinement));
    let (blueprint, mut candidates) = expect(&mut reception, confinement)?;
    let (joined, waiting) = candidates.pop()?.into_parts();
    let journal = Journal::new().ok()?;
    let seat = journal.sit(joined.entry)?;
    let belongings = Belongings {
        blueprint: Arc::new(blueprint),
        server: reception.server().again().ok()?,
        listeners: [(seat.number, joined.listener)].into(),
        journal,
    };
    Holder::begin(belongings, Guests { reception, waiting, others: candidates }).ok()
}

/// A container that never comes to life ends with the last connection: the runtime and its start-up code in the container hold one
/// each until the hand-over. The last of the candidates is the one that the blueprint was made with.
fn expect(
    reception: &mut Reception,
    confinement: &Confinement,
) -> Option<(Blueprint, Vec<Candidate>)> {
    let mut expecting = true;
    while expecting || !reception.is_empty() {
        let patience = if expecting { PATIENCE.into() } else { PollTimeout::NONE };
        let asked = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds: Vec<_> = reception.descriptors().map(asked).collect();
        let ready = match reception::wait(&mut fds, patience) {
            Err(Errno::EINTR) => continue,
            other => other.ok()??,
        };
        let (mut candidates, connected) = reception.attend(&ready);
        expecting &= !connected;
        while let Some(candidate) = candidates.pop() {
            match Blueprint::enter(confinement, reception.choice(), candidate.joined.entry) {
                Ok(blueprint) => {
                    candidates.push(candidate);
                    return Some((blueprint, candidates));
                }
                Err(error) => reception.answer(candidate.into_parts().1, Err(describe(&error))),
            }
        }
    }
    None
}

fn detach(server: &Server, kept: &[RawFd]) -> Result<(), Errno> {
    setsid()?;
    chdir("/")?;
    umask(Mode::from_bits_truncate(0o077));
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    drop(null);
    process::close_all_but(&[&[0, 1, 2, server.as_fd().as_raw_fd()], kept].concat())?;
    signal::prepare()?;
    // Nobody reads what the standard hook prints, and a fork may find its lock taken.
    std::panic::set_hook(Box::new(|_| {}));
    raise_descriptor_limit()
}

/// Every process of a container may cost a descriptor, and every call in flight a few.
fn raise_descriptor_limit() -> Result<(), Errno> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)
}
