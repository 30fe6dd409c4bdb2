//! The thread that waits for an answer: what we may know of it, read when asked for.
//!
//! A thread number may be used again as soon as its thread is dead. The order here is always the same: open or read something by
//! number, then ask the kernel whether the notification is still valid. While it is, the thread that made the call is
//! blocked in it, so the number named that thread all the time. Descriptors of `/proc/TID` and pidfds stay bound to
//! their thread for ever, so what goes through them needs no second question.

use crate::constancy::{Changes, Moment};
use crate::host;
use crate::listener::Listener;
use crate::memory;
use crate::notification::{Denial, Notification, Tgid, Tid};
use crate::plain::is_plain;
use crate::powers::Powers;
use crate::status::Status;
use crate::sys::files::{Place, place};
use crate::sys::process;
use crate::thread::{Look, Thread};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;
use std::cell::{OnceCell, RefCell};
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// A view of the calling thread for the time of one notification.
#[derive(Debug)]
pub struct Caller<'n> {
    surroundings: Surroundings<'n>,
    notification: &'n Notification,
    last: RefCell<Option<Thread>>,
    found: OnceCell<(Thread, Rc<Look>)>,
    pidfd: OnceCell<OwnedFd>,
}

/// What a view of a caller rests on.
#[derive(Debug, Clone)]
pub struct Surroundings<'n> {
    /// Where its call came from.
    pub listener: &'n Listener,
    /// What may have changed since its last one.
    pub changes: &'n Changes,
    /// With what the serving thread looks at it.
    pub powers: Rc<Powers>,
}

impl<'n> Caller<'n> {
    /// The thread behind a notification; `last` is what is kept of its last call. Nothing is read yet.
    #[must_use]
    pub fn new(
        surroundings: Surroundings<'n>,
        notification: &'n Notification,
        last: Option<Thread>,
    ) -> Self {
        let (last, found, pidfd) = (RefCell::new(last), OnceCell::new(), OnceCell::new());
        Self { surroundings, notification, last, found, pidfd }
    }

