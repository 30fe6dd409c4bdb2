//! The two folders of the host that every serving thread keeps: it enters the container's root, where their names mean
//! something else or nothing.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

struct Folders {
    proc: OwnedFd,
    descriptors: OwnedFd,
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
        let folders = Folders { proc: open("/proc")?, descriptors: open("/proc/self/fd")? };
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

/// Our own `/proc/self/fd`: what a descriptor of ours refers to is opened again, or named, through it.
///
/// # Panics
/// If [`open_folders`] did not succeed before.
#[must_use]
pub fn descriptors() -> BorrowedFd<'static> {
    folders().descriptors.as_fd()
}

fn folders() -> &'static Folders {
    FOLDERS.get().expect("the folders are opened before the first thread serves")
}
