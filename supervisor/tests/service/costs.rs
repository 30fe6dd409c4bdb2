//! What calls cost under supervision, and what they cost without.

use crate::stage::{Stage, program};
use libtest_mimic::{Measurement, Trial};
use std::process::Command;

/// A policy that permits what is measured, by number or by what was read.
const POLICY: &str = r#"Policy: /any, Emulation: native
 native-getppid: permit
 native-connect: sockaddr eq "inet-[127.0.0.1]:9" then permit
 native-execve: filename eq "/bin/true" then permit[inherit]
"#;

/// What is done, how often in a run, and which call of it is supervised.
const WORKS: &[(&str, &str, &[&str])] = &[
    ("getppid", "2000", &["getppid"]),
    ("connect", "2000", &["udp", "127.0.0.1:9"]),
    ("execve", "50", &["run", "/bin/true"]),
];

/// One trial for each work, with and without supervision.
pub fn trials() -> impl Iterator<Item = Trial> {
    WORKS.iter().flat_map(|(call, times, work)| {
        let native = Trial::bench(format!("costs::{call}_native"), move |quick| {
            Ok(Some(measurement(&native(&timed(quick, times, work)))))
        });
        let supervised = Trial::bench(format!("costs::{call}_supervised"), move |quick| {
            let stage = Stage::new(POLICY, &["execve", call]);
            let told = stage.work(&timed(quick, times, work));
            Ok(Some(measurement(&told)))
        });
        [native, supervised]
    })
}

fn timed<'w>(quick: bool, times: &'w str, work: &[&'w str]) -> Vec<&'w str> {
    let times = if quick { "1" } else { times };
    [&["time", times], work].concat()
}

fn native(work: &[&str]) -> String {
    let output = Command::new(program()).arg("work").args(work).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn measurement(told: &str) -> Measurement {
    Measurement { avg: told.trim().parse().unwrap(), variance: 0 }
}
