//! `podman --runtime=systrace-shim`, as the example's drop-in makes it known.

use super::{Podman, ensure_denied};
use crate::{Test, tests_of};
use anyhow::{Result, ensure};
use serde_json::Value;
use std::fs;
use tests::command::finish;
use tests::terminal::Terminal;
use tests::{Engine, Finished, place};

pub fn tests() -> Vec<Test> {
    tests_of![
        the_annotation_selects_the_policy,
        input_and_terminals,
        the_life_of_a_container,
        limits_and_users,
        statuses_and_errors,
        read_only_with_what_was_below,
    ]
}

const ANNOTATION: &str = "--annotation=systrace-shim.io/policy=attacked";
const SCRIPT: &str = "cat /etc/hosts >/dev/null && echo works; cat /etc/shadow";

/// Podman that finds our runtime by its name; users choose policies of `tests/policies` by annotation.
struct Stage {
    podman: Podman,
    config: String,
}

impl Stage {
    fn new(engine: &Engine, name: &str) -> Result<Self> {
        let podman = Podman::new(engine, name, "systrace-shim", &[])?;
        let file = podman.folder.join("shim.toml");
        let text = format!(
            "policy-dir = '{}'\nallow-annotation = true\naudit = '{1}/audit/<id>.jsonl'\nroot = '{1}/state'\n",
            place::workspace().join("tests/policies").display(),
            podman.folder.display()
        );
        fs::write(&file, text)?;
        Ok(Self { podman, config: format!("--runtime-flag=config={}", file.display()) })
    }

    /// `podman --runtime-flag=… WORDS`: whatever calls the runtime must pass the flag.
    fn podman(&self, words: &[&str]) -> Result<Finished> {
        self.podman.podman(&[&[self.config.as_str()], words].concat())
    }

