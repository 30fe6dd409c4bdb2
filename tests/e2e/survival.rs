//! Supervisors that are killed or stopped under real containers: the container goes on or is stopped, and engines can
//! always remove it.

use crate::{Test, tests_of};
use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid};
use std::fs;
use std::time::{Duration, Instant};
use tests::{Engine, Running, place, sweep};

pub fn tests() -> Vec<Test> {
    tests_of![
        a_killed_supervisor_is_replaced,
        both_killed,
        a_stopped_supervisor_is_removed,
        a_paused_container_goes_on
    ]
}

/// Reads a permitted and a forbidden file for ever; a line for whatever should not be.
const READER: &str = "echo ready; while :; do notes=$(cat /home/demo/notes) || echo refused; \
                      notes=$(cat /home/other/notes) && echo leaked; done";

fn reader(engine: &Engine) -> Result<Running<'_>> {
    let running = engine.container("debian").policy("exec").shell(READER).start()?;
    running.await_log("ready")?;
    Ok(running)
}

/// The process of this name that has the container's audit log open.
fn process(running: &Running<'_>, engine: &Engine, name: &str) -> Option<Pid> {
    let log = engine.home().audit().join(format!("{}.jsonl", running.id()));
    let has = |pid: &i32| {
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let fds = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        comm.trim_end() == name
            && fds.into_iter().any(|fd| fs::read_link(fd.path()).is_ok_and(|file| file == log))
    };
    sweep::processes_running(&place::shim()).into_iter().find(has).map(Pid::from_raw)
}

pub fn server(running: &Running<'_>, engine: &Engine) -> Result<Pid> {
    process(running, engine, "systrace-sup").context("no supervisor")
}

pub fn wait_for(what: &str, come: impl Fn() -> bool) -> Result<()> {
    let start = Instant::now();
    while !come() {
        ensure!(start.elapsed() < Duration::from_secs(10), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn a_killed_supervisor_is_replaced(engine: &Engine) -> Result<()> {
    let running = reader(engine)?;
    for name in ["systrace-sup", "systrace-holder", "systrace-sup"] {
        let old = process(&running, engine, name).with_context(|| format!("no {name}"))?;
        kill(old, Signal::SIGKILL)?;
        wait_for(name, || process(&running, engine, name).is_some_and(|new| new != old))?;
    }
    let seen = running.exec(&[], &["cat", "/home/demo/notes"])?.success()?;
    ensure!(seen == "the notes of demo", "{seen}");
    let denied = running.exec(&[], &["cat", "/home/other/notes"])?;
    ensure!(denied.stderr.contains("Permission denied"), "{}", denied.summary());
    // A cat that was between its execve and its first instruction dies with the supervisor that watched it.
    let told = running.logs()?;
    let refused = told.lines().filter(|line| *line == "refused").count();
    ensure!(!told.contains("leaked") && refused <= 3, "{told}");
    let pid = server(&running, engine)?;
    let stopped = running.docker(&["stop", "--time=1"], &[])?;
    ensure!(stopped.status == 0, "{}", stopped.summary());
    wait_for("the end of all", || kill(pid, None).is_err())
}

fn both_killed(engine: &Engine) -> Result<()> {
    let running = reader(engine)?;
    killpg(getpgid(Some(server(&running, engine)?))?, Signal::SIGKILL)?;
    wait_for("the end of both", || server(&running, engine).is_err())?;
    let told = running.logs()?;
    ensure!(!told.contains("leaked"), "{told}");
    let entered = running.exec(&[], &["true"])?;
    ensure!(entered.status != 0, "without a supervisor nothing may enter");
    let removed = running.docker(&["rm", "--force"], &[])?;
    ensure!(removed.status == 0, "{}", removed.summary());
    Ok(())
}

/// One that does not answer is killed with its holder.
fn a_stopped_supervisor_is_removed(engine: &Engine) -> Result<()> {
    let running = reader(engine)?;
    let group = getpgid(Some(server(&running, engine)?))?;
    killpg(group, Signal::SIGSTOP)?;
    let removed = running.docker(&["rm", "--force"], &[])?;
    // What fails leaves no stopped processes behind.
    let _ = killpg(group, Signal::SIGCONT);
    ensure!(removed.status == 0, "{}", removed.summary());
    ensure!(server(&running, engine).is_err(), "the supervisor is left");
    Ok(())
}

/// Calls of frozen processes are answered all the same, and by whichever supervisor there is.
fn a_paused_container_goes_on(engine: &Engine) -> Result<()> {
    let running = engine
        .container("debian")
        .policy("exec")
        .shell("echo ready; i=0; while :; do i=$((i+1)); notes=$(cat /home/demo/notes) || echo refused; \
                [ $((i % 20)) = 0 ] && echo round $i; done")
        .start()?;
    running.await_log("round 20")?;
    let paused = running.docker(&["pause"], &[])?;
    ensure!(paused.status == 0, "{}", paused.summary());
    let old = server(&running, engine)?;
    kill(old, Signal::SIGKILL)?;
    wait_for("a successor", || server(&running, engine).is_ok_and(|new| new != old))?;
    let before = running.logs()?.lines().count();
    std::thread::sleep(Duration::from_millis(200));
    ensure!(running.logs()?.lines().count() == before, "a paused container goes on");
    let unpaused = running.docker(&["unpause"], &[])?;
    ensure!(unpaused.status == 0, "{}", unpaused.summary());
    wait_for("further rounds", || {
        running.logs().is_ok_and(|told| told.lines().count() >= before + 2)
    })?;
    // A cat that was within its execve dies with the supervisor that watched it.
    let told = running.logs()?;
    ensure!(told.lines().filter(|line| *line == "refused").count() <= 1, "{told}");
    let killed = running.docker(&["kill"], &[])?;
    ensure!(killed.status == 0, "{}", killed.summary());
    wait_for("the supervisor's end", || server(&running, engine).is_err())
}
