//! A folder of descriptors that belongs to one thread.

use std::cell::OnceCell;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

thread_local! {
    static OWN: OnceCell<OwnedFd> = const { OnceCell::new() };
}

/// Keeps a folder until the calling thread ends; a second one is dropped.
pub fn keep(folder: OwnedFd) {
    OWN.with(|own| drop(own.set(folder)));
}

/// The folder that the calling thread keeps, for use on this thread.
#[must_use]
pub fn own() -> Option<BorrowedFd<'static>> {
    // SAFETY: the folder stays open until the thread ends, and it is looked up, used and forgotten within one step of that thread: nothing
    // that outlives it holds such a value.
    OWN.with(|own| own.get().map(|folder| unsafe { BorrowedFd::borrow_raw(folder.as_raw_fd()) }))
}
