//! The other threads of a caller's process.

use crate::host;
use crate::notification::{Tgid, Tid};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;

/// Whether a stop signal is stopping the process: another thread has taken it and stands still. This one has to follow, and no mask of
/// pending signals says so.
///
/// # Errors
/// What proc(5) says, if the process is gone.
pub fn are_stopping(process: Tgid, except: Tid) -> Result<bool, Errno> {
    let threads = open(&format!("{}/task", process.0), OFlag::O_DIRECTORY)?;
    for thread in Dir::from_fd(threads)?.iter() {
        let thread = thread?;
        let number = thread.file_name().to_str().ok().and_then(|name| name.parse().ok());
        let other = number.filter(|number| *number != except.0);
        if other.is_some_and(|number| has_stopped(process, Tid(number))) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The third field of `/proc/PID/stat` is `T`; a thread that is traced has `t` (proc_pid_stat(5)).
fn has_stopped(process: Tgid, thread: Tid) -> bool {
    let mut stat = Vec::new();
    let name = format!("{}/task/{}/stat", process.0, thread.0);
    let read =
        open(&name, OFlag::empty()).map(File::from).map(|mut file| file.read_to_end(&mut stat));
    // The name before it may hold anything, but ends with the last `)`.
    let end = stat.iter().rposition(|byte| *byte == b')');
    matches!(read, Ok(Ok(_))) && end.is_some_and(|end| stat[end..].starts_with(b") T"))
}

fn open(name: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    openat(host::proc(), name, flags, Mode::empty())
}
