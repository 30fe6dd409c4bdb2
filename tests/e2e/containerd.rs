//! containerd without Kubernetes, through its own client: what `ctr` does with a container works as under runc.

use crate::{Test, tests_of_node};
use anyhow::{Context, Result, ensure};
use std::process::Command;
use std::time::Duration;
use tests::command::finish;
use tests::cri::{Node, image};
use tests::terminal::Terminal;
use tests::{Finished, place};

pub fn tests() -> Vec<Test> {
    tests_of_node![
        output_and_exit_status,
        the_engines_profile_stays,
        exec_kill_and_list,
        pause_and_resume,
        metrics,
        a_terminal,
        refusals,
    ]
}

/// containerd's client, for containers of one runtime.
struct Ctr<'n> {
    node: &'n Node,
    binary: String,
}

impl<'n> Ctr<'n> {
    fn runc(node: &'n Node) -> Self {
        Self { node, binary: "runc".to_owned() }
    }

    fn ours(node: &'n Node) -> Self {
        Self { node, binary: node.handler("systrace").display().to_string() }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.node.ctr_command("k8s.io");
        command.args(words);
        command
    }

    fn call(&self, words: &[&str]) -> Result<Finished> {
        finish(&mut self.command(words), b"")
    }

    /// `ctr run` with what every container here has.
    fn run_command(&self, id: &str, options: &[&str], words: &[&str]) -> Command {
        let home = self.node.home();
        let (root, group) = (home.run().join("runc"), format!("{}/{id}", home.cgroup()));
        let mut command = self.command(&["run", "--runc-binary", &self.binary]);
        command.arg("--runc-root").arg(root).args(["--cgroup", &group]);
        command.args(options).args([image::BUSYBOX, id]).args(words);
        command
    }

    fn run(&self, id: &str, options: &[&str], words: &[&str]) -> Result<Finished> {
        finish(&mut self.run_command(id, options, words), b"")
    }

    fn start(&self, id: &str, script: &str) -> Result<Background<'_>> {
        // The client of a detached container hands its own output on to it.
        let started = self
            .run_command(id, &["--detach", "--null-io"], &["sh", "-c", script])
            .stdin(std::process::Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&started.stderr).into_owned();
        ensure!(started.status.success(), "{said}");
        Ok(Background { ctr: self, id: id.to_owned() })
    }
}

/// A container in the background. Dropped, it is removed.
struct Background<'c> {
    ctr: &'c Ctr<'c>,
    id: String,
}

impl Background<'_> {
    fn task(&self, verb: &str, options: &[&str]) -> Result<Finished> {
        self.ctr.call(&[&["tasks", verb], options, &[&self.id]].concat())
    }

    fn exec(&self, words: &[&str]) -> Result<Finished> {
        self.ctr.call(&[&["tasks", "exec", "--exec-id", "one", &self.id], words].concat())
    }

    fn status(&self) -> Result<String> {
        let listed = self.ctr.call(&["tasks", "list"])?.success()?;
        let row = listed.lines().find(|row| row.split_whitespace().next() == Some(&self.id));
        Ok(row.and_then(|row| row.split_whitespace().nth(2)).unwrap_or("gone").to_owned())
    }

    fn await_status(&self, wanted: &str) -> Result<()> {
        for _ in 0..100 {
            if self.status()? == wanted {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        anyhow::bail!("it is {}, not {wanted}", self.status()?)
    }
}

impl Drop for Background<'_> {
    fn drop(&mut self) {
        // What is left in spite of this shows in the leak tests.
        drop(self.task("delete", &["--force"]));
        drop(self.ctr.call(&["containers", "delete", &self.id]));
    }
}

