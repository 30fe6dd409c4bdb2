//! Limits of memory, processes and processors.

use super::{Scenario, Stage};
use anyhow::Result;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "memory",
        play: |stage| limit(stage, "--memory=64m", MEMORY),
        shows: &["67108864"],
    },
    Scenario {
        name: "processes",
        play: |stage| limit(stage, "--pids-limit=20", PIDS),
        shows: &["20"],
    },
    Scenario {
        name: "processors",
        play: |stage| limit(stage, "--cpus=0.5", CPU),
        shows: &["50000"],
    },
    Scenario {
        name: "one_processor",
        play: |stage| limit(stage, "--cpuset-cpus=0", "nproc"),
        shows: &["1"],
    },
    Scenario { name: "too_many_processes", play: too_many_processes, shows: &["can't fork"] },
    Scenario {
        name: "out_of_memory",
        play: out_of_memory,
        shows: &["status 137, killed for memory: true"],
    },
    Scenario { name: "update", play: update, shows: &["33"] },
    Scenario {
        name: "shared_memory",
        play: |stage| limit(stage, "--shm-size=3m", "df -k /dev/shm | tail -n 1"),
        shows: &["3072"],
    },
    Scenario { name: "statistics", play: statistics, shows: &["pids 1"] },
];

/// Each limit lies in a file of the first or of the second version of control groups.
const MEMORY: &str =
    "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null";
const PIDS: &str = "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null";
const CPU: &str = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null";

fn limit(stage: &Stage<'_>, option: &str, script: &str) -> Result<String> {
    Ok(stage.busybox().options([option]).shell(script).run()?.finished.stdout)
}

fn too_many_processes(stage: &Stage<'_>) -> Result<String> {
    let script = "i=0; while [ $i -lt 20 ]; do sleep 5 & i=$((i+1)); done";
    let finished = stage.busybox().options(["--pids-limit=6"]).shell(script).run()?.finished;
    let complaint =
        if finished.stderr.contains("can't fork") { "can't fork" } else { "all forks worked" };
    Ok(format!("status {}, {complaint}", finished.status))
}

fn out_of_memory(stage: &Stage<'_>) -> Result<String> {
    let options = ["--memory=24m", "--memory-swap=24m"];
    let running = stage.busybox().options(options).command(["tail", "/dev/zero"]).start()?;
    let status = running.wait()?;
    Ok(format!("status {status}, killed for memory: {}", running.inspect("{{.State.OOMKilled}}")?))
}

fn update(stage: &Stage<'_>) -> Result<String> {
    let running = stage.busybox().command(["sleep", "1000"]).start()?;
    running.docker(&["update", "--pids-limit=33"], &[])?.success()?;
    running.exec(&[], &["sh", "-c", PIDS]).map(|finished| finished.stdout)
}

fn statistics(stage: &Stage<'_>) -> Result<String> {
    let running = stage.busybox().options(["--memory=64m"]).command(["sleep", "1000"]).start()?;
    let line = running
        .docker(&["stats", "--no-stream", "--format={{.PIDs}} {{.MemUsage}}"], &[])?
        .success()?;
    let (pids, memory) = line.split_once(' ').unwrap_or_default();
    Ok(format!("pids {pids}, of {}", memory.rsplit(' ').next().unwrap_or_default()))
}
