//! The proc folder of a thread, kept from one of its calls to the next.
//!
//! Such descriptors stay bound to their thread: when its number is given to another one, reading fails. So what can be read was
//! open when the call arrived, under the number that the kernel gave for it, and is the caller's.

use crate::host;
use crate::notification::Tid;
use crate::status::Status;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What is kept open.
#[derive(Debug)]
pub struct Thread {
    tid: Tid,
    folder: OwnedFd,
    status: OwnedFd,
}

impl Thread {
    /// Opens the folder of the thread that has this number now.
    ///
    /// # Errors
    /// ENOENT or ESRCH if there is none.
    pub fn open(tid: Tid) -> Result<Self, Errno> {
        let folder_flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let name = tid.0.to_string();
        let folder = openat(host::proc(), name.as_str(), folder_flags, Mode::empty())?;
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let status = openat(&folder, "status", flags, Mode::empty())?;
        Ok(Self { tid, folder, status })
    }

    /// The number.
    #[must_use]
    pub fn tid(&self) -> Tid {
        self.tid
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Its credentials, masks and numbers now.
    ///
    /// # Errors
    /// ESRCH if the thread is dead; EINVAL if the kernel's text cannot be understood.
    pub fn status(&self) -> Result<Status, Errno> {
        Status::read(&self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_thread_stays_dead() {
        host::open_folders().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            let own = Thread::open(Tid(nix::unistd::gettid().as_raw())).unwrap();
            assert_eq!(own.status().unwrap().tgid, std::process::id() as i32);
            tell.send(own).unwrap();
        });
        other.join().unwrap();
        let dead = told.recv().unwrap();
        // The thread is joined a moment before the kernel has taken its number back.
        while dead.status().is_ok() {
            std::thread::yield_now();
        }
        assert_eq!(dead.status(), Err(Errno::ESRCH));
    }
}
