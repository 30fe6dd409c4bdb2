//! Containers in the background: logs, exec, stop, kill, pause, top, restart, cp.

use super::{Scenario, Stage};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};
use tests::Running;

pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "logs", play: logs, shows: &["out\nerr\n", "status 4"] },
    Scenario { name: "exec", play: exec, shows: &["status 9\nhello\n"] },
    Scenario {
        name: "exec_options",
        play: exec_options,
        shows: &["uid=1000(demo)", "/usr/games", "COLOUR=green"],
    },
    Scenario { name: "exec_input", play: exec_input, shows: &["status 0\nfrom the user\n"] },
    Scenario {
        name: "exec_no_such_program",
        play: |stage| exec_status(stage, "no-such-program"),
        // Docker 20.10 tells 126 and 127 apart in `run` only.
        shows: &["status 126"],
    },
    Scenario {
        name: "exec_not_executable",
        play: |stage| exec_status(stage, "/etc/passwd"),
        shows: &["status 126"],
    },
    Scenario { name: "exec_detached", play: exec_detached, shows: &["done in the background"] },
    Scenario {
        name: "exec_rights",
        play: exec_rights,
        shows: &["CapEff:\t00000000a80425fb", "Seccomp:\t2"],
    },
    Scenario { name: "stop", play: stop, shows: &["status 3, at once, got SIGTERM"] },
    Scenario {
        name: "stop_while_a_call_waits",
        play: stop_while_a_call_waits,
        shows: &["status 3, at once"],
    },
    Scenario { name: "stop_the_deaf", play: stop_the_deaf, shows: &["status 137"] },
    Scenario { name: "kill", play: kill, shows: &["status 137"] },
    Scenario { name: "kill_with_a_signal", play: kill_with_a_signal, shows: &["got SIGUSR1"] },
    Scenario { name: "pause", play: pause, shows: &["paused, silent, running, speaking"] },
    Scenario { name: "top", play: top, shows: &["sleep 1000"] },
    Scenario { name: "restart", play: restart, shows: &["running\nup\nup\n"] },
    Scenario { name: "copy_out", play: copy_out, shows: &["root:x:0:0"] },
    Scenario { name: "remove_while_running", play: remove_while_running, shows: &["gone"] },
    Scenario { name: "states", play: states, shows: &["running true 0\nexited false 6"] },
];

/// Tells when it is ready and what signals it gets, and ends at SIGTERM.
const ATTENTIVE: &str = "trap 'echo got SIGTERM; exit 3' TERM; trap 'echo got SIGUSR1' USR1; \
                         echo ready; while :; do sleep 0.1; done";

fn attentive<'e>(stage: &Stage<'e>) -> Result<Running<'e>> {
    let running = stage.busybox().shell(ATTENTIVE).start()?;
    running.await_log("ready")?;
    Ok(running)
}

fn sleeping<'e>(stage: &Stage<'e>) -> Result<Running<'e>> {
    stage.debian().command(["sleep", "1000"]).start()
}

fn logs(stage: &Stage<'_>) -> Result<String> {
    let running = stage.busybox().shell("echo out; echo err >&2; exit 4").start()?;
    let status = running.wait()?;
    Ok(format!("{}status {status}", running.logs()?))
}

fn exec(stage: &Stage<'_>) -> Result<String> {
    Ok(sleeping(stage)?.exec(&[], &["sh", "-c", "echo hello; exit 9"])?.summary())
}

fn exec_options(stage: &Stage<'_>) -> Result<String> {
    let options = ["--user=demo", "--workdir=/usr/games", "--env=COLOUR=green"];
    Ok(sleeping(stage)?.exec(&options, &["sh", "-c", "id; pwd; env | grep COLOUR"])?.summary())
}

fn exec_input(stage: &Stage<'_>) -> Result<String> {
    let running = sleeping(stage)?;
    let words = ["exec", "--interactive", running.id(), "cat"];
    Ok(tests::command::finish(stage.engine.client().args(words), b"from the user\n")?.summary())
}

fn exec_status(stage: &Stage<'_>, program: &str) -> Result<String> {
    Ok(format!("status {}", sleeping(stage)?.exec(&[], &[program])?.status))
}

fn exec_detached(stage: &Stage<'_>) -> Result<String> {
    let running = stage
        .busybox()
        .shell("while ! [ -e /tmp/flag ]; do sleep 0.1; done; cat /tmp/flag")
        .start()?;
    running
        .exec(
            &["--detach"],
            &["sh", "-c", "echo done in the background > /tmp/new; mv /tmp/new /tmp/flag"],
        )?
        .success()?;
    running.wait()?;
    running.logs()
}

fn exec_rights(stage: &Stage<'_>) -> Result<String> {
    let script = "grep -E '^(Uid|Groups|Cap|NoNewPrivs|Seccomp:|Sig(Blk|Ign))' /proc/self/status; ls /proc/self/fd";
    Ok(sleeping(stage)?.exec(&[], &["sh", "-c", script])?.summary())
}

