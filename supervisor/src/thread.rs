//! What is kept of a thread from one of its calls to the next.
//!
//! Descriptors of proc(5) and of tasks stay bound to their thread: when its number is given to another one, reading fails. So what
//! can be read was open when the call arrived, under the number that the kernel gave for it, and is the caller's.

use crate::constancy::Moment;
use crate::host;
use crate::notification::Tid;
use crate::status::Status;
use crate::sys::files::Place;
use crate::sys::process;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use std::cell::OnceCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// A thread of the container.
#[derive(Debug)]
pub struct Thread {
    tid: Tid,
    status: OwnedFd,
    /// None before Linux 6.9, unless the thread leads its process.
    pidfd: Option<OwnedFd>,
    folder: OnceCell<OwnedFd>,
    kept: Option<(Moment, Rc<Look>)>,
}

/// One look at a thread.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Its credentials, masks and numbers.
    pub status: Status,
    /// Its root, once somebody wanted to know.
    pub root: OnceCell<Place>,
    /// Whether it is in another user namespace than ours, likewise.
    pub foreign: OnceCell<bool>,
}

impl Look {
    /// What stays true when only what siblings can change has changed.
    #[must_use]
    pub fn with_status(&self, fresh: Rc<Self>) -> Self {
        let (root, foreign) = (self.root.clone(), self.foreign.clone());
        Self { status: Rc::unwrap_or_clone(fresh).status, root, foreign }
    }
}

impl Thread {
    /// Opens the thread that has this number now.
    ///
    /// # Errors
    /// ENOENT or ESRCH if there is none.
    pub fn open(tid: Tid) -> Result<Self, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let name = format!("{}/status", tid.0);
        let status = openat(host::proc(), name.as_str(), flags, Mode::empty())?;
        let pidfd = process::open_thread(tid.0).ok();
        Ok(Self { tid, status, pidfd, folder: OnceCell::new(), kept: None })
    }

    /// The number.
    #[must_use]
    pub fn tid(&self) -> Tid {
        self.tid
    }

    /// A descriptor of the thread, if the kernel has such.
    #[must_use]
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    /// Its folder in proc(5), if it was opened.
    #[must_use]
    pub fn folder(&self) -> Option<BorrowedFd<'_>> {
        self.folder.get().map(AsFd::as_fd)
    }

    /// Opens its folder, by its number: whether that still names this thread has to be asked afterwards.
    ///
    /// # Errors
    /// ENOENT or ESRCH if there is none.
    pub fn open_folder(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        openat(host::proc(), self.tid.0.to_string().as_str(), flags, Mode::empty())
    }

    /// Keeps the folder that [`Self::open_folder`] gave.
    pub fn keep_folder(&self, folder: OwnedFd) {
        let _ = self.folder.set(folder);
    }

    /// Looks at it now.
    ///
    /// # Errors
    /// ESRCH if the thread is dead; EINVAL if the kernel's text cannot be understood.
    pub fn look(&self) -> Result<Rc<Look>, Errno> {
        let status = Status::read(&self.status)?;
        Ok(Rc::new(Look { status, ..Look::default() }))
    }

    /// Keeps a look at the thread from this moment on, or none.
    pub fn keep(&mut self, look: Option<(Moment, Rc<Look>)>) {
        self.kept = look;
    }

    /// What is known of the thread, if nothing may have changed since then and the thread lives. While it lives, its number is not
    /// given to another one, so a call under this number is this thread's.
    #[must_use]
    pub fn known(&self, now: Moment) -> Option<&Rc<Look>> {
        let (_, look) = self.kept.as_ref().filter(|(moment, _)| *moment == now)?;
        let ids = process::ids(self.pidfd()?).ok()?;
        let status = &look.status;
        // These numbers cannot differ, if what `constancy` says is true. They come with the sign of life for nothing.
        let same = (ids.tid, ids.tgid) == (self.tid.0, status.tgid)
            && (ids.uids, ids.gids) == (status.uids, status.gids);
        same.then_some(look)
    }
}

/// The threads that called last, the latest at the end.
#[derive(Debug, Default)]
pub struct Threads(Vec<Thread>);

impl Threads {
    /// Each costs up to three descriptors.
    const MOST: usize = 16;

    /// Takes out the thread that had this number when it called last.
    pub fn take(&mut self, tid: Tid) -> Option<Thread> {
        let at = self.0.iter().rposition(|thread| thread.tid == tid)?;
        Some(self.0.remove(at))
    }

    /// Puts it back.
    pub fn put(&mut self, thread: Thread) {
        if self.0.len() == Self::MOST {
            self.0.remove(0);
        }
        self.0.push(thread);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constancy::Changes;

    fn own() -> Thread {
        Thread::open(Tid(nix::unistd::gettid().as_raw())).unwrap()
    }

    /// What a thread that has ended left.
    fn dead() -> Thread {
        host::open_folders().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            let own = own();
            assert_eq!(own.look().unwrap().status.tgid, std::process::id() as i32);
            tell.send((own.tid, own.status, own.pidfd)).unwrap();
        });
        other.join().unwrap();
        let (tid, status, pidfd) = told.recv().unwrap();
        let thread = Thread { tid, status, pidfd, folder: OnceCell::new(), kept: None };
        // The thread is joined a moment before the kernel has taken its number back.
        while thread.look().is_ok() {
            std::thread::yield_now();
        }
        thread
    }

    #[test]
    fn a_dead_thread_stays_dead() {
        assert_eq!(dead().look().unwrap_err(), Errno::ESRCH);
    }

    #[test]
    fn a_dead_thread_has_no_numbers() {
        let dead = dead();
        assert_eq!(process::ids(dead.pidfd().unwrap()), Err(Errno::ESRCH));
    }

    #[test]
    fn a_living_thread_is_known_until_something_changes() {
        host::open_folders().unwrap();
        let (changes, mut thread) = (Changes::default(), own());
        let now = changes.now();
        assert!(thread.known(now).is_none());
        thread.keep(Some((now, thread.look().unwrap())));
        let expected = process::ids(thread.pidfd().unwrap()).is_ok();
        assert_eq!(thread.known(now).is_some(), expected);
        let mut other = thread.look().unwrap().status.clone();
        other.uids[3] = 4_000_000_000;
        thread.keep(Some((now, Rc::new(Look { status: other, ..Look::default() }))));
        assert!(thread.known(now).is_none());
    }

    #[test]
    fn the_longest_silent_thread_is_forgotten() {
        host::open_folders().unwrap();
        let mut threads = Threads::default();
        for number in 0..=Threads::MOST {
            let thread = own();
            threads.put(Thread { tid: Tid(number as i32), ..thread });
        }
        assert!(threads.take(Tid(0)).is_none());
        assert!(threads.take(Tid(1)).is_some());
    }
}
