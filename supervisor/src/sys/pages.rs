//! Memory for `MSG_ZEROCOPY`: the kernel goes on reading it after the call.

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::num::NonZeroUsize;
use std::ptr::NonNull;

/// Pages of their own. When this is dropped they are unmapped, not freed for other use: what the kernel still holds of them stays
/// as it is.
#[derive(Debug)]
pub struct Pages {
    start: NonNull<libc::c_void>,
    length: usize,
}

impl Pages {
    /// New pages that begin with these bytes.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn holding(bytes: &[u8]) -> Result<Self, Errno> {
        let room = NonZeroUsize::new(bytes.len().max(1)).ok_or(Errno::EINVAL)?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new private mapping at an address that the kernel chooses touches no memory that exists.
        let start = unsafe { mmap_anonymous(None, room, protection, MapFlags::MAP_PRIVATE) }?;
        // SAFETY: the mapping is writable, new, and at least as long as `bytes`.
        unsafe {
            start.cast::<u8>().copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len())
        };
        Ok(Self { start, length: bytes.len() })
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: so many bytes were written by `holding`, and nobody writes to them while this lives.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.length) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: this is the whole mapping, and no reference into it outlives this.
        let _ = unsafe { munmap(self.start, self.length.max(1)) };
    }
}