fn stop(stage: &Stage<'_>) -> Result<String> {
    let running = attentive(stage)?;
    let started = Instant::now();
    running.docker(&["stop", "--time=30"], &[])?.success()?;
    let speed = if started.elapsed() < Duration::from_secs(15) { "at once" } else { "late" };
    let word =
        if running.logs()?.contains("got SIGTERM") { "got SIGTERM" } else { "heard nothing" };
    Ok(format!("status {}, {speed}, {word}", running.inspect("{{.State.ExitCode}}")?))
}

/// The program waits in an open that no writer answers; the signal must reach it there.
fn stop_while_a_call_waits(stage: &Stage<'_>) -> Result<String> {
    const WAITING: &str = "import os, signal, sys\n\
                           signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n\
                           os.mkfifo('/tmp/pipe')\n\
                           print('ready', flush=True)\n\
                           open('/tmp/pipe')";
    let running = stage.debian().command(["python3", "-c", WAITING]).start()?;
    running.await_log("ready")?;
    let started = Instant::now();
    running.docker(&["stop", "--time=30"], &[])?.success()?;
    let speed = if started.elapsed() < Duration::from_secs(15) { "at once" } else { "late" };
    Ok(format!("status {}, {speed}", running.inspect("{{.State.ExitCode}}")?))
}

fn stop_the_deaf(stage: &Stage<'_>) -> Result<String> {
    let running = sleeping(stage)?;
    running.docker(&["stop", "--time=1"], &[])?.success()?;
    Ok(format!("status {}", running.inspect("{{.State.ExitCode}}")?))
}

fn kill(stage: &Stage<'_>) -> Result<String> {
    let running = sleeping(stage)?;
    running.docker(&["kill"], &[])?.success()?;
    Ok(format!("status {}", running.wait()?))
}

fn kill_with_a_signal(stage: &Stage<'_>) -> Result<String> {
    let running = attentive(stage)?;
    running.docker(&["kill", "--signal=USR1"], &[])?.success()?;
    running.await_log("got SIGUSR1")?;
    Ok(format!("got SIGUSR1, {}", running.inspect("{{.State.Status}}")?))
}

fn pause(stage: &Stage<'_>) -> Result<String> {
    let running = stage.busybox().shell("while :; do echo tick; sleep 0.1; done").start()?;
    running.await_log("tick")?;
    running.docker(&["pause"], &[])?.success()?;
    let state = running.inspect("{{.State.Status}}")?;
    let quiet = speaks(&running)?;
    running.docker(&["unpause"], &[])?.success()?;
    let again = running.inspect("{{.State.Status}}")?;
    Ok(format!("{state}, {quiet}, {again}, {}", speaks(&running)?))
}

/// Whether the log grows.
fn speaks(running: &Running<'_>) -> Result<&'static str> {
    let before = running.logs()?.len();
    std::thread::sleep(Duration::from_millis(600));
    Ok(if running.logs()?.len() == before { "silent" } else { "speaking" })
}

fn top(stage: &Stage<'_>) -> Result<String> {
    let running = sleeping(stage)?;
    running.exec(&["--detach"], &["sleep", "2000"])?.success()?;
    let mut lines: Vec<_> = running
        .docker(&["top"], &["-o", "pid,uid,args"])?
        .success()?
        .lines()
        .map(without_first_word)
        .collect();
    lines.sort();
    Ok(lines.join("\n"))
}

/// The process number is another one each time.
fn without_first_word(line: &str) -> String {
    line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
}

fn restart(stage: &Stage<'_>) -> Result<String> {
    let running = stage.busybox().shell("echo up; exec sleep 1000").start()?;
    running.await_log("up")?;
    running.docker(&["restart", "--time=0"], &[])?.success()?;
    running.await_log("up\nup")?;
    Ok(format!("{}\n{}", running.inspect("{{.State.Status}}")?, running.logs()?))
}

fn copy_out(stage: &Stage<'_>) -> Result<String> {
    let running = sleeping(stage)?;
    let source = format!("{}:/etc/passwd", running.id());
    let target = stage.engine.home().run().join(format!("copied-{}", stage.runtime.name()));
    stage.engine.docker(["cp", &source, &target.to_string_lossy()])?.success()?;
    Ok(std::fs::read_to_string(target)?)
}

fn remove_while_running(stage: &Stage<'_>) -> Result<String> {
    let running = sleeping(stage)?;
    running.docker(&["rm", "--force"], &[])?.success()?;
    ensure!(running.inspect("{{.State.Status}}").is_err());
    Ok("gone".to_owned())
}

fn states(stage: &Stage<'_>) -> Result<String> {
    const STATE: &str = "{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}";
    let running = stage.busybox().input("").shell("cat; exit 6").start()?;
    let first = running.inspect(STATE)?;
    running.exec(&[], &["kill", "-HUP", "1"])?;
    let other = stage.busybox().shell("exit 6").start()?;
    other.wait()?;
    Ok(format!("{first}\n{}", other.inspect(STATE)?))
}
