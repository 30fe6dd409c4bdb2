//! A process of ours inside the container's user namespace.
//!
//! What a capability is worth and what a number stands for depends on the user namespace (user_namespaces(7)): root of a container
//! may override the permissions of files whose owner has a number there, and of no others. The kernel judges that of whoever
//! acts, so we act from inside. Only a process with one thread can enter a user namespace, so the threads that serve belong
//! to a process of their own, which shares memory and descriptors with the supervisor, and ends with it.
//!
//! Whoever is root in the container has power over what is in its namespace. Our process there cannot be traced and its memory not be
//! read: both belong to the namespace in which its program was started (`mm->user_ns`, ptrace(2)). It has a number
//! in the container only if the engine gave that the host's pid namespace; then root there can kill it, and with it the
//! supervisor, as it can end its container in other ways.

use crate::pool::Pool;
use crate::sys::{credentials, process};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

/// How the process is called in ps(1).
const NAME: &std::ffi::CStr = c"systrace-in";

/// Has a pool's threads serve from a process inside a user namespace.
///
/// # Errors
/// If that cannot be entered, or what [`Pool::start_here`] says.
pub fn start(pool: &Arc<Pool>, namespace: BorrowedFd<'_>) -> std::io::Result<()> {
    let (tell, told) = channel();
    let (pool, namespace) = (Arc::clone(pool), namespace.try_clone_to_owned()?);
    std::thread::Builder::new().name("resident".into()).spawn(move || {
        let failed = tell.clone();
        match process::apart(|| live(&pool, &namespace, &tell)) {
            Ok(process::End::Returned) => {}
            // Somebody ended it with calls in its hands and perhaps with a lock in what we share. Without the supervisor the
            // kernel answers these calls, and lets none through.
            Ok(process::End::Killed) => std::process::abort(),
            Err(errno) => drop(failed.send(Err(errno.into()))),
        }
    })?;
    told.recv().unwrap_or_else(|_| Err(Errno::ECANCELED.into()))
}

/// The life of the process.
fn live(pool: &Arc<Pool>, namespace: &std::os::fd::OwnedFd, tell: &Sender<std::io::Result<()>>) {
    let entered = enter(namespace).map_err(Into::into).and_then(|()| pool.start_here());
    let _ = tell.send(entered);
    // What threads share with the supervisor they must not leave half changed, so none may be running when the process ends.
    pool.wait();
}

/// Becomes root of the namespace, with nothing of the host's left.
fn enter(namespace: &std::os::fd::OwnedFd) -> Result<(), Errno> {
    setns(namespace, CloneFlags::CLONE_NEWUSER)?;
    // With whom we act as changes all the time, our capabilities only when we say so.
    credentials::keep_capabilities()?;
    credentials::set_groups(&[])?;
    credentials::set_users(credentials::Users { uids: [0; 3], gids: [0; 3] })?;
    process::end_with_parent()?;
    nix::sys::prctl::set_name(NAME)
}
