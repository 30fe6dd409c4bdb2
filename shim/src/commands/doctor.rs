//! `doctor`: whether this machine has what confinement stands on.

use std::fs;
use std::process::ExitCode;

use caps::{CapSet, Capability};
use converter::host::LinuxVersion;

use crate::config::Settings;
use crate::{host, sockets, sys};

/// Check whether this machine can confine containers
#[derive(Debug, clap::Args)]
pub struct Doctor {}

/// One line of the report.
struct Check {
    what: &'static str,
    outcome: Result<String, String>,
}

impl Doctor {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let checks = checks(settings);
        for check in &checks {
            match &check.outcome {
                Ok(found) => println!("{:<28} ok       {found}", check.what),
                Err(reason) => println!("{:<28} missing  {reason}", check.what),
            }
        }
        if let Ok(mut host) = host::probe() {
            // Nothing depends on them but the cost of connections.
            let programs = sockets::probe();
            host.sockets &= programs.is_ok();
            match (host.sockets, programs) {
                (true, _) => println!("{:<28} ok", "socket programs"),
                (false, Err(reason)) => println!("{:<28} absent   {reason}", "socket programs"),
                (false, Ok(())) => println!("{:<28} absent   no cgroup2", "socket programs"),
            }
            println!("plan for this machine: systrace-convert plan --for {host}");
        }
        let all = checks.iter().all(|check| check.outcome.is_ok());
        Ok(ExitCode::from(u8::from(!all)))
    }
}

fn checks(settings: &Settings) -> Vec<Check> {
    let check = |what, outcome| Check { what, outcome };
    vec![
        check("Linux 5.19", kernel()),
        check(
            "seccomp notification",
            or_reason(sys::knows_notification(), "CONFIG_SECCOMP_FILTER"),
        ),
        check("seccomp WAIT_KILLABLE_RECV", or_reason(sys::knows_killable_wait(), "Linux 5.19")),
        check("CAP_SYS_ADMIN", capability(Capability::CAP_SYS_ADMIN)),
        check("CAP_SYS_PTRACE", capability(Capability::CAP_SYS_PTRACE)),
        check("ptrace", ptrace()),
        check("policy directory", policies(settings)),
    ]
}

fn or_reason(known: bool, needs: &str) -> Result<String, String> {
    if known { Ok(String::new()) } else { Err(format!("needs {needs}")) }
}

fn kernel() -> Result<String, String> {
    let release = host::release();
    match release.parse::<LinuxVersion>() {
        Ok(version) if version >= LinuxVersion::SUPERVISABLE => Ok(release),
        Ok(_) => Err(format!("this is {release}")),
        Err(error) => Err(error.to_string()),
    }
}

fn capability(wanted: Capability) -> Result<String, String> {
    match caps::has_cap(None, CapSet::Effective, wanted) {
        Ok(true) => Ok(String::new()),
        Ok(false) => Err("run as root".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Yama can switch ptrace off for everybody, root too (`ptrace_scope` 3, Documentation/admin-guide/LSM/Yama.rst).
fn ptrace() -> Result<String, String> {
    match fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope") {
        Ok(scope) if scope.trim() == "3" => Err("kernel.yama.ptrace_scope is 3".to_owned()),
        _ => Ok(String::new()),
    }
}

fn policies(settings: &Settings) -> Result<String, String> {
    let folder = &settings.config.policy_dir;
    match fs::read_dir(folder) {
        Ok(_) => Ok(folder.display().to_string()),
        Err(error) => Err(format!("{}: {error}", folder.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn this_machine_can_confine() {
        // The other tests of this crate stand on the same things.
        assert!(kernel().is_ok());
        assert!(sys::knows_notification() && sys::knows_killable_wait());
    }

    #[test]
    fn a_missing_policy_directory_is_found_out() {
        let config = Config { policy_dir: "/nonexistent".into(), ..Config::default() };
        let settings = Settings { config, systemd_cgroup: false, policy: None };
        assert!(policies(&settings).unwrap_err().contains("/nonexistent"));
    }
}
