//! The Landlock rung: whatever the filter lets through to it is denied where the evaluator denies, and comes to the same as
//! without it where the evaluator permits.
//!
//! Fixed policies are played on the real kernel. Random ones, on random hosts, are played on a model of it, and some of their
//! calls on both, which must agree. `PROPTEST_CASES` and `PROPTEST_RNG_SEED` choose how many and which.

mod attempt;
mod draw;
mod model;
mod ports;
mod random;
mod shipped;
mod stage;
mod sys;
mod tree;

use std::collections::BTreeSet;

use converter::host::LandlockAbi;
use stage::Stage;

/// Rules beside `native-fsread: true then permit`.
const POLICIES: &[&[&str]] = &[
    &["fswrite: filename match \"/t\" then permit"],
    &[
        "fswrite: filename match \"/home/u\" then permit",
        "fswrite: filename match \"/t/d\" then permit",
    ],
    &[
        "fswrite: filename eq \"/etc/motd\" then permit",
        "fswrite: filename match \"/t\" then permit",
    ],
    &[
        "fswrite: filename match \"/home/u\" then permit",
        "fswrite: filename match \"/home\" then permit",
    ],
    &["fswrite: filename match \"/t\" then permit", "fswrite: filename sub \"x\" then deny"],
    &["fswrite: filename match \"/u\" then permit"],
    &["fswrite: filename match \"/t/d\" or filename eq \"/t/f\" then permit"],
    &["fswrite: filename match \"/t\" then permit", "mkdir: permit", "symlink: permit"],
    &["fswrite: filename match \"/t\" then permit", "unlink: deny[enoent]"],
    &["fswrite: filename match \"/t\" then permit", "bind: permit"],
    &["fswrite: filename match \"/t\" then permit", "rename: permit"],
    &["fswrite: filename match \"/t\" then permit", "truncate: permit", "rmdir: permit"],
    &["fswrite: filename match \"/t*\" then permit"],
    // What random policies have found: a file without a name in a folder that is permitted alone, and a rule that grants nothing.
    &["fswrite: filename eq \"/home\" then permit"],
    &["fswrite: filename match \"/t/f\" then permit", "open: permit"],
];

fn main() {
    let Some(newest) = LandlockAbi::new(kernels_abi()) else {
        println!("fence: NOT TESTED, the kernel has no Landlock");
        return;
    };
    let stage = Stage::new();
    let mut seen = 0;
    for (at, rules) in POLICIES.iter().enumerate() {
        // The oldest interface that can do something, and the newest.
        for abi in BTreeSet::from([1, 2, 3, u32::MAX]).into_iter().filter_map(LandlockAbi::new) {
            if abi <= newest {
                seen += stage.play(rules, abi, at);
            }
        }
    }
    assert!(seen > 2000, "only {seen} calls were judged by Landlock");
    stage.what_is_not_fit();
    println!("fence: {seen} calls judged by Landlock as by the evaluator ... ok");
    shipped::play(&stage, newest);
    ports::play(newest);
    random::play(&stage, newest);
}

fn kernels_abi() -> u32 {
    const VERSION: u64 = 1;
    (1..=7)
        .rev()
        .find(|abi| {
            // The rights of each version are those that the kernel takes.
            let last = [12, 13, 14, 14, 15, 15, 15][*abi as usize - 1];
            supervisor::sys::landlock::create_ruleset(VERSION << last).is_ok()
        })
        .unwrap_or(0)
}
