//! The process around the service: forked by the runtime, tied to nothing of it.

use crate::confinement::Confinement;
use crate::handoff::Server;
use crate::host;
use crate::service::Service;
use crate::sys::{process, signal};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, dup2_stderr, dup2_stdin, dup2_stdout, setsid};
use std::os::fd::{AsFd, AsRawFd, RawFd};

/// How the process is called in ps(1).
const NAME: &std::ffi::CStr = c"systrace-sup";

/// Serves one container in a process that the runtime forked for it, and exits when the container has ended.
///
/// To be called right after fork(2) in the child of a process that had one thread only. Nothing of the runtime's is kept: no
/// descriptor, terminal or working directory.
pub fn run(confinement: Confinement, server: Server) -> ! {
    let sockets = confinement.sockets.as_ref().map(|sockets| sockets.descriptors());
    let served = detach(&server, &sockets.unwrap_or_default())
        .and_then(|()| Service::new(confinement, server))
        .map(Service::run);
    let code = i32::from(served.is_err());
    // Threads that still serve nobody are gone with the process.
    std::process::exit(code)
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
    host::open_folders()?;
    signal::prepare()?;
    raise_descriptor_limit()?;
    nix::sys::prctl::set_name(NAME)
}

/// Every process of a container may cost a descriptor, and every call in flight a few.
fn raise_descriptor_limit() -> Result<(), Errno> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)
}
