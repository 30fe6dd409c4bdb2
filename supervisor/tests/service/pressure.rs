//! Too much of everything: descriptors, threads, records, calls.

use crate::stage::{Stage, Test, program, wait_for_program, wait_until};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};

pub const TESTS: &[Test] = &[
    ("pressure::no_descriptor_left", descriptors),
    ("pressure::a_full_disk_for_the_audit_log", full_disk),
    ("pressure::an_audit_log_that_nobody_reads", unread_log),
    ("pressure::more_calls_that_block_than_threads", crowd),
    ("pressure::many_processes_join_and_leave_nothing", joins),
    ("pressure::a_flood_elsewhere_is_not_felt", flood),
];

const CALLS: &[&str] = &["execve", "open", "openat", "getppid", "chdir"];

const POLICY: &str = "Policy: /any, Emulation: native\n native-fsread: not filename eq \"/nowhere\" then permit\n \
                      native-fswrite: not filename eq \"/nowhere\" then permit\n native-getppid: permit\n \
                      native-execve: permit[inherit]\n native-chdir: filename eq \"/tmp\" then permit\n";

fn resident(stage: &Stage) -> Child {
    stage.command(&["/bin/cat"]).stdin(Stdio::piped()).spawn().unwrap()
}

fn finish(mut child: Child) {
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

fn limit_descriptors(process: i32, most: &str) {
    let limit = format!("--nofile={most}:");
    let done = Command::new("prlimit").args(["--pid", &process.to_string(), &limit]).status();
    assert!(done.unwrap().success());
}

fn descriptors() {
    let stage = Stage::new(POLICY, CALLS);
    let first = resident(&stage);
    let program = program();
    let work = [program.to_str().unwrap(), "work", "until-it-fails", "5000"];
    let child = stage.command(&work).stdout(Stdio::piped()).spawn().unwrap();
    wait_for_program(&child);
    limit_descriptors(stage.server(), "5");
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), "EMFILE");
    limit_descriptors(stage.server(), "1024");
    assert_eq!(stage.run(&["/bin/echo", "on"]).stdout, b"on\n");
    finish(first);
    let audit = stage.audit();
    let told =
        |line: &&serde_json::Value| line["reason"] == "the supervisor can open no more files";
    assert!(audit.iter().any(|line| told(&line)), "{audit:?}");
}

fn denials(stage: &Stage, times: &str) -> String {
    stage.work(&["denied", times])
}

fn full_disk() {
    let stage = Stage::with_log(POLICY, CALLS, |log| {
        std::os::unix::fs::symlink("/dev/full", log).unwrap();
    });
    assert_eq!(denials(&stage, "3000"), "3000 EPERM");
    stage.end();
}

fn unread_log() {
    let mut reader = None;
    let stage = Stage::with_log(POLICY, CALLS, |log| {
        mkfifo(log, Mode::S_IRWXU).unwrap();
        let flags = OFlag::O_NONBLOCK.bits();
        reader = std::fs::File::options().read(true).custom_flags(flags).open(log).ok();
    });
    let first = resident(&stage);
    assert_eq!(denials(&stage, "3000"), "3000 EPERM");
    // Now somebody reads.
    let (mut text, mut reader) = (String::new(), reader.unwrap());
    let mut read = || {
        let mut bytes = vec![0; 1 << 20];
        let length = reader.read(&mut bytes).unwrap_or_default();
        text += &String::from_utf8_lossy(&bytes[..length]);
        text.contains("\"lost\":")
    };
    read();
    wait_until("the losses", || {
        denials(&stage, "1");
        read()
    });
    finish(first);
    stage.end();
}

/// The last thread that could receive never blocks; calls that would need it are refused.
fn crowd() {
    let folder = std::env::temp_dir().join(format!("crowd-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let fifo = folder.join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let stage = Stage::new(POLICY, CALLS);
    let told = stage.work(&["fifo-crowd", "1100", fifo.to_str().unwrap()]);
    let (refused, rest) = told.split_once(' ').unwrap();
    assert!((70..=110).contains(&refused.parse::<u32>().unwrap()), "{told}");
    assert_eq!(rest, "ok soon");
    let audit = stage.audit();
    let reason = "too many calls block at the same time";
    assert!(audit.iter().any(|line| line["reason"] == reason), "{audit:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}

fn joins() {
    let stage = Stage::new(POLICY, CALLS);
    let first = resident(&stage);
    let count = |folder: &str| {
        std::fs::read_dir(format!("/proc/{}/{folder}", stage.server())).unwrap().count()
    };
    let held = || std::fs::read_dir(format!("/proc/{}/fd", stage.holder())).unwrap().count();
    let join = || assert_eq!(stage.run(&["/bin/echo", "me"]).stdout, b"me\n");
    (0..3).for_each(|_| join());
    let before = [count("fd"), count("task"), held()];
    (0..100).for_each(|_| join());
    wait_until("things to be as before", || {
        let now = [count("fd"), count("task"), held()];
        now.iter().zip(before).all(|(now, before)| *now <= before + 1)
    });
    finish(first);
}

/// Both containers share the processors, and nothing else. `FLOOD_SECONDS=60` makes it last.
fn flood() {
    let seconds = std::env::var("FLOOD_SECONDS").map_or(2, |text| text.parse().unwrap());
    let (quiet, loud) = (Stage::new(POLICY, CALLS), Stage::new(POLICY, CALLS));
    let time = || quiet.work(&["time", "200", "getppid"]).parse::<u64>().unwrap();
    let before = time();
    let program = program();
    let length = (seconds * 1000_u64).to_string();
    let work = [program.to_str().unwrap(), "work", "flood", "64", &length];
    let child = loud.command(&work).stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    let during = time();
    let output = child.wait_with_output().unwrap();
    let calls: u64 = String::from_utf8_lossy(&output.stdout).trim_end().parse().unwrap();
    let rate = calls / seconds;
    eprintln!("a call: {before} ns, {during} ns beside {rate} calls a second of 64 threads");
    assert!(calls > 200, "{calls} calls are no flood");
    assert!(during < 20_000_000, "{before} ns before, {during} ns during the flood");
}
