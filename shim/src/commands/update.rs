//! `update`: changes the resource limits of a container.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use oci_spec::runtime::{LinuxCpu, LinuxMemory, LinuxPids, LinuxResources};

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
    /// Memory limit in bytes
    #[arg(long, allow_negative_numbers = true)]
    memory: Option<i64>,
    /// Memory reservation in bytes
    #[arg(long, allow_negative_numbers = true)]
    memory_reservation: Option<i64>,
    /// Memory and swap in bytes, -1 for no limit
    #[arg(long, allow_negative_numbers = true)]
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
            .set_cpus(self.cpuset_cpus.clone())
            .set_mems(self.cpuset_mems.clone());
        (cpu != LinuxCpu::default()).then_some(cpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
