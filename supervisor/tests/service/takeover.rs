//! Supervisors and holders that are killed: nothing is let through, nothing is lost, nothing happens twice.

use crate::stage::{Stage, Test, program, wait_for_program, wait_until};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

pub const TESTS: &[Test] = &[
    ("takeover::killed_under_load", under_load),
    ("takeover::a_call_that_blocks_is_taken_over", blocked),
    ("takeover::a_killed_holder_is_replaced", holder),
    ("takeover::both_killed_leave_nothing_open", both),
    ("takeover::supervisors_that_die_too_fast_are_given_up", too_fast),
    ("takeover::processes_join_after_a_takeover", join),
    ("takeover::start_up_code_is_not_taken_for_the_workload_again", still_judged),
    ("takeover::a_replaced_package_changes_nothing", upgrade),
    ("takeover::memory_of_both", memory),
];

const CALLS: &[&str] = &["execve", "open", "openat", "stat", "newfstatat", "mkdir", "mkdirat"];

/// A folder that the confined program writes to.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("takeover-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn policy(&self) -> String {
        format!(
            "Policy: /any, Emulation: native\n native-fstat: permit\n native-fsread: filename eq \"/etc/hostname\" then deny[eperm]\n \
             native-fsread: not filename eq \"/nowhere\" then permit\n \
             native-fswrite: filename match \"{}/*\" then permit\n",
            self.0.display()
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn work(stage: &Stage, work: &[&str]) -> Child {
    let program = program();
    let words = [&[program.to_str().unwrap(), "work"], work].concat();
    stage.command(&words).stdout(Stdio::piped()).spawn().unwrap()
}

fn told(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Kills the process that serves, and gives the next one.
fn kill_server(stage: &Stage) -> i32 {
    let old = stage.server();
    kill(Pid::from_raw(old), Signal::SIGKILL).unwrap();
    let mut new = old;
    wait_until("a successor", || {
        new = stage.server();
        new != old
    });
    new
}

fn notices(audit: &[Value], text: &str) -> usize {
    audit.iter().filter(|line| line["notice"].as_str().is_some_and(|n| n.contains(text))).count()
}

fn under_load() {
    let folder = Folder::new("load");
    let stage = Stage::new(&folder.policy(), CALLS);
    let child = work(&stage, &["storm", "4", "4000", folder.text()]);
    wait_until("the storm", || folder.0.read_dir().unwrap().count() > 20);
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(150));
        kill_server(&stage);
    }
    let told = told(child);
    let mut counts: HashMap<&str, u32> = HashMap::new();
    for word in told.split(' ') {
        let (what, times) = word.split_once('=').unwrap();
        counts.insert(what, times.parse().unwrap());
    }
    let kinds = ["open:ok", "stat:ok", "forbidden:EPERM", "mkdir:ok"];
    assert!(kinds.iter().all(|kind| counts[kind] > 0), "{told}");
    let lost = counts.get("mkdir:EIO").copied().unwrap_or_default();
    let others: u32 =
        counts.values().sum::<u32>() - lost - kinds.iter().map(|kind| counts[kind]).sum::<u32>();
    assert_eq!(others, 0, "only a call with an effect may end as unknown: {told}");
    assert!(lost <= 4 * 4, "at most one for each thread and takeover: {told}");
    let audit = stage.audit();
    assert_eq!(notices(&audit, "the supervisor was killed"), 4);
    // Every denial gives a record, or was waiting for the disk when the supervisor was killed, and was then judged again.
    let total = &audit.last().unwrap()["summary"];
    let number = |key: &str| total[key].as_u64().unwrap();
    assert!(
        number("recorded") + number("dropped") >= u64::from(counts["forbidden:EPERM"]),
        "{told} {total}"
    );
}

fn blocked() {
    let folder = Folder::new("fifo");
    let fifo = folder.0.join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let stage = Stage::new(&folder.policy(), CALLS);
    let child = work(&stage, &["fifo", fifo.to_str().unwrap()]);
    let waits = |child: &Child| {
        let stack = std::fs::read_to_string(format!("/proc/{}/syscall", child.id()));
        stack.is_ok_and(|text| text.starts_with("257 ") || text.starts_with("2 "))
    };
    wait_for_program(&child);
    wait_until("the open", || waits(&child));
    kill_server(&stage);
    kill_server(&stage);
    assert!(waits(&child));
    let path = fifo.clone();
    let writer = std::thread::spawn(move || std::fs::File::options().write(true).open(path));
    assert_eq!(told(child), "opened");
    writer.join().unwrap().unwrap();
}

