//! A whole supervisor on the real kernel: a process that serves, one that hands itself over and starts a program.
//!
//! `cargo test --release -p supervisor --test service -- --bench` tells what calls cost.
//!
//! This program plays all the parts, each in a process of its own: without a part it is the list of tests.

mod arming;
mod corners;
mod costs;
mod exec;
mod names;
mod parts;
mod pressure;
mod sockets;
mod stage;
mod standing;
mod start;
mod storm;
mod sys;
mod takeover;
mod workload;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, part, rest @ ..] = arguments.as_slice() {
        match part.as_str() {
            "supervise" => return parts::supervise(rest),
            "confine" => return parts::confine(rest),
            "gated" => return parts::gated(rest),
            "work" => return workload::work(rest),
            _ => {}
        }
    }
    let tests = [
        start::TESTS,
        arming::TESTS,
        exec::TESTS,
        sockets::TESTS,
        names::TESTS,
        takeover::TESTS,
        standing::TESTS,
        corners::TESTS,
        pressure::TESTS,
    ]
    .concat();
    let tests = tests.into_iter().map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    let trials = tests.chain(costs::trials()).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
