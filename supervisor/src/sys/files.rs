//! File calls whose results go to the caller as the kernel lays them out, and those that nix does not wrap.

use nix::errno::Errno;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `struct statx` of linux/stat.h.
pub type StatxBytes = [u8; 256];

/// `struct stat` as the kernel writes it: on x86_64 the C library's is the same, 144 bytes without a gap (asm/stat.h).
#[must_use]
pub fn stat_bytes(status: &libc::stat) -> &[u8] {
    const { assert!(size_of::<libc::stat>() == 144) };
    // SAFETY: the structure is plain numbers, padding is declared as fields, and the kernel or zeroes filled all of it.
    unsafe {
        std::slice::from_raw_parts(std::ptr::from_ref(status).cast(), size_of::<libc::stat>())
    }
}

/// statx(2) on a descriptor, as the kernel writes it. `flags` are the `AT_STATX_*` bits of the caller.
///
/// # Errors
/// What statx(2) lists.
pub fn statx(fd: BorrowedFd<'_>, flags: i32, mask: u32) -> Result<StatxBytes, Errno> {
    let mut bytes = [0; size_of::<StatxBytes>()];
    // SAFETY: statx(2) writes one struct statx, 256 bytes, and reads the empty text, which ends with NUL.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_statx,
            fd.as_raw_fd(),
            c"".as_ptr(),
            flags | libc::AT_EMPTY_PATH,
            mask,
            bytes.as_mut_ptr(),
        )
    })?;
    Ok(bytes)
}

/// One object of one mount: equal places are the same thing seen through the same mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Device number of the file system.
    pub device: (u32, u32),
    /// Inode number.
    pub inode: u64,
    /// Mount id (since Linux 5.8); different mount namespaces never share one.
    pub mount: u64,
}

/// The place that a name reaches; magic links are followed.
///
/// # Errors
/// What statx(2) lists.
pub fn place(dirfd: BorrowedFd<'_>, path: &CStr) -> Result<Place, Errno> {
    let mut result = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: statx(2) writes one struct statx and reads a text that ends with NUL.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_statx,
            dirfd.as_raw_fd(),
            path.as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC,
            libc::STATX_INO | libc::STATX_MNT_ID,
            result.as_mut_ptr(),
        )
    })?;
    // SAFETY: all zeroes is a valid struct statx, and the kernel filled in what it knows.
    let result = unsafe { result.assume_init() };
    Ok(Place {
        device: (result.stx_dev_major, result.stx_dev_minor),
        inode: result.stx_ino,
        mount: result.stx_mnt_id,
    })
}

/// A status, and the mount through which it was looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// What fstat(2) says.
    pub status: libc::stat,
    /// A number that the kernel gives to one mount only, ever (`STATX_MNT_ID_UNIQUE`, since Linux 6.8).
    pub mount: Option<u64>,
}

/// Status and mount of a descriptor in one call.
///
/// # Errors
/// What statx(2) lists.
pub fn look(fd: BorrowedFd<'_>) -> Result<Look, Errno> {
    const UNIQUE_MOUNT: u32 = 0x4000; // linux/stat.h
    let mut found = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: statx(2) writes one struct statx and reads the empty text, which ends with NUL.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_statx,
            fd.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            libc::STATX_BASIC_STATS | UNIQUE_MOUNT,
            found.as_mut_ptr(),
        )
    })?;
    // SAFETY: all zeroes is a valid struct statx, and the kernel filled in what it knows.
    let found = unsafe { found.assume_init() };
    let mount = (found.stx_mask & UNIQUE_MOUNT != 0).then_some(found.stx_mnt_id);
    Ok(Look { status: as_stat(&found), mount })
}

/// The same answer in the older form. Both are made from one `struct kstat` (`cp_new_stat` and `cp_statx`, fs/stat.c).
fn as_stat(found: &libc::statx) -> libc::stat {
    // SAFETY: the structure is plain numbers.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    status.st_dev = libc::makedev(found.stx_dev_major, found.stx_dev_minor);
    status.st_ino = found.stx_ino;
    status.st_nlink = found.stx_nlink.into();
    status.st_mode = found.stx_mode.into();
    status.st_uid = found.stx_uid;
    status.st_gid = found.stx_gid;
    status.st_rdev = libc::makedev(found.stx_rdev_major, found.stx_rdev_minor);
    status.st_size = found.stx_size.cast_signed();
    status.st_blksize = found.stx_blksize.into();
    status.st_blocks = found.stx_blocks.cast_signed();
    (status.st_atime, status.st_atime_nsec) =
        (found.stx_atime.tv_sec, found.stx_atime.tv_nsec.into());
    (status.st_mtime, status.st_mtime_nsec) =
        (found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec.into());
    (status.st_ctime, status.st_ctime_nsec) =
        (found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec.into());
    status
}

