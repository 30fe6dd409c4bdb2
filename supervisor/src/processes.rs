//! Which policy governs which process.
//!
//! A process has the policy that its last execve gave it, and its children have it too until they exec. Nobody tells us of a
//! fork, so a process that we have not seen is a fork of one that ran the same program: if all that ever ran that file
//! here had the same policy, that is its policy; else each of them must permit what it does.

use crate::host;
use crate::notification::Tgid;
use crate::sys::process;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{Mode, fstat};
use std::collections::{BTreeSet, HashMap};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

/// What governs a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// The policy at this place of the set.
    Policy(usize),
    /// Released by `[detach]`: only what the filter itself denies is denied.
    Detached,
}

/// A file, however it is named (inode(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId {
    device: libc::dev_t,
    inode: libc::ino_t,
}

impl FileId {
    /// The identity of an open file.
    ///
    /// # Errors
    /// What fstat(2) says.
    pub fn of(file: impl AsFd) -> Result<Self, Errno> {
        let stat = fstat(file)?;
        Ok(Self { device: stat.st_dev, inode: stat.st_ino })
    }

    /// The identity of the program that a process runs.
    ///
    /// # Errors
    /// ENOENT or ESRCH if the process is gone.
    pub fn of_program(process: Tgid) -> Result<Self, Errno> {
        let link = format!("{}/exe", process.0);
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        Self::of(openat(host::proc(), link.as_str(), flags, Mode::empty())?)
    }
}

/// The processes of one container.
#[derive(Debug, Default)]
pub struct Processes {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    known: HashMap<Tgid, Known>,
    /// Every standing that processes running this file were given.
    given: HashMap<FileId, BTreeSet<Standing>>,
    /// Dead entries are looked for when the book has grown to this.
    sweep_at: usize,
}

#[derive(Debug)]
struct Known {
    pidfd: OwnedFd,
    standings: Vec<Standing>,
}

impl Known {
    /// While the process lives, its number is not used again; after that the pidfd can be read (pidfd_open(2)).
    fn lives(&self) -> bool {
        let mut fds = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO) == Ok(0)
    }
}

impl Processes {
    /// Notes that a process runs a program now, and what governs it. To be called while the process cannot run.
    ///
    /// # Errors
    /// ESRCH if the process is gone, EMFILE if we hold too many.
    pub fn enter(
        &self,
        tgid: Tgid,
        program: FileId,
        standings: Vec<Standing>,
    ) -> Result<(), Errno> {
        let pidfd = process::open_process(tgid.0)?;
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.given.entry(program).or_default().extend(&standings);
        book.insert(tgid, Known { pidfd, standings });
        Ok(())
    }

    /// What governs a process that was seen before.
    #[must_use]
    pub fn known(&self, tgid: Tgid) -> Option<Vec<Standing>> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.known.get(&tgid).filter(|known| known.lives()).map(|known| known.standings.clone())
    }

    /// What may govern a process that was not: everything that its program was ever given.
    #[must_use]
    pub fn candidates(&self, program: FileId) -> Vec<Standing> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.given.get(&program).into_iter().flatten().copied().collect()
    }
}

impl Book {
    fn insert(&mut self, tgid: Tgid, known: Known) {
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, known| known.lives());
            self.sweep_at = (2 * self.known.len()).max(64);
        }
        self.known.insert(tgid, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::process::{Command, Stdio};

    fn program(path: &str) -> FileId {
        FileId::of(File::open(path).unwrap()).unwrap()
    }

    #[test]
    fn a_dead_process_is_forgotten() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let tgid = Tgid(child.id() as i32);
        let processes = Processes::default();
        processes.enter(tgid, program("/bin/cat"), vec![Standing::Policy(1)]).unwrap();
        assert_eq!(processes.known(tgid), Some(vec![Standing::Policy(1)]));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(processes.known(tgid), None);
    }

    #[test]
    fn a_fork_may_have_whatever_its_program_had() {
        let own = Tgid(std::process::id() as i32);
        let processes = Processes::default();
        let (cat, sh) = (program("/bin/cat"), program("/bin/sh"));
        processes.enter(own, cat, vec![Standing::Policy(0)]).unwrap();
        processes.enter(own, cat, vec![Standing::Policy(0)]).unwrap();
        assert_eq!(processes.candidates(cat), [Standing::Policy(0)]);
        processes.enter(own, cat, vec![Standing::Policy(2)]).unwrap();
        assert_eq!(processes.candidates(cat), [Standing::Policy(0), Standing::Policy(2)]);
        assert_eq!(processes.candidates(sh), []);
    }
}
