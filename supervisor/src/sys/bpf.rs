//! bpf(2): maps, programs for the sockets of a control group, and the ring that they write into.

use nix::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Commands (`enum bpf_cmd`, linux/bpf.h).
const MAP_CREATE: libc::c_int = 0;
const MAP_LOOKUP: libc::c_int = 1;
const MAP_UPDATE: libc::c_int = 2;
const PROG_LOAD: libc::c_int = 5;
const PROG_ATTACH: libc::c_int = 8;

/// `BPF_PROG_TYPE_CGROUP_SOCK_ADDR`.
const SOCKET_ADDRESS: u32 = 18;
/// `BPF_F_ALLOW_MULTI`: programs of folders above and below run too, and all must agree.
const ALLOW_MULTI: u32 = 2;

/// Kinds of maps (`enum bpf_map_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapKind {
    /// Keys from 0 on.
    Array = 2,
    /// Keys of any bytes; where there is no room the one that was not used for longest goes.
    RecentlyUsed = 9,
    /// Bytes in the order in which they were written.
    Ring = 27,
}

#[repr(C)]
struct MapCreate {
    kind: u32,
    key_size: u32,
    value_size: u32,
    entries: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct MapElement {
    map: u32,
    _pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    kind: u32,
    slots: u32,
    code: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attach_type: u32,
}

#[repr(C)]
#[derive(Default)]
struct ProgAttach {
    target: u32,
    program: u32,
    attach_type: u32,
    flags: u32,
}

/// `attributes` must be the structure of the command, and whatever it points to must be as large as it says.
///
/// # Safety
/// As above.
unsafe fn bpf<T>(command: libc::c_int, attributes: &mut T) -> Result<libc::c_int, Errno> {
    // SAFETY: bpf(2) reads and writes `size` bytes at the pointer, which is exclusive; the rest is the caller's promise.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(attributes),
            size_of::<T>() as libc::c_uint,
        )
    };
    Errno::result(outcome).map(|value| value as libc::c_int)
}

