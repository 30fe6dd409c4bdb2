//! A process under supervision, or the same process without.

use crate::world::Walls;
use crate::{guard, sys, world};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use policy::registry::CREDENTIAL_CHANGES;
use std::io::{Read, Write, pipe};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use supervisor::handlers::supervised_calls;
use supervisor::sys::{process, seccomp};

/// Runs a function as the first process of a fresh world, under a policy if there is one; gives
/// what it wrote.
pub fn run(policy: Option<&str>, body: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    run_behind(Walls::Pids, policy, body)
}

/// As [`run`], behind other walls.
pub fn run_behind(walls: Walls, policy: Option<&str>, body: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let serve = policy.map(|policy| move |fd, init| guard::serve(fd, init, policy));
    run_under(walls, serve, body)
}

/// As [`run_behind`], under anything that serves a listener: it starts to serve, and
/// what it gives ends that.
pub fn run_under<F: FnOnce()>(
    walls: Walls,
    guard: Option<impl FnOnce(OwnedFd, i32) -> F>,
    body: impl FnOnce() -> Vec<u8>,
) -> Vec<u8> {
    // Made before the fork: a table that another test's thread is just building would never be ready in the child.
    let filter = filter();
    let (mut result, mut result_in) = pipe().unwrap();
    let (mut init, mut init_in) = pipe().unwrap();
    let (mut listener, mut listener_in) = pipe().unwrap();
    let (mut go, mut go_in) = pipe().unwrap();
    let (mut unmapped, mut unmapped_in) = pipe().unwrap();
    let child = sys::in_child(|| {
        if walls == Walls::Users {
            world::unshare_users(|| {
                unmapped_in.write_all(&[1]).unwrap();
                go.read_exact(&mut [0]).unwrap();
            });
        }
        world::unshare_all(walls);
        let first = sys::in_child(|| {
            world::enter(walls);
            if guard.is_some() {
                let fd = seccomp::install_filter(&filter).unwrap();
                listener_in.write_all(&fd.as_raw_fd().to_ne_bytes()).unwrap();
                go.read_exact(&mut [0]).unwrap();
            }
            // As after an execve(2) in its namespace, which gives a process's memory to that.
            nix::sys::prctl::set_dumpable(true).unwrap();
            result_in.write_all(&body()).unwrap();
            0
        });
        init_in.write_all(&first.to_ne_bytes()).unwrap();
        code_of(first)
    });
    drop((result_in, init_in, listener_in, unmapped_in));
    if walls == Walls::Users {
        unmapped.read_exact(&mut [0]).unwrap();
        world::map_users(child);
        go_in.write_all(&[1]).unwrap();
    }
    let mut bytes = Vec::new();
    let finish = guard.map(|serve| {
        let init = read_number(&mut init);
        let process = process::open_process(init).unwrap();
        let listener = process::duplicate(process.as_fd(), read_number(&mut listener)).unwrap();
        let finish = serve(listener, init);
        go_in.write_all(&[1]).unwrap();
        finish
    });
    result.read_to_end(&mut bytes).unwrap();
    assert_eq!(code_of(child), 0, "the victim failed");
    if let Some(finish) = finish {
        finish();
    }
    bytes
}

fn read_number(from: &mut impl Read) -> i32 {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes).unwrap();
    i32::from_ne_bytes(bytes)
}

fn code_of(pid: libc::pid_t) -> i32 {
    match waitpid(Pid::from_raw(pid), None).unwrap() {
        WaitStatus::Exited(_, code) => code,
        other => panic!("{other:?}"),
    }
}

/// Every supervised call is notified and every change of credentials, all others pass but those that move the root.
fn filter() -> Vec<libc::sock_filter> {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
    let notified = supervised_calls().chain(CREDENTIAL_CHANGES.iter().copied());
    let notified = notified.map(|name| (name, libc::SECCOMP_RET_USER_NOTIF));
    let refused = ["chroot", "pivot_root"].map(|name| (name, libc::SECCOMP_RET_ERRNO | 1));
    for (name, action) in notified.chain(refused) {
        let number = policy::registry::call_named(name).unwrap().number.0;
        program.push(libc::sock_filter {
            code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
            jt: 0,
            jf: 1,
            k: number,
        });
        program.push(statement(libc::BPF_RET | libc::BPF_K, action));
    }
    program.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW));
    program
}
