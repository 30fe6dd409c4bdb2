//! `/dev/tty` is the victim's terminal.

use crate::guard::PERMIT;
use crate::{sys, user, victim};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;

fn open(path: &str) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

fn ioctl(file: &File, request: u64, argument: u64) {
    let arguments = [file.as_raw_fd() as u64, request, argument, 0, 0, 0];
    assert_eq!(sys::call(libc::SYS_ioctl, arguments), 0);
}

#[test]
fn the_terminal_of_the_caller() {
    let told = victim::run(Some(PERMIT), || {
        assert_eq!(open("/dev/tty").unwrap_err().raw_os_error(), Some(libc::ENXIO));
        let mut master = open("/dev/pts/ptmx").unwrap();
        let unlock = 0_i32;
        ioctl(&master, libc::TIOCSPTLCK, (&raw const unlock) as u64);
        nix::unistd::setsid().unwrap();
        let slave = open("/dev/pts/0").unwrap();
        ioctl(&slave, libc::TIOCSCTTY, 0);
        // The terminal stays root's, as after su(1).
        user::become_user(1000, 1000, &[]);
        open("/dev/tty").unwrap().write_all(b"hello").unwrap();
        let mut text = [0; 5];
        master.read_exact(&mut text).unwrap();
        text.to_vec()
    });
    assert_eq!(told, b"hello");
}