    fn run(&self, options: &[&str], command: &[&str]) -> Result<Finished> {
        let words = self.podman.words(&[&[ANNOTATION], options].concat(), command);
        self.podman(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn shell(&self, options: &[&str], script: &str) -> Result<Finished> {
        self.run(&[&["--rm"], options].concat(), &["sh", "-c", script])
    }

    fn terminal(&self, words: &[&str]) -> Result<Terminal> {
        Terminal::open(&mut self.podman.command(&[&[self.config.as_str()], words].concat()))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Podman's own clean-up would run without the flag.
        let _ = self.podman(&["rm", "--all", "--force", "--time=0"]);
    }
}

fn ensure_confined(seen: &Finished) -> Result<()> {
    ensure!(seen.stdout.starts_with("works\n"), "{}", seen.summary());
    ensure_denied(seen, "/etc/shadow", "Permission denied")
}

fn the_annotation_selects_the_policy(engine: &Engine) -> Result<()> {
    let stage = Stage::new(engine, "rt-select")?;
    ensure_confined(&stage.shell(&[], SCRIPT)?)?;
    let other = ["--annotation=systrace-shim.io/policy=numbers"];
    let seen = stage.shell(&other, "cat /etc/shadow; mkdir /tmp/a")?;
    ensure!(seen.stdout == "root:*:\n", "{}", seen.summary());
    ensure_denied(&seen, "mkdir", "Operation not permitted")?;
    let unknown = stage.shell(&["--annotation=systrace-shim.io/policy=nowhere"], "echo runs")?;
    ensure!(unknown.stdout.is_empty() && unknown.status != 0, "{}", unknown.summary());
    ensure!(unknown.stderr.contains("there is no policy nowhere"), "{}", unknown.summary());
    Ok(())
}

fn input_and_terminals(engine: &Engine) -> Result<()> {
    let stage = Stage::new(engine, "rt-input")?;
    let words = stage.podman.words(&["--rm", "--interactive", ANNOTATION], &["cat"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = stage.podman.command(&[&[stage.config.as_str()], &words[..]].concat());
    ensure!(finish(&mut command, b"typed")?.success()? == "typed");
    let words = stage.podman.words(&["--rm", "--interactive", "--tty", ANNOTATION], &["sh"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut terminal = stage.terminal(&words)?;
    terminal.type_keys("tty && cat /etc/shadow; exit 7\n")?;
    terminal.expect("/dev/pts/0")?;
    terminal.expect("Permission denied")?;
    ensure!(terminal.close()? == 7);
    Ok(())
}

fn the_life_of_a_container(engine: &Engine) -> Result<()> {
    let stage = Stage::new(engine, "rt-life")?;
    stage.run(&["--detach", "--name=idle"], &["sleep", "1000"])?.success()?;
    ensure_confined(&stage.podman(&["exec", "idle", "sh", "-c", SCRIPT])?)?;
    ensure!(stage.podman(&["exec", "idle", "sh", "-c", "exit 5"])?.status == 5);
    let mut terminal = stage.terminal(&["exec", "--interactive", "--tty", "idle", "sh"])?;
    terminal.type_keys("tty; exit 6\n")?;
    terminal.expect("/dev/pts/")?;
    ensure!(terminal.close()? == 6);
    let top = stage.podman(&["top", "idle", "args"])?.success()?;
    ensure!(top.contains("sleep 1000"), "{top}");
    let stats = stage.podman(&["stats", "--no-stream", "idle"])?.success()?;
    ensure!(stats.contains("idle"), "{stats}");
    stage.podman(&["pause", "idle"])?.success()?;
    let state = ["inspect", "--format={{.State.Status}}", "idle"];
    ensure!(stage.podman(&state)?.success()? == "paused");
    stage.podman(&["unpause", "idle"])?.success()?;
    stage.podman(&["stop", "--time=1", "idle"])?.success()?;
    ensure!(stage.podman(&state)?.success()? == "exited");
    // Podman says "exited" before it has deleted the container; with any runtime a start comes too early then.
    let mut started = stage.podman(&["start", "idle"])?;
    for _ in 0..50 {
        if started.status == 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        started = stage.podman(&["start", "idle"])?;
    }
    started.success()?;
    ensure_confined(&stage.podman(&["exec", "idle", "sh", "-c", SCRIPT])?)?;
    stage.podman(&["kill", "--signal=KILL", "idle"])?.success()?;
    stage.podman(&["rm", "--force", "--time=0", "idle"])?.success()?;
    Ok(())
}

fn limits_and_users(engine: &Engine) -> Result<()> {
    let stage = Stage::new(engine, "rt-limits")?;
    let script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes; cat /etc/shadow";
    let seen = stage.shell(&["--memory=64m"], script)?;
    ensure!(seen.stdout.starts_with("67108864\n"), "{}", seen.summary());
    let seen = stage.shell(&["--user=1000:1000"], &format!("id -u; {SCRIPT}"))?;
    ensure!(seen.stdout == "1000\nworks\n", "{}", seen.summary());
    ensure_denied(&seen, "/etc/shadow", "Permission denied")
}

/// As Podman tells them with every runtime, from one JSON object in the runtime's log.
fn statuses_and_errors(engine: &Engine) -> Result<()> {
    let stage = Stage::new(engine, "rt-status")?;
    ensure!(stage.shell(&[], "exit 3")?.status == 3);
    for (program, status, text) in [
        ("/no/such/program", 127, "no such file or directory"),
        ("/etc/hostname", 126, "permission denied"),
    ] {
        fs::write(stage.podman.folder.join("rootfs/etc/hostname"), "")?;
        let seen = stage.run(&["--rm"], &[program])?;
        ensure!(seen.status == status, "{}", seen.summary());
        ensure!(seen.stderr.to_lowercase().contains(text), "{}", seen.summary());
        // What Podman could not read as JSON it would show as it is.
        let raw = seen.stderr.lines().any(|line| serde_json::from_str::<Value>(line).is_ok());
        ensure!(!raw, "{}", seen.summary());
    }
    let seen = stage.run(&["--rm", "--annotation=systrace-shim.io/policy=a/b"], &["true"])?;
    ensure!(seen.status == 126 || seen.status == 125, "{}", seen.summary());
    ensure!(seen.stderr.contains("is no policy name"), "{}", seen.summary());
    Ok(())
}

/// `--read-only` gives /run and /tmp as tmpfs with the contents of the image's folders.
fn read_only_with_what_was_below(engine: &Engine) -> Result<()> {
    let stage = Stage::new(engine, "rt-ro")?;
    let below = stage.podman.folder.join("rootfs/run/below");
    fs::create_dir_all(&below)?;
    fs::write(below.join("file"), "as in the image\n")?;
    std::os::unix::fs::chown(&below, Some(7), Some(8))?;
    let script = "cat /run/below/file; stat -c %u:%g /run/below; echo new >/run/below/file && cat /run/below/file; \
                  echo no >/etc/no; grep -c ' /run tmpfs ' /proc/mounts; ls /run | wc -l";
    let seen = stage.shell(&["--read-only"], script)?;
    ensure!(seen.stdout.starts_with("as in the image\n7:8\nnew\n"), "{}", seen.summary());
    ensure_denied(&seen, "/etc/no", "Read-only file system")?;
    ensure!(fs::read_to_string(below.join("file"))? == "as in the image\n");
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    ensure!(!mounts.contains("copy-up"), "{mounts}");
    Ok(())
}
