//! What a test sees: a supervisor with a policy, programs that run under it, and the audit book afterwards.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use supervisor::handoff::Client;

/// A test's name and its body.
pub type Test = (&'static str, fn());

/// A running supervisor. It ends with the last program that it confines.
pub struct Stage {
    folder: PathBuf,
    supervisor: Child,
    /// As long as somebody is connected, the supervisor waits for the first program.
    connection: Option<Client>,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Stage {
    /// Starts a supervisor for a policy; `calls` are the calls that it is asked about.
    pub fn new(policy: &str, calls: &[&str]) -> Self {
        Self::with_log(policy, calls, |_| {})
    }

    /// The same, with something made where the audit log will be.
    pub fn with_log(policy: &str, calls: &[&str], make: impl FnOnce(&Path)) -> Self {
        Self::by(&program(), policy, calls, make)
    }

    /// The same, with another file as the supervisor's program.
    pub fn by(file: &Path, policy: &str, calls: &[&str], make: impl FnOnce(&Path)) -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("stage-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        make(&folder.join("audit"));
        let supervisor = Command::new(file)
            .arg("supervise")
            .args([folder.join("socket"), folder.join("audit")])
            .arg(policy)
            .args(calls)
            .spawn()
            .unwrap();
        let mut stage = Self { folder, supervisor, connection: None };
        wait_until("an answer", || {
            stage.connection = Client::connect(&stage.socket()).ok();
            stage.connection.is_some()
        });
        stage
    }

    /// Where listeners are handed over.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// A program under supervision, not started yet.
    pub fn command(&self, program_and_arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.arg("confine").arg(self.socket()).args(program_and_arguments);
        command
    }

    /// Runs a program to its end.
    pub fn run(&self, program_and_arguments: &[&str]) -> Output {
        self.command(program_and_arguments).stderr(Stdio::inherit()).output().unwrap()
    }

    /// Runs a part of [`crate::workload`] to its end, and gives what it wrote.
    pub fn work(&self, work: &[&str]) -> String {
        let program = program();
        let program = [program.to_str().unwrap(), "work"];
        let output = self.run(&[&program, work].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The processes of the supervisor's session that have this name and are not dead.
    pub fn members(&self, name: &str) -> Vec<i32> {
        let session = self.supervisor.id().to_string();
        let numbers = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<i32>().ok());
        let belongs = |pid: &i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let Some((comm, rest)) = stat.rsplit_once(") ") else { return false };
            let words: Vec<&str> = rest.split(' ').collect();
            comm.ends_with(&format!("({name}")) && words[3] == session && words[0] != "Z"
        };
        numbers.filter(belongs).collect()
    }

    /// The process that serves; it may take a moment until there is one.
    pub fn server(&self) -> i32 {
        self.member("systrace-sup")
    }

    /// The process that holds the listeners.
    pub fn holder(&self) -> i32 {
        self.member("systrace-holder")
    }

    fn member(&self, name: &str) -> i32 {
        let mut found = None;
        wait_until(name, || {
            found = self.members(name).first().copied();
            found.is_some()
        });
        found.unwrap()
    }

    /// The records so far.
    pub fn audit_so_far(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.join("audit")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The memory of the serving process and its holder in kB: resident, and by their share in pages that others have too.
    pub fn memory(&self) -> (u64, u64) {
        let of = |pid: i32, field: &str| -> u64 {
            let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        let both = [self.server(), self.holder()];
        let sum = |field| both.iter().map(|pid| of(*pid, field)).sum();
        (sum("Rss:"), sum("Pss:"))
    }

    /// Waits until the supervisor has ended by itself.
    pub fn end(mut self) {
        self.wait();
    }

    fn wait(&mut self) {
        drop(self.connection.take());
        let supervisor = &mut self.supervisor;
        wait_until("the supervisor's end", || supervisor.try_wait().unwrap().is_some());
    }

    /// The audit book, after the supervisor has ended by itself.
    pub fn audit(mut self) -> Vec<Value> {
        self.wait();
        let text = std::fs::read_to_string(self.folder.join("audit")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.supervisor.id() as i32), Signal::SIGKILL);
        let _ = self.supervisor.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// This program.
pub fn program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// Waits until a [command](Stage::command) has become its program.
pub fn wait_for_program(child: &Child) {
    wait_until("the program", || {
        let line = std::fs::read_to_string(format!("/proc/{}/cmdline", child.id()));
        line.is_ok_and(|line| !line.contains("confine"))
    });
    // The program is loaded before the supervisor has let it go.
    std::thread::sleep(Duration::from_millis(300));
}

/// Waits, but not for ever.
pub fn wait_until(what: &str, mut come: impl FnMut() -> bool) {
    let start = Instant::now();
    while !come() {
        assert!(start.elapsed() < Duration::from_secs(10), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