fn holder() {
    let folder = Folder::new("holder");
    let stage = Stage::new(&folder.policy(), CALLS);
    let child = work(&stage, &["storm", "2", "3000", folder.text()]);
    wait_until("the storm", || folder.0.read_dir().unwrap().count() > 20);
    const NOTICE: &str = "the holder of the listeners was killed";
    for round in 1..=2 {
        let old = stage.holder();
        kill(Pid::from_raw(old), Signal::SIGKILL).unwrap();
        wait_until("another holder", || stage.holder() != old);
        // What a supervisor has not written yet dies with it.
        wait_until("the record of that", || notices(&stage.audit_so_far(), NOTICE) == round);
        kill_server(&stage);
    }
    let told = told(child);
    assert!(told.contains("forbidden:EPERM="), "{told}");
    assert!(!told.contains("ENOSYS") && !told.contains("forbidden:ok"), "{told}");
    wait_until("the end of all", || stage.members("systrace-holder").is_empty());
    let audit = stage.audit_so_far();
    assert_eq!(notices(&audit, NOTICE), 2, "{audit:?}");
    assert!(audit.last().unwrap().get("summary").is_some());
}

fn both() {
    let folder = Folder::new("both");
    let stage = Stage::new(&folder.policy(), CALLS);
    let child = work(&stage, &["until-it-fails", "5000"]);
    wait_for_program(&child);
    let group = nix::unistd::getpgid(Some(Pid::from_raw(stage.server()))).unwrap();
    killpg(group, Signal::SIGKILL).unwrap();
    assert_eq!(told(child), "ENOSYS");
}

fn too_fast() {
    let folder = Folder::new("fast");
    let stage = Stage::new(&folder.policy(), CALLS);
    let child = work(&stage, &["until-it-fails", "20000"]);
    wait_for_program(&child);
    wait_until("the last words", || {
        for server in stage.members("systrace-sup") {
            let _ = kill(Pid::from_raw(server), Signal::SIGKILL);
        }
        notices(&stage.audit_so_far(), "die too fast") == 1
    });
    assert_eq!(told(child), "ENOSYS");
    wait_until("the holder's end", || stage.members("systrace-holder").is_empty());
}

fn join() {
    let folder = Folder::new("join");
    let stage = Stage::new(&folder.policy(), CALLS);
    let mut first = stage.command(&["/bin/cat"]).stdin(Stdio::piped()).spawn().unwrap();
    assert_eq!(stage.run(&["/bin/echo", "one"]).stdout, b"one\n");
    wait_for_program(&first);
    kill_server(&stage);
    assert_eq!(stage.run(&["/bin/echo", "two"]).stdout, b"two\n");
    kill_server(&stage);
    drop(first.stdin.take());
    assert!(first.wait().unwrap().success());
    let audit = stage.audit();
    assert!(
        audit.last().unwrap().get("summary").is_some(),
        "it ends with its container: {audit:?}"
    );
}

/// Supervisors are forked, so the next one is like the last, whatever has become of the program's file.
fn upgrade() {
    let folder = Folder::new("upgrade");
    let file = folder.0.join("supervisor");
    std::fs::copy(program(), &file).unwrap();
    let stage = Stage::by(&file, &folder.policy(), CALLS, |_| {});
    let mut first = stage.command(&["/bin/cat"]).stdin(Stdio::piped()).spawn().unwrap();
    wait_for_program(&first);
    std::fs::remove_file(&file).unwrap();
    std::fs::copy("/bin/false", &file).unwrap();
    kill_server(&stage);
    assert_eq!(stage.run(&["/bin/echo", "on"]).stdout, b"on\n");
    drop(first.stdin.take());
    assert!(first.wait().unwrap().success());
}

/// Calls of the process that handed the listener over pass until its program runs. A new supervisor must know that it does.
fn still_judged() {
    let folder = Folder::new("entry");
    let stage = Stage::new(&folder.policy(), CALLS);
    let mut child = stage
        .command(&["/bin/sh", "-c", "read a; exec 3< /etc/hostname || exit 7"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let runs = |child: &Child| {
        std::fs::read_link(format!("/proc/{}/exe", child.id()))
            .is_ok_and(|exe| exe.ends_with("dash"))
    };
    wait_until("the shell", || runs(&child));
    wait_for_program(&child);
    kill_server(&stage);
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(2), "the redirection of a special builtin fails");
}

fn memory() {
    let folder = Folder::new("memory");
    let stage = Stage::new(&folder.policy(), CALLS);
    let child = work(&stage, &["storm", "2", "500", folder.text()]);
    let mut first = stage.command(&["/bin/cat"]).stdin(Stdio::piped()).spawn().unwrap();
    told(child);
    let (resident, proportional) = stage.memory();
    eprintln!("supervisor and holder: {resident} kB resident, {proportional} kB proportional");
    drop(first.stdin.take());
    first.wait().unwrap();
    // Unoptimised test programs are larger than the runtime.
    assert!(proportional < 16_000, "{proportional} kB");
}
