//! A caller that chroot(2) has given another root than the container's.
//!
//! Rules name files as the container does, whatever root a caller has: else who may call chroot(2) could make `/home/other/diary`
//! be `/diary`. The kernel tells the name of a descriptor as it is below the root of whoever asks, and a serving thread has its
//! caller's. So for such a caller the thread asks from the container's root, and goes back.

use crate::sys::credentials::{self, Capabilities};
use nix::errno::Errno;
use nix::unistd::{chroot, fchdir};
use std::cell::RefCell;
use std::os::fd::OwnedFd;

/// The two roots of a serving thread whose caller is in a chroot.
#[derive(Debug)]
pub struct Jail {
    /// The container's.
    pub container: OwnedFd,
    /// The caller's, in which the thread is.
    pub caller: OwnedFd,
}

thread_local! {
    /// A thread's root is the thread's own state in the kernel, so this stands beside it.
    static JAIL: RefCell<Option<Jail>> = const { RefCell::new(None) };
}

/// Says that the thread is in a caller's chroot, or that it is in the container's root.
pub fn remember(jail: Option<Jail>) {
    JAIL.set(jail);
}

/// Does something where absolute names are the container's.
///
/// # Errors
/// What stands in the way of going there.
pub(super) fn outside<T>(act: impl FnOnce() -> T) -> Result<T, Errno> {
    JAIL.with_borrow(|jail| {
        let Some(jail) = jail else { return Ok(act()) };
        let acting = credentials::capabilities()?;
        let full = Capabilities { effective: acting.permitted, ..acting };
        credentials::set_capabilities(full)?;
        let _back = Back { jail, full, acting };
        move_to(&jail.container)?;
        Ok(act())
    })
}

fn move_to(root: &OwnedFd) -> Result<(), Errno> {
    fchdir(root)?;
    chroot(".")
}

/// The way back into the jail.
struct Back<'j> {
    jail: &'j Jail,
    full: Capabilities,
    acting: Capabilities,
}

impl Drop for Back<'_> {
    fn drop(&mut self) {
        let back = credentials::set_capabilities(self.full)
            .and_then(|()| move_to(&self.jail.caller))
            .and_then(|()| credentials::set_capabilities(self.acting));
        // A thread that resolved the next name in the wrong root would open what nobody judged.
        if back.is_err() {
            std::process::abort();
        }
    }
}
