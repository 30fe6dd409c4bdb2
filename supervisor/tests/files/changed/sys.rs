//! Children with numbers of our choice.

use crate::sys::{call, end};

/// As [`in_child`](crate::sys::in_child), in a nested pid namespace, with this number outside of it (`set_tid`, clone(2)).
pub fn in_child_numbered(number: i32, run: impl FnOnce() -> i32) -> libc::pid_t {
    match clone_with([4001, number]) {
        0 => end(run),
        child @ 1.. => child as libc::pid_t,
        error => panic!("clone3: {error}"),
    }
}

/// A number that no thread of the host has at the moment.
pub fn free_number() -> i32 {
    let free = |number: &i32| match clone_with([4001, *number]) {
        0 => end(|| 0),
        child @ 1.. => {
            nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(child as i32), None).unwrap();
            true
        }
        _ => false,
    };
    (2000..32_000).rev().find(free).expect("a free number")
}

fn clone_with(numbers: [i32; 2]) -> i64 {
    let mut arguments = [0_u64; 11];
    arguments[4] = libc::SIGCHLD as u64;
    arguments[8] = numbers.as_ptr() as u64;
    arguments[9] = numbers.len() as u64;
    call(libc::SYS_clone3, [arguments.as_ptr() as u64, size_of_val(&arguments) as u64, 0, 0, 0, 0])
}
