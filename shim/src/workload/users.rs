//! A process that joins a container joins its user namespace, too.
//!
//! libcontainer enters all other namespaces of the container and becomes the user that the engine names, but as the host
//! numbers users. Nothing of the workload can touch such a process, for it belongs to the host; it must not become one.

use std::os::fd::OwnedFd;

use libcontainer::capabilities::drop_privileges;
use libcontainer::syscall::syscall::create_syscall;
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use oci_spec::runtime::Process;

/// The process cannot become one of the container's users.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    #[error("cannot enter it")]
    Enter(#[source] Errno),
    #[error("cannot become user {uid} of it")]
    Become { uid: u32, source: Errno },
    #[error("cannot give capabilities up")]
    Capabilities(#[source] libcontainer::syscall::SyscallError),
}

/// Enters the namespace and becomes the user that the spec names, with the capabilities that the spec gives.
pub fn enter(namespace: &OwnedFd, process: &Process) -> Result<(), UsersError> {
    setns(namespace, CloneFlags::CLONE_NEWUSER).map_err(UsersError::Enter)?;
    let uid = process.user().uid();
    become_user(process).map_err(|source| UsersError::Become { uid, source })?;
    if let Some(capabilities) = process.capabilities() {
        // Whoever enters has them all.
        drop_privileges(capabilities, create_syscall().as_ref())
            .map_err(UsersError::Capabilities)?;
    }
    Ok(())
}

fn become_user(process: &Process) -> Result<(), Errno> {
    let user = process.user();
    // The permitted capabilities are needed for one step more.
    nix::sys::prctl::set_keepcaps(true)?;
    let groups = user.additional_gids().as_deref().unwrap_or_default();
    setgroups(&groups.iter().copied().map(Gid::from_raw).collect::<Vec<_>>())?;
    let gid = Gid::from_raw(user.gid());
    setresgid(gid, gid, gid)?;
    let uid = Uid::from_raw(user.uid());
    setresuid(uid, uid, uid)?;
    caps::set(
        None,
        caps::CapSet::Effective,
        &caps::read(None, caps::CapSet::Permitted).map_err(|_| Errno::EPERM)?,
    )
    .map_err(|_| Errno::EPERM)?;
    nix::sys::prctl::set_keepcaps(false)
}
