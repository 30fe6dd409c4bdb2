//! The two folders of the host that every serving thread keeps: it enters the container's root, where their names mean
//! something else or nothing.

use crate::sys::descriptors as own_descriptors;
use crate::sys::process::exchange;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

struct Folders {
    proc: OwnedFd,
    descriptors: OwnedFd,
    /// Whose descriptors they are.
    process: AtomicU32,
}

static FOLDERS: OnceLock<Folders> = OnceLock::new();

/// Opens the folders. The first call must come before any thread enters another root, and a forked process must call it again
/// before it uses them; other calls change nothing.
///
/// # Errors
/// What openat(2) lists, if the host has no proc(5).
pub fn open_folders() -> Result<(), Errno> {
    let own = std::process::id();
    match FOLDERS.get() {
        None => {
            let folders = Folders {
                proc: open("/proc")?,
                descriptors: open("/proc/self/fd")?,
                process: own.into(),
            };
            let _ = FOLDERS.set(folders);
        }
        Some(folders) if folders.process.load(Ordering::Acquire) != own => {
            exchange(folders.descriptors.as_fd(), open("/proc/self/fd")?.as_fd())?;
            folders.process.store(own, Ordering::Release);
        }
        Some(_) => {}
    }
    Ok(())
}

fn open(name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    openat(AT_FDCWD, name, flags, Mode::empty())
}

/// The descriptors of the folders, for a process that closes all others.
#[must_use]
pub fn opened() -> Vec<BorrowedFd<'static>> {
    FOLDERS.get().map_or_else(Vec::new, |all| vec![all.proc.as_fd(), all.descriptors.as_fd()])
}

/// The host's `/proc`.
///
/// # Panics
/// If [`open_folders`] did not succeed before.
#[must_use]
pub fn proc() -> BorrowedFd<'static> {
    folders().proc.as_fd()
}

/// All of a file of proc(5). Such a file has no length, so a whole page is asked for at first: most fit in, and the kernel makes
/// some anew for each read.
///
/// # Errors
/// What read(2) says: ESRCH if the process is gone.
pub fn contents(file: OwnedFd) -> Result<Vec<u8>, Errno> {
    let (mut bytes, mut end) = (vec![0; 4096], 0);
    loop {
        match read(&file, &mut bytes[end..]) {
            Ok(0) => break,
            Ok(got) => end += got,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        if end == bytes.len() {
            bytes.resize(2 * end, 0);
        }
    }
    bytes.truncate(end);
    Ok(bytes)
}

/// Whether the caller runs in another process than the one that opened the folders.
#[must_use]
pub fn is_another_process() -> bool {
    folders().process.load(Ordering::Acquire) != std::process::id()
}

/// Opens the folder of descriptors once more, for the calling thread of a process that shares ours: no process may look into the
/// folder of another one with a caller's rights.
///
/// # Errors
/// What openat(2) lists.
pub fn open_own_descriptors() -> Result<(), Errno> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let own = openat(proc(), "self/fd", flags, Mode::empty())?;
    own_descriptors::keep(own);
    Ok(())
}

/// Our own `/proc/self/fd`: what a descriptor of ours refers to is opened again, or named, through it.
///
/// # Panics
/// If [`open_folders`] did not succeed before.
#[must_use]
pub fn descriptors() -> BorrowedFd<'static> {
    own_descriptors::own().unwrap_or_else(|| folders().descriptors.as_fd())
}

fn folders() -> &'static Folders {
    FOLDERS.get().expect("the folders are opened before the first thread serves")
}
