//! `features`: what this runtime can do, as the runtime specification wants it.

use std::process::ExitCode;

use serde_json::json;

use crate::commands::version;

/// Print what this runtime supports
#[derive(Debug, clap::Args)]
pub struct Features {}

impl Features {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        println!("{}", serde_json::to_string_pretty(&features())?);
        Ok(ExitCode::SUCCESS)
    }
}

/// Facts of this build, not of this host. Mount options are left out, which means unknown.
fn features() -> serde_json::Value {
    let mut capabilities: Vec<_> = caps::all().iter().map(ToString::to_string).collect();
    capabilities.sort();
    json!({
        "ociVersionMin": "1.0.0",
        "ociVersionMax": version::SPEC,
        "hooks": ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
        "linux": {
            "namespaces": ["cgroup", "ipc", "mount", "network", "pid", "time", "uts"],
            "capabilities": capabilities,
            "cgroup": { "v1": true, "v2": true, "systemd": true, "systemdUser": false, "rdma": false },
            "seccomp": {
                "enabled": true,
                "actions": [
                    "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
                    "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"
                ],
                "operators": [
                    "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT",
                    "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"
                ],
                "archs": ["SCMP_ARCH_X86_64"],
            },
            "apparmor": { "enabled": true },
            "selinux": { "enabled": false },
            "intelRdt": { "enabled": true },
        },
        "annotations": { "systrace-shim.io/version": env!("CARGO_PKG_VERSION") },
        // A name that ends with a dot stands for all that begin with it.
        "potentiallyUnsafeConfigAnnotations": ["systrace-shim.io/policy", "systrace-shim.io/policy."],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_specifications_shape() {
        let typed: oci_spec::runtime::Features = serde_json::from_value(features()).unwrap();
        assert_eq!(typed.oci_version_max(), version::SPEC);
        assert!(typed.linux().as_ref().unwrap().capabilities().as_ref().unwrap().len() > 30);
    }
}