/// faccessat2(2) on a descriptor with the thread's effective identity (`AT_EACCESS`).
///
/// # Errors
/// EACCES and what else access(2) lists.
pub fn access(fd: BorrowedFd<'_>, mode: i32) -> Result<(), Errno> {
    // SAFETY: faccessat2(2) reads the empty text, which ends with NUL.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_faccessat2,
            fd.as_raw_fd(),
            c"".as_ptr(),
            mode,
            libc::AT_EMPTY_PATH | libc::AT_EACCESS,
        )
    })
    .map(drop)
}

/// What openat(2) says about these flags before it looks at the name: the empty name is looked at next and does not exist.
///
/// # Errors
/// EINVAL for flags that the kernel refuses.
pub fn check_open_flags(flags: i32, mode: u32) -> Result<(), Errno> {
    // SAFETY: openat(2) reads the empty text, which ends with NUL.
    let result =
        unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, c"".as_ptr(), flags, mode) };
    match Errno::result(result) {
        Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno),
        Ok(_) => Err(Errno::EINVAL),
    }
}

/// What statfs(2) says of the file system and the mount of a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSystem {
    /// It is proc(5).
    pub is_proc: bool,
    /// Mounted with `nosymfollow` (mount(8), since Linux 5.10).
    pub refuses_links: bool,
}

/// The file system of a descriptor.
///
/// # Errors
/// What fstatfs(2) lists.
pub fn file_system(fd: BorrowedFd<'_>) -> Result<FileSystem, Errno> {
    const ST_NOSYMFOLLOW: u64 = 0x2000; // linux/statfs.h
    let words = statfs_words(fd)?;
    Ok(FileSystem {
        is_proc: words[0] == libc::PROC_SUPER_MAGIC as u64,
        refuses_links: words[10] & ST_NOSYMFOLLOW != 0,
    })
}

/// fstatfs(2), also on an `O_PATH` descriptor, as the kernel writes it.
///
/// # Errors
/// What fstatfs(2) lists.
pub fn statfs(fd: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    Ok(statfs_words(fd)?.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

fn statfs_words(fd: BorrowedFd<'_>) -> Result<[u64; 15], Errno> {
    // struct statfs of asm-generic/statfs.h is 15 words on x86_64: f_type is the first, f_flags the eleventh. libc hides the latter.
    let mut words = [0_u64; 15];
    // SAFETY: fstatfs(2) writes one struct statfs, 120 bytes.
    Errno::result(unsafe { libc::syscall(libc::SYS_fstatfs, fd.as_raw_fd(), words.as_mut_ptr()) })?;
    Ok(words)
}

/// Seconds and nanoseconds of the last access and of the last change; the nanoseconds may be `UTIME_NOW` or `UTIME_OMIT`.
pub type Times = [(i64, i64); 2];

/// utimensat(2), links followed. Without times: now.
///
/// # Errors
/// What utimensat(2) lists.
pub fn set_times(folder: BorrowedFd<'_>, path: &str, times: Option<&Times>) -> Result<(), Errno> {
    let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
    let times =
        times.map(|times| times.map(|(tv_sec, tv_nsec)| libc::timespec { tv_sec, tv_nsec }));
    let pointer = times.as_ref().map_or(std::ptr::null(), |times| times.as_ptr());
    // SAFETY: utimensat(2) reads a text that ends with NUL, and two struct timespec unless the pointer is null.
    Errno::result(unsafe { libc::utimensat(folder.as_raw_fd(), path.as_ptr(), pointer, 0) })
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_look_is_a_status() {
        for path in ["/etc/passwd", "/dev/null", "/proc/self/status", "/tmp", "/"] {
            let file = std::fs::File::open(path).unwrap();
            let look = look(file.as_fd()).unwrap();
            let status = nix::sys::stat::fstat(&file).unwrap();
            assert_eq!(stat_bytes(&look.status), stat_bytes(&status), "{path}");
        }
    }
}
