//! The same safe sequence as the supervisor's, as a bare loop for one caller whose identity never changes and whose calls are
//! all open(2) or stat(2) of absolute names: what could be reached at best.

use nix::fcntl::{AT_FDCWD, OFlag, openat, readlinkat};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{chroot, fchdir};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use supervisor::host;
use supervisor::memory;
use supervisor::notification::Tid;
use supervisor::sys::credentials::{Capabilities, capabilities, set_capabilities};
use supervisor::sys::{files, seccomp};

/// Serves until the caller is gone.
pub fn serve(listener: OwnedFd, init: i32) -> impl FnOnce() {
    host::open_folders().unwrap();
    seccomp::wake_synchronously(listener.as_fd());
    let root = std::fs::File::open(format!("/proc/{init}/root")).unwrap();
    let thread = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_FS).unwrap();
        fchdir(&root).unwrap();
        chroot(".").unwrap();
        let full = capabilities().unwrap();
        let buffer = seccomp::Buffer::default();
        while let Ok(notification) = seccomp::receive(listener.as_fd(), &buffer) {
            buffer.clear();
            answer(listener.as_fd(), &notification, full);
        }
    });
    move || thread.join().unwrap()
}

fn answer(listener: BorrowedFd<'_>, call: &libc::seccomp_notif, full: Capabilities) {
    let tid = Tid(call.pid as i32);
    let name = memory::read_c_string(tid, call.data.args[0], memory::PATH_MAX).unwrap().unwrap();
    if !seccomp::is_valid(listener, call.id) {
        return;
    }
    set_capabilities(full).unwrap();
    let object = openat(AT_FDCWD, name.as_c_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty());
    let Ok(object) = object else {
        set_capabilities(full).unwrap();
        return send(listener, call.id, -libc::ENOENT);
    };
    let number = object.as_raw_fd().to_string();
    let label = readlinkat(host::descriptors(), number.as_str()).unwrap();
    let status = fstat(&object).unwrap();
    assert!(!label.is_empty());
    if i64::from(call.data.nr) == libc::SYS_stat {
        set_capabilities(full).unwrap();
        memory::write(tid, call.data.args[1], files::stat_bytes(&status)).unwrap();
        return send(listener, call.id, 0);
    }
    let file = openat(host::descriptors(), number.as_str(), OFlag::O_CLOEXEC, Mode::empty());
    set_capabilities(full).unwrap();
    let number = seccomp::add_descriptor(listener, call.id, file.unwrap().as_fd(), false).unwrap();
    let reply = libc::seccomp_notif_resp { id: call.id, val: number.into(), error: 0, flags: 0 };
    seccomp::send(listener, reply).unwrap();
}

fn send(listener: BorrowedFd<'_>, id: u64, error: i32) {
    let reply = libc::seccomp_notif_resp { id, val: 0, error, flags: 0 };
    seccomp::send(listener, reply).unwrap();
}
