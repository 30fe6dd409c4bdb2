//! The thread that waits for an answer: what we may know of it, read when asked for.
//!
//! A thread number may be used again as soon as its thread is dead. The order here is always the same: open or read something by
//! number, then ask the kernel whether the notification is still valid. While it is, the thread that made the call is
//! blocked in it, so the number named that thread all the time. Descriptors of `/proc/TID` and pidfds stay bound to
//! their thread for ever, so what goes through them needs no second question.

use crate::listener::Listener;
use crate::memory;
use crate::notification::{Denial, Notification, Tgid, Tid};
use crate::status::Status;
use crate::sys::process;
use crate::thread::Thread;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::read;
use std::cell::{OnceCell, RefCell};
use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A view of the calling thread for the time of one notification.
#[derive(Debug)]
pub struct Caller<'n> {
    listener: &'n Listener,
    notification: &'n Notification,
    last: RefCell<Option<Thread>>,
    thread: OnceCell<Thread>,
    pidfd: OnceCell<OwnedFd>,
    status: OnceCell<Status>,
}

impl<'n> Caller<'n> {
    /// The thread behind a notification; `last` is whoever called before. Nothing is read yet.
    #[must_use]
    pub fn new(
        listener: &'n Listener,
        notification: &'n Notification,
        last: Option<Thread>,
    ) -> Self {
        Self {
            listener,
            notification,
            last: RefCell::new(last),
            thread: OnceCell::new(),
            pidfd: OnceCell::new(),
            status: OnceCell::new(),
        }
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
        if self.listener.is_valid(self.notification.id) { Ok(()) } else { Err(Denial::Gone) }
    }

    /// The folder `/proc/TID`.
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn folder(&self) -> Result<BorrowedFd<'_>, Denial> {
        Ok(self.thread()?.folder())
    }

    /// What is to be kept for the thread's next call.
    #[must_use]
    pub fn into_thread(self) -> Option<Thread> {
        self.thread.into_inner().or(self.last.into_inner())
    }

    fn thread(&self) -> Result<&Thread, Denial> {
        if self.thread.get().is_none() {
            let (thread, status) = self.find()?;
            let _ = (self.thread.set(thread), self.status.set(status));
        }
        Ok(self.thread.get().expect("found above"))
    }

    /// The thread of the last call, if it makes this one too and lives; else the one that has the number now.
    fn find(&self) -> Result<(Thread, Status), Denial> {
        let last = self.last.take().filter(|thread| thread.tid() == self.tid());
        if let Some((thread, Ok(status))) = last.map(|thread| {
            let status = thread.status();
            (thread, status)
        }) {
            return Ok((thread, status));
        }
        let thread = Thread::open(self.tid());
        self.confirm()?;
        let thread = thread?;
        let status = thread.status().map_err(|errno| match errno {
            Errno::EINVAL => Denial::because("cannot read the caller's status"),
            other => gone(other),
        })?;
        Ok((thread, status))
    }

    /// A descriptor of the thread, for pidfd_getfd(2) and poll(2).
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn pidfd(&self) -> Result<BorrowedFd<'_>, Denial> {
        if self.pidfd.get().is_none() {
            let pidfd = match process::open_thread(self.tid().0) {
                Err(Errno::EINVAL) => self.open_leader()?,
                other => other?,
            };
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

    /// Credentials, masks and numbers of the thread. They cannot change while it waits: only a thread itself changes them.
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died; a refusal if the kernel's text cannot be understood.
    pub fn status(&self) -> Result<&Status, Denial> {
        self.thread()?;
        Ok(self.status.get().expect("read with the thread"))
    }

    /// The text of a file below `/proc/TID`. A thread's name may be any bytes: those that are no text are replaced.
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn read_file(&self, name: &str) -> Result<String, Denial> {
        let fd = self.open_file(name)?;
        let (mut text, mut end) = (vec![0; 4096], 0);
        // The kernel makes the whole text at the first read, so only a full buffer leaves a rest.
        while end < text.len() {
            let room = text.len() - end;
            let got = read(&fd, &mut text[end..]).map_err(gone)?;
            end += got;
            if got < room {
                break;
            }
            text.resize(2 * end, 0);
        }
        text.truncate(end);
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// A file below `/proc/TID`, to be read.
    ///
    /// # Errors
    /// [`Denial::Gone`] if the caller died.
    pub fn open_file(&self, name: &str) -> Result<File, Denial> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let fd = openat(self.folder()?, name, flags, Mode::empty());
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
        process::duplicate(self.pidfd()?, fd).map_err(gone)
    }

    fn open_link(&self, name: &str) -> Result<OwnedFd, Denial> {
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        openat(self.folder()?, name, flags, Mode::empty()).map_err(gone)
    }

    /// Reads exactly `length` bytes.
    ///
    /// # Errors
    /// EFAULT if they are not all readable; [`Denial::Gone`] if the caller died.
    pub fn read_memory(&self, address: u64, length: usize) -> Result<Vec<u8>, Denial> {
        let bytes = memory::read(self.tid(), address, length);
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
        let text = memory::read_c_string(self.tid(), address, limit);
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
        Ok(memory::write(self.tid(), address, bytes)?)
    }
}

/// A file of `/proc/TID` says ESRCH, or ENOENT for the folder itself, once its thread is dead.
fn gone(errno: Errno) -> Denial {
    if errno == Errno::ESRCH { Denial::Gone } else { Denial::Caller(errno) }
}
