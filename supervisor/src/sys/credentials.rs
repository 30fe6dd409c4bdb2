//! The credentials of one thread. glibc's wrappers change every thread of the process; the system calls change the calling one.

use nix::errno::Errno;

/// `_LINUX_CAPABILITY_VERSION_3` of linux/capability.h.
const VERSION_3: u32 = 0x2008_0522;

/// The three capability sets of a thread, as bit masks by capability number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// What permission checks look at.
    pub effective: u64,
    /// What may be made effective.
    pub permitted: u64,
    /// What execve(2) may keep.
    pub inheritable: u64,
}

#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Words {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// The capabilities of the calling thread.
///
/// # Errors
/// None is known for the calling thread.
pub fn capabilities() -> Result<Capabilities, Errno> {
    let mut header = Header { version: VERSION_3, pid: 0 };
    let mut words = [Words::default(); 2];
    // SAFETY: version 3 fills two `__user_cap_data_struct` (capget(2)); `words` are two of that layout.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_capget, std::ptr::from_mut(&mut header), words.as_mut_ptr())
    })?;
    let join =
        |part: fn(&Words) -> u32| u64::from(part(&words[0])) | u64::from(part(&words[1])) << 32;
    Ok(Capabilities {
        effective: join(|w| w.effective),
        permitted: join(|w| w.permitted),
        inheritable: join(|w| w.inheritable),
    })
}

/// Sets the capabilities of the calling thread.
///
/// # Errors
/// EPERM if a set grows beyond what capset(2) allows.
pub fn set_capabilities(sets: Capabilities) -> Result<(), Errno> {
    let mut header = Header { version: VERSION_3, pid: 0 };
    let word = |shift: u32| Words {
        effective: (sets.effective >> shift) as u32,
        permitted: (sets.permitted >> shift) as u32,
        inheritable: (sets.inheritable >> shift) as u32,
    };
    let words = [word(0), word(32)];
    // SAFETY: version 3 reads two `__user_cap_data_struct` (capset(2)); `words` are two of that layout.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_capset, std::ptr::from_mut(&mut header), words.as_ptr())
    })
    .map(drop)
}

/// From now on changes of users change no capability of the calling thread (`SECBIT_NO_SETUID_FIXUP`, capabilities(7)).
///
/// # Errors
/// EPERM without `CAP_SETPCAP`.
pub fn keep_capabilities() -> Result<(), Errno> {
    const NO_SETUID_FIXUP: libc::c_ulong = 1 << 2; // linux/securebits.h
    // SAFETY: PR_SET_SECUREBITS takes a number.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_SECUREBITS, NO_SETUID_FIXUP, 0, 0, 0) })
        .map(drop)
}

/// Sets the supplementary groups of the calling thread.
///
/// # Errors
/// EPERM without `CAP_SETGID`, EINVAL for more than 65536 groups.
pub fn set_groups(groups: &[libc::gid_t]) -> Result<(), Errno> {
    // SAFETY: setgroups(2) reads `len` group numbers behind the pointer.
    Errno::result(unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) })
        .map(drop)
}

/// Sets the effective user of the calling thread, and with it the file system user. Real and saved user stay.
///
/// # Errors
/// EPERM without `CAP_SETUID`.
pub fn set_effective_user(uid: libc::uid_t) -> Result<(), Errno> {
    // SAFETY: setresuid(2) takes three numbers; -1 leaves one as it is.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresuid, -1, uid, -1) }).map(drop)
}

/// Sets the effective group of the calling thread, as [`set_effective_user`].
///
/// # Errors
/// EPERM without `CAP_SETGID`.
pub fn set_effective_group(gid: libc::gid_t) -> Result<(), Errno> {
    // SAFETY: setresgid(2) takes three numbers; -1 leaves one as it is.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresgid, -1, gid, -1) }).map(drop)
}

/// The real, effective and saved user and group of the calling thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Users {
    /// Users.
    pub uids: [libc::uid_t; 3],
    /// Groups.
    pub gids: [libc::gid_t; 3],
}

/// Sets the users and groups of the calling thread; the file system user and group follow the effective ones, and effective
/// capabilities come and go with user 0 (credentials(7), capabilities(7)).
///
/// # Errors
/// EPERM if one of the numbers is none of the present ones and the thread has not the capability.
pub fn set_users(users: Users) -> Result<(), Errno> {
    let [real, effective, saved] = users.gids;
    // SAFETY: setresgid(2) takes numbers.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresgid, real, effective, saved) })?;
    let [real, effective, saved] = users.uids;
    // SAFETY: setresuid(2) takes numbers.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresuid, real, effective, saved) }).map(drop)
}

/// Sets the file system user of the calling thread alone; the kernel reports no failure (setfsuid(2)), so the result is checked.
///
/// # Errors
/// EPERM if the kernel did not take the number.
pub fn set_fsuid(uid: libc::uid_t) -> Result<(), Errno> {
    // SAFETY: setfsuid(2) takes a number.
    unsafe { libc::syscall(libc::SYS_setfsuid, uid) };
    // SAFETY: the same; an invalid number changes nothing and gives the present one.
    let now = unsafe { libc::syscall(libc::SYS_setfsuid, -1) };
    if now as libc::uid_t == uid { Ok(()) } else { Err(Errno::EPERM) }
}

/// Sets the file system group of the calling thread alone, as [`set_fsuid`].
///
/// # Errors
/// EPERM if the kernel did not take the number.
pub fn set_fsgid(gid: libc::gid_t) -> Result<(), Errno> {
    // SAFETY: setfsgid(2) takes a number.
    unsafe { libc::syscall(libc::SYS_setfsgid, gid) };
    // SAFETY: the same; an invalid number changes nothing and gives the present one.
    let now = unsafe { libc::syscall(libc::SYS_setfsgid, -1) };
    if now as libc::gid_t == gid { Ok(()) } else { Err(Errno::EPERM) }
}
