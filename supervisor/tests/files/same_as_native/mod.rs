//! What is permitted does what the kernel does: same result, same error, same bytes written, same file opened.

mod calls;
mod newer;

pub use calls::*;
pub use newer::*;

use crate::call::{Call, perform};
use crate::guard::PERMIT;
use crate::{user, victim};

use crate::world::Walls;

fn perform_all(calls: &[Call]) -> Vec<u8> {
    std::env::set_current_dir("/data").unwrap();
    calls.iter().map(perform).collect::<Vec<_>>().join("\n").into_bytes()
}

/// Compares the same calls with and without supervision, after `prepare` was run in the victim.
pub fn compare(calls: &[Call], prepare: fn()) {
    compare_under(PERMIT, calls, prepare);
}

/// As [`compare`], under another policy that permits everything.
pub fn compare_under(policy: &str, calls: &[Call], prepare: fn()) {
    compare_all((Walls::Pids, policy), calls, prepare);
}

/// As [`compare`], behind other walls.
pub fn compare_behind(walls: Walls, calls: &[Call], prepare: fn()) {
    compare_all((walls, PERMIT), calls, prepare);
}

fn compare_all((walls, permit): (Walls, &str), calls: &[Call], prepare: fn()) {
    let run = |policy| {
        let told = victim::run_behind(walls, policy, || {
            prepare();
            perform_all(calls)
        });
        String::from_utf8(told).unwrap()
    };
    let native = run(None);
    let supervised = run(Some(permit));
    let differ: Vec<_> = native
        .lines()
        .zip(supervised.lines())
        .filter(|(native, supervised)| native != supervised)
        .map(|(native, supervised)| format!("native     {native}\nsupervised {supervised}"))
        .collect();
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
    assert_eq!(native.lines().count(), calls.len());
}

#[test]
fn newer_calls_as_root() {
    compare(&newer(), open_instances);
}

#[test]
fn newer_calls_as_a_user() {
    compare(&newer(), || {
        open_instances();
        as_user();
    });
}

fn as_root() {}

pub fn as_user() {
    user::become_user(1000, 1000, &[1000, 50]);
    // As after an execve: else the process's proc folder belongs to root.
    nix::sys::prctl::set_dumpable(true).unwrap();
}

pub fn as_user_with_umask() {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o027));
    as_user();
}

/// A set-user-ID program: access(2) asks for the real user.
pub fn as_set_user_id() {
    user::become_real_user(1000, 1000);
    nix::sys::prctl::set_dumpable(true).unwrap();
}

fn as_root_without_capabilities() {
    supervisor::sys::credentials::set_capabilities(Default::default()).unwrap();
}

/// prctl(2) takes any bytes for a thread's name, and proc(5) shows them as they are.
fn with_a_name_that_is_no_text() {
    nix::sys::prctl::set_name(c"\xff\xc3").unwrap();
}

#[test]
fn opening_with_a_name_that_is_no_text() {
    compare(&opening(), with_a_name_that_is_no_text);
}

#[test]
fn asking_as_a_set_user_id_program() {
    compare(&asking(), as_set_user_id);
}

#[test]
fn opening_as_root_without_capabilities() {
    compare(&opening(), as_root_without_capabilities);
}

#[test]
fn moving_as_root() {
    compare(&moving(), as_root);
}

#[test]
fn moving_as_a_user() {
    compare(&moving(), as_user);
}

#[test]
fn asking_as_root() {
    compare(&asking(), as_root);
}

#[test]
fn asking_as_a_user() {
    compare(&asking(), as_user);
}

#[test]
fn opening_as_root() {
    compare(&opening(), as_root);
}

#[test]
fn opening_as_a_user() {
    compare(&opening(), as_user_with_umask);
}

#[test]
fn changing_as_root() {
    compare(&changing(), as_root);
}

#[test]
fn changing_as_a_user() {
    compare(&changing(), as_user_with_umask);
}
