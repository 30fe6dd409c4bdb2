//! `events`: what a container uses, once or again and again.

use std::io::Write;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use libcgroups::stats::{BlkioDeviceStat, MemoryData, Stats};
use serde_json::{Value, json};

use crate::cgroup::Cgroup;
use crate::config::Settings;
use crate::container::{StateError, Store};
use crate::identifier::ContainerId;

/// Show the resources that a container uses
#[derive(Debug, clap::Args)]
pub struct Events {
    /// Show them once
    #[arg(long)]
    stats: bool,
    /// Time between two reports: a number of seconds, or 500ms, 5s, 1m
    #[arg(long, default_value = "5s", value_parser = parse_interval)]
    interval: Duration,
    id: ContainerId,
}

impl Events {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let store = Store::new(&settings.config.root);
        let container = store.load_alive(&self.id)?;
        let cgroup = Cgroup::of(&container)?;
        loop {
            // Who reads may have read enough: that is an error and no panic.
            writeln!(std::io::stdout(), "{}", event(&self.id, &cgroup.stats()?))?;
            if self.stats {
                return Ok(ExitCode::SUCCESS);
            }
            thread::sleep(self.interval);
            match store.load_alive(&self.id) {
                Ok(_) => {}
                Err(StateError::NotRunning | StateError::Missing(_)) => {
                    return Ok(ExitCode::SUCCESS);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The event as runc prints it, keys and nesting.
fn event(id: &ContainerId, stats: &Stats) -> Value {
    let (cpu, memory, block) = (&stats.cpu, &stats.memory, &stats.blkio);
    json!({
        "type": "stats",
        "id": id.as_str(),
        "data": {
            "cpu": {
                "usage": {
                    "total": cpu.usage.usage_total,
                    "percpu": cpu.usage.per_core_usage_total,
                    "kernel": cpu.usage.usage_kernel,
                    "user": cpu.usage.usage_user,
                },
                "throttling": {
                    "periods": cpu.throttling.periods,
                    "throttledPeriods": cpu.throttling.throttled_periods,
                    "throttledTime": cpu.throttling.throttled_time,
                },
            },
            "memory": {
                "cache": memory.cache,
                "usage": amounts(&memory.memory),
                "swap": amounts(&memory.memswap),
                "kernel": amounts(&memory.kernel),
                "kernelTCP": amounts(&memory.kernel_tcp),
                "raw": memory.stats,
            },
            "pids": { "current": stats.pids.current, "limit": stats.pids.limit },
            "blkio": {
                "ioServiceBytesRecursive": devices(&block.service_bytes),
                "ioServicedRecursive": devices(&block.serviced),
            },
        },
    })
}

fn amounts(data: &MemoryData) -> Value {
    json!({ "limit": data.limit, "usage": data.usage, "max": data.max_usage, "failcnt": data.fail_count })
}

fn devices(list: &[BlkioDeviceStat]) -> Vec<Value> {
    let device = |entry: &BlkioDeviceStat| json!({ "major": entry.major, "minor": entry.minor, "op": entry.op_type, "value": entry.value });
    list.iter().map(device).collect()
}

/// Reads `5`, `5s`, `500ms`, `1m`.
fn parse_interval(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let milliseconds = match unit {
        "" | "s" => 1000,
        "ms" => 1,
        "m" => 60_000,
        _ => return Err(format!("unknown unit {unit:?}")),
    };
    let wrong = || format!("{text:?} is no time");
    let total =
        number.parse::<u64>().ok().and_then(|n| n.checked_mul(milliseconds)).ok_or_else(wrong)?;
    if total == 0 { Err(wrong()) } else { Ok(Duration::from_millis(total)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_units() {
        assert_eq!(parse_interval("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse_interval("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_interval("2"), Ok(Duration::from_secs(2)));
        for text in ["", "s", "0", "5h", "-1s", "99999999999999999999s"] {
            assert!(parse_interval(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_event_names_its_container() {
        let value = event(&"web".parse().unwrap(), &Stats::default());
        assert_eq!((value["type"].as_str(), value["id"].as_str()), (Some("stats"), Some("web")));
        assert_eq!(value["data"]["pids"]["current"], 0);
    }
}
