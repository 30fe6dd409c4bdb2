//! Start-up code that a runtime of others runs behind a gate, and how it comes under our filter.

use crate::stage::{Stage, Test, program};
use nix::errno::Errno;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use supervisor::arming::{ArmError, StartUp};
use supervisor::handoff::Client;
use supervisor::notification::Tid;
use supervisor::sys::process;

pub const TESTS: &[Test] = &[
    ("arming::a_start_up_is_armed_in_a_storm_of_signals", storm),
    ("arming::no_new_privileges_are_enough", without_privileges),
    ("arming::who_may_not_install_filters_is_killed", given_away),
    ("arming::a_profile_that_denies_it_kills", denied),
    ("arming::who_keeps_the_gates_listener_is_killed", kept),
    ("arming::a_stranger_is_not_armed", stranger),
    ("arming::who_asks_nothing_is_not_waited_for", silent),
];

const POLICY: &str = "Policy: /any, Emulation: native\n native-getppid: true then deny\n \
                      native-setgid: permit\n native-setuid: permit\n native-execve: true then permit[inherit]\n";
/// What the policy judges, and what the gate asks.
const CALLS: [&str; 4] = ["execve", "setgid", "setuid", "getppid"];

/// A process that plays a runtime, and its gate's listener.
struct Runtime {
    process: Child,
    gate: OwnedFd,
}

impl Runtime {
    /// `how` is for [`crate::parts::gated`].
    fn start(how: &str, work: &[&str]) -> Self {
        let mut process = Command::new(program())
            .args(["gated", how])
            .arg(program())
            .arg("work")
            .args(work)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::with_capacity(1, process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        process.stdout = Some(output.into_inner());
        let pid = process::open_process(process.id() as i32).unwrap();
        let gate = process::duplicate(pid.as_fd(), line.trim().parse().unwrap()).unwrap();
        if how != "keeps" {
            process.stdin.as_mut().unwrap().write_all(b"taken\n").unwrap();
        }
        Self { process, gate }
    }

    fn tid(&self) -> Tid {
        Tid(self.process.id() as i32)
    }

    fn end(self) -> (std::process::ExitStatus, String) {
        let output = self.process.wait_with_output().unwrap();
        (output.status, String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn arm(stage: &Stage, gate: OwnedFd, tid: Option<Tid>) -> Result<(), ArmError> {
    let supervisor = Client::connect(&stage.socket()).unwrap();
    let filter = supervisor.walls().unwrap().filter;
    let mut start_up = StartUp::catch(gate, tid, Duration::from_secs(5))?;
    let listener = start_up.install(&filter)?;
    supervisor.join_for(start_up.entry(), listener.as_fd()).unwrap();
    start_up.release()
}

fn clone(gate: &OwnedFd) -> OwnedFd {
    gate.try_clone().unwrap()
}

/// Ours has a listener only once the gate's is closed everywhere, so the test keeps no copy.
fn taken(runtime: Runtime) -> (OwnedFd, Runtime) {
    let Runtime { process, gate } = runtime;
    let null = std::fs::File::open("/dev/null").unwrap();
    (gate, Runtime { process, gate: null.into() })
}

fn armed(how: &str) {
    let stage = Stage::new(POLICY, &CALLS);
    let (gate, runtime) = taken(Runtime::start(how, &["getppid", ",", "chdir"]));
    arm(&stage, gate, Some(runtime.tid())).unwrap();
    let (status, text) = runtime.end();
    assert!(status.success(), "{status}: {text}");
    assert_eq!(text, "EPERM\nok\n", "the policy judges the program");
    let audit = stage.audit();
    let summary = &audit.last().unwrap()["summary"];
    assert_eq!(summary["denied"], 1, "and nothing of the start-up: {audit:?}");
}

fn storm() {
    (0..10).for_each(|_| armed("storm"));
}

fn without_privileges() {
    armed("nnp");
}

fn given_away() {
    fails("late", "seccomp", Errno::EACCES);
}

fn denied() {
    fails("denied", "seccomp", Errno::EPERM);
}

fn kept() {
    fails("keeps", "seccomp", Errno::EBUSY);
}

fn fails(how: &str, expected: &str, errno: Errno) {
    let stage = Stage::new(POLICY, &CALLS);
    let (gate, runtime) = taken(Runtime::start(how, &["chdir"]));
    match arm(&stage, gate, Some(runtime.tid())) {
        Err(ArmError::Call { call, source }) => assert_eq!((call, source), (expected, errno)),
        other => panic!("{other:?}"),
    }
    // The tracer has reaped it: it is dead, and has said nothing.
    let mut process = runtime.process;
    let mut text = String::new();
    process.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "");
    let gone = process.wait().unwrap_err().raw_os_error();
    assert_eq!(gone, Some(libc::ECHILD));
}

fn stranger() {
    let stage = Stage::new(POLICY, &CALLS);
    let (gate, runtime) = taken(Runtime::start("plain", &["chdir"]));
    let told = Some(Tid(std::process::id() as i32));
    assert!(matches!(arm(&stage, gate, told), Err(ArmError::Stranger { .. })));
    // Without a listener its next call fails.
    let (status, text) = runtime.end();
    assert_eq!((status.code(), text.as_str()), (Some(96), ""));
}

fn silent() {
    let runtime = Runtime::start("idle", &[]);
    let began = std::time::Instant::now();
    let outcome = StartUp::catch(clone(&runtime.gate), None, Duration::from_millis(100));
    assert!(matches!(outcome, Err(ArmError::Silent)));
    assert!(began.elapsed().as_secs() < 5);
    let (_, mut runtime) = taken(runtime);
    runtime.process.kill().unwrap();
    runtime.process.wait().unwrap();
}
