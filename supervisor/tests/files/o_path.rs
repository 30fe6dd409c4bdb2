//! `O_PATH` descriptors cannot be handed over by the kernel: what the victim gets in their place.

use crate::guard::PERMIT;
use crate::{sys, user, victim};
use std::ffi::CStr;

fn open(folder: i32, path: &CStr, flags: i32) -> i64 {
    let arguments = [folder as u64, path.as_ptr() as u64, flags as u64, 0, 0, 0];
    sys::call(libc::SYS_openat, arguments)
}

#[test]
fn a_folder_and_a_plain_file_are_opened_for_reading() {
    let told = victim::run(Some(PERMIT), || {
        let folder = open(libc::AT_FDCWD, c"/data", libc::O_PATH | libc::O_DIRECTORY);
        let file = open(folder as i32, c"file", libc::O_PATH | libc::O_NOFOLLOW);
        let mut text = Vec::new();
        let mut file = std::fs::File::from(sys::take(file));
        std::io::Read::read_to_end(&mut file, &mut text).unwrap();
        text
    });
    assert_eq!(told, b"content\n");
}

#[test]
fn nothing_else_is() {
    let told = victim::run(Some(PERMIT), || {
        user::become_user(1000, 1000, &[]);
        let link = open(libc::AT_FDCWD, c"/data/absolute", libc::O_PATH | libc::O_NOFOLLOW);
        let fifo = open(libc::AT_FDCWD, c"/data/fifo", libc::O_PATH);
        let unreadable = open(libc::AT_FDCWD, c"/data/none", libc::O_PATH);
        format!("{link} {fifo} {unreadable}").into_bytes()
    });
    assert_eq!(
        told,
        format!("-{} -{} -{}", libc::EOPNOTSUPP, libc::EPERM, libc::EACCES).into_bytes()
    );
}