/// Makes a map.
///
/// # Errors
/// EPERM without the right to, EINVAL if the kernel does not know the kind.
pub fn create_map(
    kind: MapKind,
    [key_size, value_size]: [u32; 2],
    entries: u32,
) -> Result<OwnedFd, Errno> {
    let mut attributes = MapCreate { kind: kind as u32, key_size, value_size, entries, flags: 0 };
    // SAFETY: BPF_MAP_CREATE takes this structure, which points to nothing.
    let fd = unsafe { bpf(MAP_CREATE, &mut attributes)? };
    // SAFETY: the result is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The number at a place of an array of 64-bit numbers.
///
/// # Errors
/// ENOENT if there is no such place.
pub fn number_at(array: BorrowedFd<'_>, place: u32) -> Result<u64, Errno> {
    let mut value = 0_u64;
    let mut attributes = MapElement {
        map: array.as_raw_fd() as u32,
        key: std::ptr::from_ref(&place) as u64,
        value: std::ptr::from_mut(&mut value) as u64,
        ..MapElement::default()
    };
    // SAFETY: BPF_MAP_LOOKUP_ELEM reads a key of 32 bits, which an array has, and writes a value; our arrays hold 64 bits.
    unsafe { bpf(MAP_LOOKUP, &mut attributes)? };
    Ok(value)
}

/// Puts a value of six numbers for a key of 64 bits into a map that [`create_map`] made so; it replaces another one.
///
/// # Errors
/// ENOMEM if there is no room at all.
pub fn enter(map: BorrowedFd<'_>, key: u64, value: &[u32; 6]) -> Result<(), Errno> {
    let mut attributes = MapElement {
        map: map.as_raw_fd() as u32,
        key: std::ptr::from_ref(&key) as u64,
        value: std::ptr::from_ref(value) as u64,
        ..MapElement::default()
    };
    // SAFETY: BPF_MAP_UPDATE_ELEM reads a key and a value of the sizes that the map was made with.
    unsafe { bpf(MAP_UPDATE, &mut attributes) }.map(drop)
}

/// Loads a program of whole `struct bpf_insn`s for a hook (`enum bpf_attach_type`).
///
/// # Errors
/// EINVAL or EACCES if the kernel's verifier refuses it, EPERM without the right to.
pub fn load_program(code: &[[u8; 8]], hook: u32) -> Result<OwnedFd, Errno> {
    // The code is ours, made from the policy. Some helpers are for programs under such a licence only (bpf-helpers(7)).
    const LICENSE: &std::ffi::CStr = c"Dual MIT/GPL";
    let mut attributes = ProgLoad {
        kind: SOCKET_ADDRESS,
        slots: u32::try_from(code.len()).map_err(|_| Errno::E2BIG)?,
        code: code.as_ptr() as u64,
        license: LICENSE.as_ptr() as u64,
        attach_type: hook,
        ..ProgLoad::default()
    };
    attributes.name[..7].copy_from_slice(b"systrac");
    // SAFETY: BPF_PROG_LOAD takes this structure; it reads `slots` instructions of 8 bytes and a text with its NUL.
    let fd = unsafe { bpf(PROG_LOAD, &mut attributes)? };
    // SAFETY: the result is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Attaches a program to a folder of the unified hierarchy. It stays until the folder is removed.
///
/// # Errors
/// EPERM if a folder above keeps others from doing so.
pub fn attach(folder: BorrowedFd<'_>, program: BorrowedFd<'_>, hook: u32) -> Result<(), Errno> {
    let mut attributes = ProgAttach {
        target: folder.as_raw_fd() as u32,
        program: program.as_raw_fd() as u32,
        attach_type: hook,
        flags: ALLOW_MULTI,
    };
    // SAFETY: BPF_PROG_ATTACH takes this structure, which points to nothing.
    unsafe { bpf(PROG_ATTACH, &mut attributes) }.map(drop)
}

/// The reader's side of a ring (Documentation/bpf/ringbuf.rst): a page for our position; and behind it, read only, a page
/// for the writers' and the bytes, twice in a row so that no record is cut.
#[derive(Debug)]
pub struct Ring {
    ours: Mapping,
    theirs: Mapping,
    bytes: usize,
    page: usize,
}

impl Ring {
    /// Maps a ring of so many bytes.
    ///
    /// # Errors
    /// What mmap(2) says.
    pub fn map(ring: BorrowedFd<'_>, bytes: usize) -> Result<Self, Errno> {
        // SAFETY: sysconf(3) takes a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let ours = Mapping::new(ring, libc::PROT_READ | libc::PROT_WRITE, 0..page)?;
        let theirs = Mapping::new(ring, libc::PROT_READ, page..2 * page + 2 * bytes)?;
        Ok(Self { ours, theirs, bytes, page })
    }

    /// The oldest record that was not taken yet.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        const BUSY: u32 = 1 << 31;
        const DISCARDED: u32 = 1 << 30;
        const HEADER: usize = 8;
        loop {
            let at = self.ours.position().load(Ordering::Acquire);
            if at >= self.theirs.position().load(Ordering::Acquire) {
                return None;
            }
            let offset = self.page + (at % self.bytes as u64) as usize;
            // SAFETY: the offset is within the bytes of the mapping and a multiple of 8, as every record's is; the kernel
            // writes the header as one 32-bit word (`__bpf_ringbuf_reserve`).
            let header = unsafe { self.theirs.start.add(offset).cast::<AtomicU32>().as_ref() };
            let header = header.load(Ordering::Acquire);
            if header & BUSY != 0 {
                return None;
            }
            let length = (header & !(BUSY | DISCARDED)) as usize;
            let record = (header & DISCARDED == 0).then(|| {
                // SAFETY: a record lies in the mapping as a whole, as the bytes are there twice, and the kernel does not write
                // it again before our position has passed it.
                unsafe {
                    let first = self.theirs.start.add(offset + HEADER);
                    std::slice::from_raw_parts(first.as_ptr(), length).to_vec()
                }
            });
            let next = at + (length + HEADER).next_multiple_of(8) as u64;
            self.ours.position().store(next, Ordering::Release);
            if record.is_some() {
                return record;
            }
        }
    }
}

/// A part of a ring in our memory.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to the value alone and is not tied to a thread.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(
        ring: BorrowedFd<'_>,
        protection: libc::c_int,
        part: std::ops::Range<usize>,
    ) -> Result<Self, Errno> {
        // SAFETY: a new mapping at a place of the kernel's choice, of a descriptor that is open.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                part.len(),
                protection,
                libc::MAP_SHARED,
                ring.as_raw_fd(),
                part.start as libc::off_t,
            )
        };
        match NonNull::new(start.cast()) {
            Some(first) if start != libc::MAP_FAILED => {
                Ok(Self { start: first, length: part.len() })
            }
            _ => Err(Errno::last()),
        }
    }

    /// The position that the first page begins with.
    fn position(&self) -> &AtomicU64 {
        // SAFETY: the mapping is a page at least and lives as long as self; the kernel uses this word atomically, and of the
        // read-only mapping we only load it.
        unsafe { self.start.cast::<AtomicU64>().as_ref() }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and nothing refers to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}
