//! Which policy governs which process.
//!
//! A process has the policy that its last execve gave it, and its children have it too until they exec. Nobody tells us of a
//! fork. But each execve gives the new program addresses of its own, which the kernel chooses at random for the stack, the
//! program, its interpreter and the vdso, and notes in the auxiliary vector that it keeps with the address space (proc_pid_auxv(5)).
//! A fork copies that, and nothing else makes a second one: so a process that we have not seen has the policy of the
//! program whose auxiliary vector it has, however many parents between them are dead. The one call that could change it,
//! prctl(2) with `PR_SET_MM`, is refused by the filter of each container that has several policies.
//!
//! Where the choice of addresses is switched off (personality(2), `ADDR_NO_RANDOMIZE`), two executions of one program can look
//! alike. If they were given different policies, each of them must permit what such a process does.

use crate::caller::Caller;
use crate::holder::marks::{Full, Marks};
use crate::host;
use crate::notification::{Denial, Tgid};
use crate::sys::process;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{Mode, fstat};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// One execution of one program: what tells a process and its forks from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Image(u64);

impl Image {
    /// Of a program file and the auxiliary vector that a process got with it.
    fn new(hasher: &RandomState, program: FileId, auxv: &[u8]) -> Self {
        // 0 stands for no image.
        Self(hasher.hash_one((program, auxv)).max(1))
    }

    fn of_process(hasher: &RandomState, process: Tgid) -> Result<Self, Errno> {
        let path = format!("{}/auxv", process.0);
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let auxv = openat(host::proc(), path.as_str(), flags, Mode::empty())?;
        Ok(Self::new(hasher, FileId::of_program(process)?, &read_all(auxv)?))
    }

    fn of_caller(hasher: &RandomState, caller: &Caller<'_>) -> Result<Self, Denial> {
        let program = FileId::of(caller.program()?)?;
        let auxv = read_all(caller.open_file("auxv")?.into())?;
        // Had another thread replaced the program meanwhile, the caller would be gone.
        caller.confirm()?;
        Ok(Self::new(hasher, program, &auxv))
    }
}

fn read_all(fd: OwnedFd) -> Result<Vec<u8>, Errno> {
    let bytes = host::contents(fd).map_err(|_| Errno::ESRCH)?;
    // An address space that is gone has none.
    if bytes.is_empty() { Err(Errno::ESRCH) } else { Ok(bytes) }
}

impl Standing {
    fn encoded(self) -> u32 {
        match self {
            Self::Policy(at) => at as u32,
            Self::Detached => u32::MAX,
        }
    }

    fn decoded(number: u32) -> Self {
        if number == u32::MAX { Self::Detached } else { Self::Policy(number as usize) }
    }
}

/// The processes of one container.
#[derive(Debug)]
pub struct Processes {
    /// What every supervisor of the container knows.
    marks: &'static Marks,
    hasher: RandomState,
    book: Mutex<Book>,
}

/// Processes that were looked up before.
#[derive(Debug, Default)]
struct Book {
    known: HashMap<Tgid, Known>,
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
    /// The processes that earlier supervisors have marked. All must hash alike.
    #[must_use]
    pub fn new(marks: &'static Marks, hasher: RandomState) -> Self {
        Self { marks, hasher, book: Mutex::default() }
    }

    /// Notes that a process runs a program now, and what governs it. To be called while the process cannot run.
    ///
    /// # Errors
    /// ESRCH if the process is gone, EMFILE if we hold too many, ENOSPC if too many programs run.
    pub fn enter(&self, tgid: Tgid, standings: Vec<Standing>) -> Result<(), Errno> {
        let pidfd = process::open_process(tgid.0)?;
        let image = Image::of_process(&self.hasher, tgid)?;
        let mut book = self.book();
        self.mark(image, &standings)?;
        book.insert(tgid, Known { pidfd, standings });
        Ok(())
    }

