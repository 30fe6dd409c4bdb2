//! A process that outlives this one: forked, not executed, so that it keeps what this one has in memory.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, chdir, dup2_stderr, dup2_stdin, dup2_stdout, setsid};

use crate::sys;

/// The first byte of a report: all is ready.
const READY: u8 = b'+';
/// The first byte of a report: the text after it says why not.
const FAILED: u8 = b'-';

/// The process did not come up.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error("cannot fork")]
    Fork(#[source] Errno),
    #[error("cannot make a pipe")]
    Pipe(#[source] std::io::Error),
    #[error("{0}")]
    Refused(String),
    #[error("it died before it was ready")]
    Died,
}

/// Starts a process that first does `prepare`, reports the outcome here, and then does `serve`.
///
/// It is in a session of its own, nobody's child, and has none of our descriptors: the engine waits for
/// the end of what it reads from ours.
pub fn spawn<T, E: std::fmt::Display>(
    prepare: impl FnOnce() -> Result<T, E>,
    serve: impl FnOnce(T),
) -> Result<(), DaemonError> {
    let (reader, writer) = pipe().map_err(DaemonError::Pipe)?;
    match sys::fork().map_err(DaemonError::Fork)? {
        ForkResult::Parent { child } => {
            drop(writer);
            // The middle process only forks; its status says nothing that the pipe does not.
            let _ = waitpid(child, None);
            read_report(reader)
        }
        ForkResult::Child => {
            // A panic must not unwind into the parent's copy of the stack, whose destructors would clean up
            // what the real parent still uses.
            let _ = catch_unwind(AssertUnwindSafe(|| live(writer, prepare, serve)));
            sys::exit_now(1)
        }
    }
}

fn read_report(mut reader: PipeReader) -> Result<(), DaemonError> {
    let mut report = Vec::new();
    reader.read_to_end(&mut report).map_err(DaemonError::Pipe)?;
    match report.split_first() {
        Some((&READY, _)) => Ok(()),
        Some((_, text)) => Err(DaemonError::Refused(String::from_utf8_lossy(text).into_owned())),
        None => Err(DaemonError::Died),
    }
}

/// The life of the forked side. It returns only to leave by `exit_now`.
fn live<T, E: std::fmt::Display>(
    mut report: PipeWriter,
    prepare: impl FnOnce() -> Result<T, E>,
    serve: impl FnOnce(T),
) {
    let detached = setsid().and_then(|_| sys::fork());
    if !matches!(detached, Ok(ForkResult::Child)) {
        return;
    }
    if leave_everything(report.as_fd()).is_err() {
        return;
    }
    match prepare() {
        Ok(prepared) => {
            let told = report.write_all(&[READY]);
            drop(report);
            if told.is_ok() {
                serve(prepared);
                sys::exit_now(0);
            }
        }
        Err(error) => {
            // If nobody reads, nobody can be told.
            let _ = report.write_all(&[FAILED]).and_then(|()| write!(report, "{error}"));
        }
    }
}

/// Closes everything but the report, and makes the standard descriptors harmless.
fn leave_everything(report: BorrowedFd<'_>) -> Result<(), Errno> {
    let null = open("/dev/null", OFlag::O_RDWR, Mode::empty())?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    drop(null);
    sys::close_others(report)?;
    // The folder we came from may be on a mount that somebody wants to remove.
    chdir("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    // A test runs in a process with threads, from which `spawn` must refuse to fork: the whole of it is
    // tested through the program, in `tests/`.
    #[test]
    fn a_process_with_threads_is_not_forked() {
        let outcome = spawn(|| Ok::<(), String>(()), |()| {});
        assert!(matches!(outcome, Err(DaemonError::Fork(Errno::EDEADLK))));
    }

    #[test]
    fn reports_are_told_apart() {
        let outcome = |bytes: &[u8]| {
            let (reader, mut writer) = pipe().unwrap();
            writer.write_all(bytes).unwrap();
            drop(writer);
            read_report(reader)
        };
        assert!(outcome(b"+").is_ok());
        assert!(
            matches!(outcome(b"-no disk"), Err(DaemonError::Refused(text)) if text == "no disk")
        );
        assert!(matches!(outcome(b""), Err(DaemonError::Died)));
    }
}
