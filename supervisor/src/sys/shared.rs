//! Memory that forked processes share.

use crate::holder::journal::Journal;
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use std::num::NonZeroUsize;

/// What may lie in shared memory.
///
/// # Safety
/// The type consists of atomics only, zero bytes are a valid value of it, and nothing is to be dropped.
pub unsafe trait Shareable: Sync {}

// SAFETY: every field is an atomic number or a structure or array of such, as its declaration shows.
unsafe impl Shareable for Journal {}

/// Makes a value of zero bytes that every process forked from now on shares. It stays for the life of the process; only pages
/// that are touched take memory.
///
/// # Errors
/// ENOMEM.
pub fn share<T: Shareable>() -> Result<&'static T, Errno> {
    let length = NonZeroUsize::new(size_of::<T>()).ok_or(Errno::EINVAL)?;
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping at a place that the kernel chooses touches no memory that exists.
    let place = unsafe { mmap_anonymous(None, length, access, MapFlags::MAP_SHARED) }?;
    // SAFETY: the mapping is as long as the type, aligned to a page, zero as `Shareable` asks, and never unmapped. Other
    // processes change it through atomics only.
    Ok(unsafe { place.cast::<T>().as_ref() })
}
