//! What nix does not offer safely.
#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// Does something in a child of this process, which has one thread, and gives its error; 0: none.
pub fn in_child(act: impl FnOnce() -> Result<(), Errno>) -> i32 {
    // SAFETY: there is one thread, so the child finds no lock taken.
    match unsafe { fork() }.expect("a child") {
        ForkResult::Parent { child } => match waitpid(child, None).expect("the child ends") {
            WaitStatus::Exited(_, status) => status,
            other => panic!("the child ended with {other:?}"),
        },
        ForkResult::Child => {
            let status = act().map_or_else(|errno| errno as i32, |()| 0);
            // SAFETY: _exit(2) takes a number and does not come back.
            unsafe { libc::_exit(status) }
        }
    }
}

/// A call with numbers, texts that end with NUL, and addresses of sockets with their lengths.
pub fn call(number: u32, arguments: [u64; 6]) -> Result<(), Errno> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the callers pass numbers and pointers to what outlives the call, for calls that only read it.
    Errno::result(unsafe { libc::syscall(i64::from(number), a, b, c, d, e, f) }).map(drop)
}

/// A process that does nothing after it has gone somewhere.
pub struct Inmate(nix::unistd::Pid);

impl Inmate {
    /// Starts it; it is there when this comes back.
    pub fn new(go: impl FnOnce() -> Result<(), Errno>) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        // SAFETY: there is one thread, so the child finds no lock taken.
        match unsafe { fork() }.expect("a child") {
            ForkResult::Parent { child } => {
                drop(writer);
                let mut reader = reader;
                std::io::copy(&mut reader, &mut std::io::sink()).expect("the child is there");
                Self(child)
            }
            ForkResult::Child => {
                let _ = go();
                drop((reader, writer));
                loop {
                    nix::unistd::pause();
                }
            }
        }
    }

    pub fn pid(&self) -> i32 {
        self.0.as_raw()
    }

    pub fn end(&mut self) {
        nix::sys::signal::kill(self.0, nix::sys::signal::Signal::SIGKILL).expect("it lives");
        waitpid(self.0, None).expect("it ends");
    }
}
