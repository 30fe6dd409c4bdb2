//! A FIFO's open waits for the other end, and only as long as the caller would.

use crate::guard::PERMIT;
use crate::sys::in_child;
use crate::victim;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

fn open(flags: i32) -> std::io::Result<std::fs::File> {
    let (read, write) = (flags == libc::O_RDONLY, flags == libc::O_WRONLY);
    std::fs::OpenOptions::new().read(read).write(write).custom_flags(0).open("/data/fifo")
}

#[test]
fn both_ends_wait_for_each_other() {
    let told = victim::run(Some(PERMIT), || {
        let mut text = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(30));
                open(libc::O_WRONLY).unwrap().write_all(b"through").unwrap();
            });
            open(libc::O_RDONLY).unwrap().read_to_end(&mut text).unwrap();
        });
        text
    });
    assert_eq!(told, b"through");
}

#[test]
fn a_signal_interrupts() {
    let told = victim::run(Some(PERMIT), || {
        sys::handle(Signal::SIGALRM);
        nix::unistd::alarm::set(1);
        let path = c"/data/fifo".as_ptr() as u64;
        let result = crate::sys::call(libc::SYS_open, [path, libc::O_WRONLY as u64, 0, 0, 0, 0]);
        result.to_string().into_bytes()
    });
    assert_eq!(told, (-(Errno::EINTR as i64)).to_string().into_bytes());
}

#[test]
fn the_death_of_the_caller_ends_the_wait() {
    let told = victim::run(Some(PERMIT), || {
        let child = in_child(|| {
            let _ = open(libc::O_RDONLY);
            0
        });
        std::thread::sleep(Duration::from_millis(50));
        let child = nix::unistd::Pid::from_raw(child);
        nix::sys::signal::kill(child, Signal::SIGKILL).unwrap();
        nix::sys::wait::waitpid(child, None).unwrap();
        b"killed".to_vec()
    });
    // The run ends only when no serving thread is left.
    assert_eq!(told, b"killed");
}

mod sys {
    //! A signal handler for the victim.
    #![allow(unsafe_code)]

    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

    extern "C" fn nothing(_: libc::c_int) {}

    /// Handles a signal with a function that does nothing; calls that it interrupts are not restarted.
    pub fn handle(signal: Signal) {
        let action =
            SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing.
        unsafe { sigaction(signal, &action) }.unwrap();
    }
}
