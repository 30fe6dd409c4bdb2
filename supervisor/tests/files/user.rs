//! The victim as another user.

use crate::sys::call;

/// Changes all ids and groups, of the calling thread.
pub fn become_user(uid: u32, gid: u32, groups: &[u32]) {
    assert_eq!(
        call(libc::SYS_setgroups, [groups.len() as u64, groups.as_ptr() as u64, 0, 0, 0, 0]),
        0
    );
    assert_eq!(call(libc::SYS_setresgid, [gid.into(), gid.into(), gid.into(), 0, 0, 0]), 0);
    assert_eq!(call(libc::SYS_setresuid, [uid.into(), uid.into(), uid.into(), 0, 0, 0]), 0);
}

/// Changes the real ids only, of the calling thread.
pub fn become_real_user(uid: u32, gid: u32) {
    let keep = u64::MAX;
    assert_eq!(call(libc::SYS_setresgid, [gid.into(), keep, keep, 0, 0, 0]), 0);
    assert_eq!(call(libc::SYS_setresuid, [uid.into(), keep, keep, 0, 0, 0]), 0);
}
