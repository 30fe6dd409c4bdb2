//! The checks that the kernel makes only on its own walk: sysctl `fs.protected_*` (proc_sys_fs(5)) and `nosymfollow`.
//! What we walk or open by hand is checked here.

use crate::host;
use crate::identity::Acting;
use crate::sys::files::file_system;
use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use std::ffi::CString;
use std::io::Read;
use std::os::fd::BorrowedFd;

/// Whether a symbolic link may be followed: not on a `nosymfollow` mount, and at the end of a name not if it lies in a
/// sticky folder that everybody can write, and belongs neither to the caller nor to the folder's owner.
///
/// # Errors
/// ELOOP, EACCES.
pub(super) fn may_follow(
    acting: &Acting<'_>,
    link: (BorrowedFd<'_>, &FileStat),
    folder: Option<&FileStat>,
) -> Result<(), Errno> {
    let shared = libc::S_ISVTX | libc::S_IWOTH;
    let of_another = |folder: &FileStat| {
        folder.st_mode & shared == shared
            && link.1.st_uid != acting.fsuid()
            && link.1.st_uid != folder.st_uid
    };
    if folder.is_some_and(of_another) && level(acting, "sys/fs/protected_symlinks")? != 0 {
        return Err(Errno::EACCES);
    }
    if file_system(link.0)?.refuses_links { Err(Errno::ELOOP) } else { Ok(()) }
}

/// Whether open(2) with `O_CREAT` may use a file that is already there: not somebody else's file or FIFO in a sticky
/// folder that others can write. `name` is the file's resolved name.
///
/// # Errors
/// EACCES.
pub fn may_reuse(acting: &Acting<'_>, file: &FileStat, name: &[u8]) -> Result<(), Errno> {
    let knob = match super::kind(file) {
        SFlag::S_IFREG => "sys/fs/protected_regular",
        SFlag::S_IFIFO => "sys/fs/protected_fifos",
        _ => return Ok(()),
    };
    if file.st_uid == acting.fsuid() {
        return Ok(());
    }
    let folder = folder_of(name)?;
    if folder.st_mode & libc::S_ISVTX == 0 || file.st_uid == folder.st_uid {
        return Ok(());
    }
    let refused_from = match folder.st_mode & (libc::S_IWOTH | libc::S_IWGRP) {
        0 => return Ok(()),
        libc::S_IWGRP => 2,
        _ => 1,
    };
    if level(acting, knob)? < refused_from { Ok(()) } else { Err(Errno::EACCES) }
}

fn folder_of(name: &[u8]) -> Result<FileStat, Errno> {
    let slash = name.iter().rposition(|byte| *byte == b'/').ok_or(Errno::EACCES)?;
    let folder = CString::new(&name[..=slash]).map_err(|_| Errno::EACCES)?;
    let open = || super::open_path(None, &folder, OFlag::O_DIRECTORY, ResolveFlag::empty());
    fstat(super::jail::outside(open)??)
}

/// The present value of a sysctl; only root may read these. Unknown ones count as strict.
fn level(acting: &Acting<'_>, knob: &str) -> Result<u32, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let fd = acting.with_our_powers(|| openat(host::proc(), knob, flags, Mode::empty()))?;
    let mut text = String::new();
    std::fs::File::from(fd).read_to_string(&mut text).map_err(|_| Errno::EACCES)?;
    Ok(text.trim().parse().unwrap_or(u32::MAX))
}
