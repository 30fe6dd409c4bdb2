//! `update`: changes the resource limits of a container.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use oci_spec::runtime::{LinuxBlockIo, LinuxCpu, LinuxMemory, LinuxPids, LinuxResources};

use crate::cgroup::Cgroup;
use crate::config::Settings;
use crate::container::Store;
use crate::identifier::ContainerId;

/// Change the resource limits of a container
#[derive(Debug, clap::Args)]
pub struct Update {
    /// JSON of the limits, `-` for standard input; no other flag is looked at then
    #[arg(short, long, value_name = "FILE")]
    resources: Option<PathBuf>,
    #[command(flatten)]
    limits: Limits,
    id: ContainerId,
}

/// Limits given one by one.
#[derive(Debug, Default, clap::Args)]
struct Limits {
    /// Memory limit in bytes, or with a unit: 50M
    #[arg(long, allow_negative_numbers = true, value_parser = parse_size)]
    memory: Option<i64>,
    /// Memory reservation, in the same way
    #[arg(long, allow_negative_numbers = true, value_parser = parse_size)]
    memory_reservation: Option<i64>,
    /// Memory and swap, in the same way; -1 for no limit
    #[arg(long, allow_negative_numbers = true, value_parser = parse_size)]
    memory_swap: Option<i64>,
    /// CPU period in microseconds
    #[arg(long)]
    cpu_period: Option<u64>,
    /// CPU time within a period in microseconds
    #[arg(long, allow_negative_numbers = true)]
    cpu_quota: Option<i64>,
    /// CPU weight
    #[arg(long)]
    cpu_share: Option<u64>,
    /// Realtime period in microseconds
    #[arg(long)]
    cpu_rt_period: Option<u64>,
    /// Realtime CPU time within a period in microseconds
    #[arg(long, allow_negative_numbers = true)]
    cpu_rt_runtime: Option<i64>,
    /// Weight of block device access, 10 to 1000
    #[arg(long)]
    blkio_weight: Option<u16>,
    /// CPUs to run on
    #[arg(long)]
    cpuset_cpus: Option<String>,
    /// Memory nodes to use
    #[arg(long)]
    cpuset_mems: Option<String>,
    /// Greatest number of processes
    #[arg(long, allow_negative_numbers = true)]
    pids_limit: Option<i64>,
}

impl Update {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let container = Store::new(&settings.config.root).load_alive(&self.id)?;
        let resources = match &self.resources {
            Some(path) => read(path)?,
            None => self.limits.resources(),
        };
        Cgroup::of(&container)?.update(&resources).context("cannot update container")?;
        Ok(ExitCode::SUCCESS)
    }
}

fn read(path: &PathBuf) -> anyhow::Result<LinuxResources> {
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.with_context(|| format!("cannot read resources {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("resources {} are wrong", path.display()))
}

/// Reads `1024`, `50M`, `1g`, `20kb`, `-1`: units are powers of 1024.
fn parse_size(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is no size");
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match lower[digits.len()..].trim_end_matches(['b', 'i']) {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(wrong()),
    };
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

impl Limits {
    /// Only what was given: the controllers leave everything else alone.
    fn resources(&self) -> LinuxResources {
        let mut resources = LinuxResources::default();
        resources.set_devices(None);
        if self.memory.or(self.memory_reservation).or(self.memory_swap).is_some() {
            let mut memory = LinuxMemory::default();
            memory
                .set_limit(self.memory)
                .set_reservation(self.memory_reservation)
                .set_swap(self.memory_swap);
            resources.set_memory(Some(memory));
        }
        resources.set_cpu(self.cpu());
        if let Some(weight) = self.blkio_weight {
            let mut block = LinuxBlockIo::default();
            block.set_weight(Some(weight));
            resources.set_block_io(Some(block));
        }
        if let Some(limit) = self.pids_limit {
            let mut pids = LinuxPids::default();
            pids.set_limit(limit);
            resources.set_pids(Some(pids));
        }
        resources
    }

    fn cpu(&self) -> Option<LinuxCpu> {
        let mut cpu = LinuxCpu::default();
        cpu.set_period(self.cpu_period)
            .set_quota(self.cpu_quota)
            .set_shares(self.cpu_share)
            .set_realtime_period(self.cpu_rt_period)
            .set_realtime_runtime(self.cpu_rt_runtime)
            .set_cpus(self.cpuset_cpus.clone())
            .set_mems(self.cpuset_mems.clone());
        (cpu != LinuxCpu::default()).then_some(cpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, size) in
            [("7", 7), ("50M", 50 << 20), ("1gb", 1 << 30), ("2KiB", 2048), ("-1", -1)]
        {
            assert_eq!(parse_size(text), Ok(size), "{text}");
        }
        for text in ["", "M", "5x", "5mm", "9999999999g"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_given_limits_are_set() {
        let limits = Limits { pids_limit: Some(-1), cpu_share: Some(512), ..Limits::default() };
        let resources = limits.resources();
        assert_eq!(resources.pids().as_ref().unwrap().limit(), -1);
        assert_eq!(resources.cpu().as_ref().unwrap().shares(), Some(512));
        assert!(resources.memory().is_none());
        assert!(resources.devices().is_none());
    }
}