/// The same under both runtimes.
fn same(node: &Node, play: impl Fn(&Ctr<'_>) -> Result<String>) -> Result<()> {
    let (runc, ours) = (play(&Ctr::runc(node))?, play(&Ctr::ours(node))?);
    ensure!(runc == ours, "under systrace-shim:\n{ours}\nunder runc:\n{runc}");
    Ok(())
}

fn output_and_exit_status(node: &Node) -> Result<()> {
    same(node, |ctr| {
        let script = "echo out; echo err >&2; pwd; env | sort; exit 7";
        Ok(ctr.run("ctr-output", &["--rm"], &["sh", "-c", script])?.summary())
    })
}

fn the_engines_profile_stays(node: &Node) -> Result<()> {
    same(node, |ctr| {
        let script = "grep -E '^(Cap|Seccomp:)' /proc/self/status; unshare -U true; echo $?";
        let said = ctr.run("ctr-profile", &["--rm", "--seccomp"], &["sh", "-c", script])?;
        ensure!(said.stdout.contains("Seccomp:\t2"), "{}", said.summary());
        ensure!(said.stderr.contains("Operation not permitted"), "{}", said.summary());
        Ok(said.summary())
    })
}

fn exec_kill_and_list(node: &Node) -> Result<()> {
    same(node, |ctr| {
        let container = ctr.start("ctr-exec", "exec sleep 1000")?;
        let said = container.exec(&["sh", "-c", "echo out; exit 4"])?;
        ensure!(said.status == 4 && said.stdout == "out\n", "{}", said.summary());
        let listed = container.task("ps", &[])?.success()?;
        ensure!(listed.lines().count() == 2, "{listed}");
        container.task("kill", &["--signal", "KILL"])?.success()?;
        container.await_status("STOPPED")?;
        let late = container.exec(&["true"])?;
        ensure!(late.status != 0, "{}", late.summary());
        Ok(said.summary())
    })
}

fn pause_and_resume(node: &Node) -> Result<()> {
    same(node, |ctr| {
        let container = ctr.start("ctr-pause", "exec sleep 1000")?;
        container.task("pause", &[])?.success()?;
        container.await_status("PAUSED")?;
        let refused = container.exec(&["true"])?;
        container.task("resume", &[])?.success()?;
        container.await_status("RUNNING")?;
        container.exec(&["true"])?.success()?;
        Ok(format!("exec while paused fails: {}", refused.status != 0))
    })
}

fn metrics(node: &Node) -> Result<()> {
    let ctr = Ctr::ours(node);
    let container = ctr.start("ctr-metrics", "exec sleep 1000")?;
    // A moment after the start the runtime's own processes are still counted.
    for attempt in 0.. {
        let text = container.task("metrics", &["--format", "json"])?.success()?;
        let value: serde_json::Value = serde_json::from_str(&text)?;
        let processes = value["pids"]["current"].as_u64().context("no processes")?;
        let memory = value["memory"]["usage"]["usage"].as_u64().context("no memory")?;
        if processes == 1 && memory > 0 {
            break;
        }
        ensure!(attempt < 100, "{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn a_terminal(node: &Node) -> Result<()> {
    for ctr in [Ctr::runc(node), Ctr::ours(node)] {
        let words = ["sh", "-c", "tty; read line; echo heard $line; exit 5"];
        let mut command = ctr.run_command("ctr-terminal", &["--rm", "--tty"], &words);
        let mut terminal = Terminal::open(&mut command)?;
        terminal.expect("/dev/pts/0")?;
        terminal.type_keys("hello\n")?;
        terminal.expect("heard hello")?;
        let status = terminal.close()?;
        ensure!(status == 5, "exit status {status} under {}", ctr.binary);
    }
    Ok(())
}

/// The reason reaches the user of the client, and no container is left.
fn refusals(node: &Node) -> Result<()> {
    let ctr = Ctr::ours(node);
    let annotation = "systrace-shim.io/policy=frnt";
    let unknown = ctr.run("ctr-unknown", &["--rm", "--annotation", annotation], &["true"])?;
    ensure!(
        unknown.status == 1 && unknown.stderr.contains("there is no policy frnt"),
        "{}",
        unknown.summary()
    );
    let missing = ctr.run("ctr-missing", &["--rm"], &["frog"])?;
    ensure!(missing.stderr.contains("executable file not found in $PATH"), "{}", missing.summary());
    let state = node.home().run().join("runc/k8s.io/@ctr-unknown");
    ensure!(!state.exists(), "state of ctr-unknown is left; shim: {}", place::shim().display());
    Ok(())
}
