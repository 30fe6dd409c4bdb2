//! From the first connection to the last listener's end.

use crate::stage::{Stage, Test, program, wait_until};
use std::process::Stdio;

pub const TESTS: &[Test] = &[
    ("start::the_entry_program_runs_and_the_supervisor_ends_with_it", entry),
    ("start::the_book_says_what_was_logged_and_what_could_not_be_asked", book),
    ("start::a_second_process_joins", second),
    ("start::a_missing_entry_program_is_an_error_of_its_own", missing),
    ("start::nobody_connected_for_good", nobody),
];

const ANY: &str = "Policy: /any, Emulation: native\n native-getuid: permit\n";

fn entry() {
    let stage = Stage::new(ANY, &["execve", "getuid", "getppid"]);
    // The shell asks for its parent's number when it starts.
    let output = stage.run(&["/bin/sh", "-c", "echo hello"]);
    assert_eq!(output.stdout, b"hello\n", "{output:?}");
    let audit = stage.audit();
    let [denied, summary] = audit.as_slice() else { panic!("{audit:?}") };
    assert_eq!(summary["summary"]["denied"], 1);
    assert!(summary["summary"]["permitted"].as_u64() > Some(0));
    assert_eq!(denied["container"], "stage");
    assert_eq!(denied["errno"], "EPERM");
    assert_eq!(denied["reason"], "no rule covers the call");
    assert!(denied["program"].as_str().unwrap().ends_with("sh"), "{denied}");
    assert_eq!(denied["call"], "getppid");
}

fn book() {
    let policy = "Policy: /any, Emulation: native\n native-getppid: true then permit log\n \
                  native-chdir: filename eq \"/\" then ask\n";
    let stage = Stage::new(policy, &["execve", "getppid", "chdir"]);
    assert_eq!(stage.work(&["getppid", ",", "chdir"]), "ok\nEPERM");
    let audit = stage.audit();
    assert_eq!(audit[0]["decision"], "permit");
    assert_eq!(audit[0]["rule"], "test.policy:2");
    assert_eq!(audit[1]["decision"], "deny");
    assert_eq!(audit[1]["arguments"]["filename"], "/");
    assert_eq!(audit[1]["reason"], "the rule asks, and nobody can be asked");
    assert_eq!(audit[2]["summary"]["recorded"], 2);
}

fn second() {
    let stage = Stage::new(ANY, &["execve"]);
    let mut first = stage.command(&["/bin/cat"]).stdin(Stdio::piped()).spawn().unwrap();
    let output = stage.run(&["/bin/echo", "me too"]);
    assert_eq!(output.stdout, b"me too\n");
    drop(first.stdin.take());
    assert!(first.wait().unwrap().success());
    let audit = stage.audit();
    assert_eq!(audit.len(), 1, "nothing but the summary: {audit:?}");
}

fn missing() {
    let stage = Stage::new(ANY, &["execve"]);
    let output = stage.command(&["/no/such/program"]).output().unwrap();
    assert_eq!(output.status.code(), Some(97));
    assert!(String::from_utf8_lossy(&output.stderr).contains("ENOENT"), "{output:?}");
    assert_eq!(stage.audit().len(), 1);
}

/// The stage itself connects to see whether the supervisor listens, and goes away without a hand-off.
fn nobody() {
    let folder = std::env::temp_dir().join(format!("nobody-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let mut supervisor = std::process::Command::new(program())
        .arg("supervise")
        .args([folder.join("socket"), folder.join("audit")])
        .args([ANY, "execve"])
        .spawn()
        .unwrap();
    let connect = || supervisor::handoff::Client::connect(&folder.join("socket"));
    wait_until("an answer", || connect().is_ok());
    wait_until("the end", || supervisor.try_wait().unwrap().is_some());
    assert!(!folder.join("audit").exists(), "no container, no book");
    std::fs::remove_dir_all(&folder).unwrap();
}