    /// The call that waits.
    #[must_use]
    pub fn notification(&self) -> &'n Notification {
        self.notification
    }

    /// The thread.
    #[must_use]
    pub fn tid(&self) -> Tid {
        self.notification.tid
    }

    /// The process.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub fn tgid(&self) -> Result<Tgid, Denial> {
        Ok(self.status()?.process())
    }

    /// Whether the caller still waits for this answer.
    ///
    /// # Errors
    /// [`Denial::Gone`] if not.
    pub fn confirm(&self) -> Result<(), Denial> {
        if self.surroundings.listener.is_valid(self.notification.id) {
            Ok(())
        } else {
            Err(Denial::Gone)
        }
    }

    /// The folder `/proc/TID`.
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn folder(&self) -> Result<BorrowedFd<'_>, Denial> {
        let (thread, _) = self.found()?;
        if thread.folder().is_none() {
            let folder = self.surroundings.powers.fully(|| thread.open_folder());
            self.confirm()?;
            thread.keep_folder(folder.map_err(gone)?);
        }
        Ok(thread.folder().expect("opened above"))
    }

    /// What is to be kept for the thread's next call.
    #[must_use]
    pub fn into_thread(self) -> Option<Thread> {
        self.found.into_inner().map(|(thread, _)| thread).or(self.last.into_inner())
    }

    fn found(&self) -> Result<&(Thread, Rc<Look>), Denial> {
        if self.found.get().is_none() {
            let _ = self.found.set(self.find()?);
        }
        Ok(self.found.get().expect("found above"))
    }

    /// The thread that called under this number before, if it lives; else the one that has the number now.
    fn find(&self) -> Result<(Thread, Rc<Look>), Denial> {
        let now = self.surroundings.changes.now();
        if let Some(mut thread) = self.last.take()
            && let Some(look) = self.look_again(&mut thread, now)
        {
            return Ok((thread, look));
        }
        let thread = Thread::open(self.tid());
        self.confirm()?;
        let mut thread = thread?;
        let look = thread.look().map_err(|errno| match errno {
            Errno::EINVAL => Denial::because("cannot read the caller's status"),
            other => gone(other),
        })?;
        self.keep(&mut thread, now, &look);
        Ok((thread, look))
    }

    /// What is known of the thread, or what it looks like now; `None` if it is dead.
    fn look_again(&self, thread: &mut Thread, now: Moment) -> Option<Rc<Look>> {
        let known = thread.known(now).cloned();
        if let Some(known) = known.as_ref().filter(|_| is_plain(self.notification)) {
            return Some(Rc::clone(known));
        }
        let fresh = thread.look().ok()?;
        let fresh = match known {
            Some(known) => Rc::new(known.with_status(fresh)),
            None => fresh,
        };
        self.keep(thread, now, &fresh);
        Some(fresh)
    }

    fn keep(&self, thread: &mut Thread, now: Moment, look: &Rc<Look>) {
        let may = self.surroundings.changes.may_keep(self.notification, look.status.process());
        thread.keep(may.then(|| (now, Rc::clone(look))));
    }

    /// A descriptor of the thread, for pidfd_getfd(2) and poll(2).
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn pidfd(&self) -> Result<BorrowedFd<'_>, Denial> {
        if let Some(pidfd) = self.found()?.0.pidfd() {
            return Ok(pidfd);
        }
        if self.pidfd.get().is_none() {
            let pidfd = self.open_leader()?;
            self.confirm()?;
            let _ = self.pidfd.set(pidfd);
        }
        Ok(self.pidfd.get().expect("opened above").as_fd())
    }

    /// Before Linux 6.9 only whole processes have a pidfd. It shows the leader's descriptors, so it serves only a thread that shares them.
    fn open_leader(&self) -> Result<OwnedFd, Denial> {
        let leader = self.tgid()?;
        if leader.0 != self.tid().0 && !process::share_descriptors(leader.0, self.tid().0) {
            return Err(Denial::because(
                "the thread has descriptors of its own, and this kernel cannot name it",
            ));
        }
        Ok(process::open_process(leader.0)?)
    }

    /// Credentials and numbers of the thread. They cannot change while it waits: only a thread itself changes them. The umask is
    /// the present one unless the call is [plain](is_plain).
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died; a refusal if the kernel's text cannot be understood.
    pub fn status(&self) -> Result<&Status, Denial> {
        Ok(&self.found()?.1.status)
    }

    /// Where the caller's root is.
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn root_place(&self) -> Result<Place, Denial> {
        let look = || {
            let folder = self.folder()?;
            self.surroundings.powers.fully(|| place(folder, c"root")).map_err(gone)
        };
        if !self.surroundings.changes.constancy().root {
            return look();
        }
        self.of_look(|look| &look.root, look)
    }

    /// Whether the caller has its ids in another user namespace than `ours`, as `/proc/self/ns/user` names that.
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn is_foreign(&self, ours: &OsStr) -> Result<bool, Denial> {
        self.of_look(|look| &look.foreign, || Ok(self.namespace("ns/user")? != ours))
    }

    /// A namespace of the caller, as its link in `/proc/TID` names that (namespaces(7)).
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn namespace(&self, link: &str) -> Result<OsString, Denial> {
        let folder = self.folder()?;
        self.surroundings.powers.fully(|| readlinkat(folder, link)).map_err(gone)
    }

    /// What was found out before, or what is found out now.
    fn of_look<T: Copy>(
        &self,
        place: impl Fn(&Look) -> &OnceCell<T>,
        find: impl FnOnce() -> Result<T, Denial>,
    ) -> Result<T, Denial> {
        let cell = place(&self.found()?.1);
        match cell.get() {
            Some(known) => Ok(*known),
            None => {
                let found = find()?;
                let _ = cell.set(found);
                Ok(found)
            }
        }
    }

    /// Does one thing with all of our own capabilities.
    pub fn fully<T>(&self, act: impl FnOnce() -> T) -> T {
        self.surroundings.powers.fully(act)
    }

    /// The text of a file below `/proc/TID`. A thread's name may be any bytes: those that are no text are replaced.
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn read_file(&self, name: &str) -> Result<String, Denial> {
        let bytes = host::contents(self.open_file(name)?.into()).map_err(gone)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file below `/proc/TID`, to be read.
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn open_file(&self, name: &str) -> Result<File, Denial> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let folder = self.folder()?;
        let fd = self.fully(|| openat(folder, name, flags, Mode::empty()));
        Ok(File::from(fd.map_err(gone)?))
    }

    /// The caller's root directory (`O_PATH`).
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn root(&self) -> Result<OwnedFd, Denial> {
        self.open_link("root")
    }

    /// The caller's working directory (`O_PATH`).
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn cwd(&self) -> Result<OwnedFd, Denial> {
        self.open_link("cwd")
    }

    /// The program that the caller runs (`O_PATH`).
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn program(&self) -> Result<OwnedFd, Denial> {
        self.open_link("exe")
    }

    /// What the caller's descriptor refers to (`O_PATH`: the object, not the open file description).
    ///
    /// # Errors
    /// EBADF if the caller has no such descriptor.
    pub fn descriptor(&self, fd: i32) -> Result<OwnedFd, Denial> {
        match self.open_link(&format!("fd/{fd}")) {
            Err(Denial::Caller(Errno::ENOENT)) => Err(Errno::EBADF.into()),
            other => other,
        }
    }

    /// A copy of the caller's descriptor: the same open file description.
    ///
    /// # Errors
    /// EBADF if the caller has no such descriptor.
    pub fn duplicate(&self, fd: i32) -> Result<OwnedFd, Denial> {
        let pidfd = self.pidfd()?;
        // EPERM means that we may not trace the caller, as for its memory (pidfd_getfd(2)).
        self.surroundings.powers.reach(|| process::duplicate(pidfd, fd)).map_err(gone)
    }

    fn open_link(&self, name: &str) -> Result<OwnedFd, Denial> {
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let folder = self.folder()?;
        self.fully(|| openat(folder, name, flags, Mode::empty())).map_err(gone)
    }

    /// Reads exactly `length` bytes.
    ///
    /// # Errors
    /// EFAULT if they are not all readable; [`Denial::Gone`] if the caller died.
    pub fn read_memory(&self, address: u64, length: usize) -> Result<Vec<u8>, Denial> {
        let powers = &self.surroundings.powers;
        let bytes = powers.reach(|| memory::read(self.tid(), address, length));
        self.confirm()?;
        Ok(bytes?)
    }

    /// Reads a text up to its NUL, at most `PATH_MAX` bytes with it.
    ///
    /// # Errors
    /// EFAULT, ENAMETOOLONG, or [`Denial::Gone`] if the caller died.
    pub fn read_c_string(&self, address: u64) -> Result<CString, Denial> {
        self.read_text(address, memory::PATH_MAX)?.ok_or(Errno::ENAMETOOLONG.into())
    }

    /// Reads a text up to its NUL; `None` if it is longer than `limit`.
    ///
    /// # Errors
    /// EFAULT, or [`Denial::Gone`] if the caller died.
    pub fn read_text(&self, address: u64, limit: usize) -> Result<Option<CString>, Denial> {
        let powers = &self.surroundings.powers;
        let text = powers.reach(|| memory::read_c_string(self.tid(), address, limit));
        self.confirm()?;
        Ok(text?)
    }

    /// Writes a result into the caller's memory: all of it or EFAULT.
    ///
    /// A number that is used again could name another process, so the notification is confirmed before. A caller
    /// that is killed between the two steps is still a zombie until its parent or init reaps it, and a zombie has no memory
    /// to write to; only a reap and a full turn of the pid counter inside this window would be missed.
    ///
    /// # Errors
    /// EFAULT, or [`Denial::Gone`] if the caller died.
    pub fn write_memory(&self, address: u64, bytes: &[u8]) -> Result<(), Denial> {
        self.confirm()?;
        let powers = &self.surroundings.powers;
        Ok(powers.reach(|| memory::write(self.tid(), address, bytes))?)
    }
}

/// A file of `/proc/TID` says ESRCH, or ENOENT for the folder itself, once its thread is dead.
fn gone(errno: Errno) -> Denial {
    if errno == Errno::ESRCH { Denial::Gone } else { Denial::Caller(errno) }
}