    fn mark(&self, image: Image, standings: &[Standing]) -> Result<(), Errno> {
        let add = || standings.iter().try_for_each(|one| self.marks.add(image.0, one.encoded()));
        add().or_else(|Full| {
            self.forget_unused()?;
            add().map_err(|Full| Errno::ENOSPC)
        })
    }

    /// Forgets images that no process has. Looks twice, for a process may be forked behind the place where we look; what is
    /// forgotten wrongly is denied everything.
    fn forget_unused(&self) -> Result<(), Errno> {
        let mut used = HashSet::new();
        for _ in 0..2 {
            let folder = Dir::openat(host::proc(), ".", OFlag::O_RDONLY, Mode::empty())?;
            for entry in folder.into_iter().flatten() {
                let number = entry.file_name().to_str().ok().and_then(|name| name.parse().ok());
                let image = number.map(|pid| Image::of_process(&self.hasher, Tgid(pid)));
                used.extend(image.and_then(Result::ok));
            }
        }
        self.marks.retain(|key| used.contains(&Image(key)));
        Ok(())
    }

    /// What governs a process that was seen before.
    #[must_use]
    pub fn known(&self, tgid: Tgid) -> Option<Vec<Standing>> {
        let book = self.book();
        book.known.get(&tgid).filter(|known| known.lives()).map(|known| known.standings.clone())
    }

    /// What governs a process that was not: nothing if nobody knows its program.
    ///
    /// # Errors
    /// [`Denial::Gone`].
    pub fn recognise(&self, caller: &Caller<'_>) -> Result<Vec<Standing>, Denial> {
        let image = Image::of_caller(&self.hasher, caller)?;
        let standings: Vec<_> = self.marks.values(image.0).map(Standing::decoded).collect();
        let tgid = caller.tgid()?;
        let pidfd = process::open_process(tgid.0);
        let mut book = self.book();
        // As long as the caller waits, no thread of its process has a new program: one that gets one is noted after this.
        caller.confirm()?;
        if let Ok(pidfd) = pidfd
            && !standings.is_empty()
        {
            book.insert(tgid, Known { pidfd, standings: standings.clone() });
        }
        Ok(standings)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
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
    use crate::holder::Journal;
    use std::io::{Read, Write};
    use std::process::{Child, Command, Stdio};

    fn processes() -> Processes {
        host::open_folders().unwrap();
        Processes::new(&Journal::new().unwrap().marks, RandomState::new())
    }

    /// A program that runs until its input is closed. It has answered once: spawning ends before the kernel has loaded it whole.
    fn cat() -> (Child, Tgid) {
        let mut cat = Command::new("cat");
        let mut child = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(b"?").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let tgid = Tgid(child.id() as i32);
        (child, tgid)
    }

    #[test]
    fn a_dead_process_is_forgotten() {
        let (mut child, tgid) = cat();
        let processes = processes();
        processes.enter(tgid, vec![Standing::Policy(1)]).unwrap();
        assert_eq!(processes.known(tgid), Some(vec![Standing::Policy(1)]));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(processes.known(tgid), None);
    }

    #[test]
    fn two_executions_of_a_program_are_two_images() {
        let processes = processes();
        let ((mut one, first), (mut other, second)) = (cat(), cat());
        let [a, b] =
            [first, second].map(|tgid| Image::of_process(&processes.hasher, tgid).unwrap());
        assert_ne!(a, b);
        processes.mark(a, &[Standing::Policy(0)]).unwrap();
        processes.mark(b, &[Standing::Detached]).unwrap();
        let of = |image: Image| -> Vec<_> {
            processes.marks.values(image.0).map(Standing::decoded).collect()
        };
        assert_eq!(of(b), [Standing::Detached]);
        drop(one.stdin.take());
        one.wait().unwrap();
        processes.forget_unused().unwrap();
        assert_eq!(processes.marks.values(a.0).count(), 0);
        assert_eq!(processes.marks.values(b.0).count(), 1);
        drop(other.stdin.take());
        other.wait().unwrap();
    }
}
