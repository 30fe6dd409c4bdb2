//! What a supervisor and its holder have in memory while its container sleeps, after it has answered some thousand calls.

use crate::runner::Runners;
use anyhow::{Context, Result, bail};
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tests::{place, sweep};

/// Kilobytes of one supervisor and its holder together.
#[derive(Debug)]
pub struct Memory {
    /// Everything resident, pages shared with other processes counted in full.
    pub resident: u64,
    /// Shared pages counted by their share: what one more container costs.
    pub proportional: u64,
}

pub fn measure(runners: &Runners) -> Result<Memory> {
    let mut bundle = runners.bundle("memory")?;
    bundle.command(&["sh", "-c", "/calls open 5000; echo ready; exec sleep 1000"])?;
    let mut child = bundle
        .run(&runners.supervised.words, "bench-memory")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let measured = wait_for_ready(&mut child).and_then(|()| {
        let (server, holder) =
            (read(process("systrace-sup")?)?, read(process("systrace-holder")?)?);
        Ok(Memory {
            resident: server.resident + holder.resident,
            proportional: server.proportional + holder.proportional,
        })
    });
    // `run` removes the container when it ends.
    let mut end = std::process::Command::new(&runners.supervised.words[0]);
    end.arg("--root").arg(bundle.folder().join("state")).args(["kill", "bench-memory", "KILL"]);
    end.status()?;
    child.wait()?;
    measured
}

fn wait_for_ready(child: &mut std::process::Child) -> Result<()> {
    use std::io::BufRead as _;
    let output = child.stdout.take().context("no pipe to the container")?;
    for line in std::io::BufReader::new(output).lines() {
        if line? == "ready" {
            return Ok(());
        }
    }
    bail!("the container ended early")
}

/// The one among the processes of our program that has given itself this name.
fn process(wanted: &str) -> Result<i32> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(5) {
        for pid in sweep::processes_running(&place::shim()) {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            if name.trim_end() == wanted {
                return Ok(pid);
            }
        }
    }
    bail!("no {wanted} runs")
}

fn read(pid: i32) -> Result<Memory> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let field = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name));
        let number =
            line.and_then(|line| line.split_whitespace().next()).and_then(|word| word.parse().ok());
        number.with_context(|| format!("no {name} in {rollup}"))
    };
    Ok(Memory { resident: field("Rss:")?, proportional: field("Pss:")? })
}
