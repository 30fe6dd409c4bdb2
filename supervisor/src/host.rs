//! The two folders of the host that every serving thread keeps: it enters the container's root, where their names mean
//! something else or nothing.

use crate::sys::descriptors as own_descriptors;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

struct Folders {
    proc: OwnedFd,
    descriptors: OwnedFd,
    process: u32,
}

static FOLDERS: OnceLock<Folders> = OnceLock::new();

/// Opens the folders. The first call must come from the process that serves (not from one that forks it), before any of
/// its threads enters another root; later calls change nothing.
///
/// # Errors
/// What openat(2) lists, if the host has no proc(5).
pub fn open_folders() -> Result<(), Errno> {
    if FOLDERS.get().is_none() {
        let open = |name: &str| {
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            openat(AT_FDCWD, name, flags, Mode::empty())
        };
        let folders = Folders {
            proc: open("/proc")?,
            descriptors: open("/proc/self/fd")?,
            process: std::process::id(),
        };
        let _ = FOLDERS.set(folders);
    }
    Ok(())
}

/// The host's `/proc`.
///
/// # Panics
/// If [`open_folders`] did not succeed before.
#[must_use]
pub fn proc() -> BorrowedFd<'static> {
    folders().proc.as_fd()
}

/// Whether the caller runs in another process than the one that opened the folders.
#[must_use]
pub fn is_another_process() -> bool {
    folders().process != std::process::id()
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
