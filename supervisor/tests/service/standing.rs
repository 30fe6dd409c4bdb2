//! Which policy governs which process, where one program runs under two policies at the same time.

use crate::stage::{Stage, Test, program, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Read;
use std::process::{Child, Stdio};

pub const TESTS: &[Test] = &[
    ("standing::forks_have_the_policy_of_their_execution", forks),
    ("standing::orphans_keep_their_policy_over_a_takeover", orphans),
    ("standing::without_random_addresses_both_must_permit", alike),
    ("standing::a_detached_program_and_its_children_are_free", detached),
];

/// The first program may not change its folder, the shell by its own policy may. A shell whose first argument says so is held to
/// the policy of whoever starts it.
const POLICY: &str = r#"Policy: /any, Emulation: native
 native-execve: argv sub "inherit" then permit[inherit]
 native-execve: filename sub "/sleep" then permit[inherit]
 native-execve: filename sub "/setarch" then permit[inherit]
 native-execve: true then permit
Policy: */dash, Emulation: native
 native-chdir: filename match "/*" then permit
 native-execve: argv sub "inherit" then permit[inherit]
 native-execve: true then permit[inherit]
"#;

const CALLS: &[&str] = &["execve", "chdir"];

const TRY: &str = "t() { cd / 2>/dev/null && echo yes || echo no; }; ";

/// What a shell says, started by its own policy and by its parent's.
fn both(stage: &Stage, script: &str) -> [String; 2] {
    let script = format!("{TRY}{script}");
    ["own", "inherit"].map(|kind| stage.work(&["run", "/bin/dash", "-c", &script, kind]))
}

fn forks() {
    let stage = Stage::new(POLICY, CALLS);
    // Both run at once for the whole time, so that neither is forgotten.
    let scripts = [
        "t",
        "(t)",
        "((t); (t))",
        "x=$( (echo $(t)) ); echo $x",
        "t & wait; t",
        "(sleep 0.02; t) & wait",
        "for i in 1 2 3 4 5 6 7 8; do (t) & done; wait",
        // The grandchild's parent is dead when it makes its first call.
        "exec 3>&1; ( (sleep 0.1; t >&3) & ); sleep 0.3",
    ];
    let mut other = start(&stage, "inherit", "sleep 5; t");
    for script in scripts {
        let [own, inherited] = both(&stage, script);
        assert!(!own.is_empty() && own.lines().all(|line| line == "yes"), "{script}: {own}");
        assert_eq!(inherited, own.replace("yes", "no"), "{script}");
    }
    let _ = other.kill();
    let _ = other.wait();
}

/// A shell under the stage's first program, which runs until its script ends.
fn start(stage: &Stage, kind: &str, script: &str) -> Child {
    let program = program();
    let script = format!("{TRY}{script}");
    let work = [program.to_str().unwrap(), "work", "run", "/bin/dash", "-c", &script, kind];
    stage.command(&work).stdout(Stdio::piped()).spawn().unwrap()
}

fn orphans() {
    let stage = Stage::new(POLICY, CALLS);
    let script = "exec 3>&1; ( (sleep 3; t >&3; t >&3) & ); ( (sleep 3; (t >&3)) & ); true";
    let children = ["own", "inherit"].map(|kind| start(&stage, kind, script));
    std::thread::sleep(std::time::Duration::from_millis(600));
    let old = stage.server();
    kill(Pid::from_raw(old), Signal::SIGKILL).unwrap();
    wait_until("a successor", || stage.server() != old);
    let [own, inherited] = children.map(|mut child| {
        let mut told = String::new();
        child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
        child.wait().unwrap();
        told.trim_end().to_owned()
    });
    assert_eq!([own.as_str(), inherited.as_str()], ["yes\nyes\nyes", "no\nno\nno"]);
}

/// The kernel then gives both the same addresses: nothing tells their forks apart, and nothing is permitted that either forbids.
fn alike() {
    let stage = Stage::new(POLICY, CALLS);
    let script = format!("{TRY}(t); sleep 1; (t)");
    let run = |kind: &'static str| {
        let program = program();
        let work = ["/usr/bin/setarch", "-R", "/bin/dash", "-c", &script, kind];
        let words = [&[program.to_str().unwrap(), "work", "run"], &work[..]].concat();
        stage.command(&words).stdout(Stdio::piped()).spawn().unwrap()
    };
    // An argument of another length would move the stack.
    let strict = run("inherit").wait_with_output().unwrap();
    assert!(strict.stdout.starts_with(b"no"), "{strict:?}");
    let own = run("wninher").wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&own.stdout).into_owned();
    assert_eq!(told, "no\nno\n");
}

fn detached() {
    let policy = r#"Policy: /any, Emulation: native
 native-execve: argv sub "free" then permit[detach]
 native-execve: true then permit[inherit]
"#;
    let stage = Stage::new(policy, CALLS);
    let script = format!("{TRY}t; (t); ( (t) & wait )");
    assert_eq!(stage.work(&["run", "/bin/dash", "-c", &script, "free"]), "yes\nyes\nyes");
    assert_eq!(stage.work(&["run", "/bin/dash", "-c", &script, "held"]), "no\nno\nno");
}
