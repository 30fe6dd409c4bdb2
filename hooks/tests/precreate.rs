//! The hook as Podman calls it: config.json in, config.json out.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn precreate(policy: &str, config: &Value) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.policy");
    fs::write(&file, format!("Policy: */a, Emulation: native\n{policy}")).unwrap();
    let mut hook = Command::new(env!("CARGO_BIN_EXE_systrace-hook"))
        .arg("precreate")
        .arg("--policy")
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    hook.stdin.take().unwrap().write_all(config.to_string().as_bytes()).unwrap();
    hook.wait_with_output().unwrap()
}

fn changed(policy: &str, config: &Value) -> Value {
    let output = precreate(policy, config);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The action of the profile for a call without conditions.
fn action<'v>(config: &'v Value, call: &str) -> &'v str {
    let profile = &config["linux"]["seccomp"];
    let rules = profile["syscalls"].as_array().unwrap();
    let names = |rule: &&Value| rule["names"].as_array().unwrap().contains(&json!(call));
    let rule = rules.iter().find(names).unwrap_or(profile);
    rule.get("action").unwrap_or(&profile["defaultAction"]).as_str().unwrap()
}

const POLICY: &str = "\tnative-close: permit\n\tnative-dup: permit\n";

#[test]
fn a_policy_becomes_the_profile_and_the_rest_stays() {
    let config = json!({ "hostname": "box", "linux": { "x-own": 1 } });
    let config = changed(POLICY, &config);
    assert_eq!(config["hostname"], "box");
    assert_eq!(config["linux"]["x-own"], 1);
    assert_eq!(action(&config, "close"), "SCMP_ACT_ALLOW");
    assert_eq!(action(&config, "mkdir"), "SCMP_ACT_ERRNO");
}

#[test]
fn the_engines_profile_stays_in_force() {
    let engine = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls": [{ "names": ["dup"], "action": "SCMP_ACT_KILL_PROCESS" }]
    });
    let config = changed(POLICY, &json!({ "linux": { "seccomp": engine } }));
    assert_eq!(action(&config, "close"), "SCMP_ACT_ALLOW");
    assert_eq!(action(&config, "dup"), "SCMP_ACT_KILL_PROCESS");
    assert_eq!(action(&config, "mkdir"), "SCMP_ACT_ERRNO");
    assert_eq!(config["linux"]["seccomp"]["flags"], json!(["SECCOMP_FILTER_FLAG_LOG"]));
}

/// Podman's own rules on socket: conditions that cannot be written as rules that never overlap.
#[test]
fn the_engines_conditions_stay_as_they_are_written() {
    let unequal =
        |index: u32, value: u64| json!({ "index": index, "value": value, "op": "SCMP_CMP_NE" });
    let rule = json!({
        "names": ["socket", "close"], "action": "SCMP_ACT_ALLOW", "args": [unequal(0, 16), unequal(2, 9)]
    });
    let engine = json!({ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [rule] });
    let policy = "\tnative-socket: permit\n\tnative-close: deny[eacces]\n";
    let config = changed(policy, &json!({ "linux": { "seccomp": engine } }));
    let rules = config["linux"]["seccomp"]["syscalls"].as_array().unwrap();
    let about = |name: &str| {
        rules
            .iter()
            .filter(|rule| rule["names"].as_array().unwrap().contains(&json!(name)))
            .collect::<Vec<_>>()
    };
    assert_eq!(about("socket").len(), 1);
    assert_eq!(about("socket")[0]["args"].as_array().unwrap().len(), 2);
    assert_eq!(about("close").len(), 1);
    assert_eq!(about("close")[0]["errnoRet"], 13);
}

#[test]
fn what_needs_a_supervisor_is_refused() {
    let policy = "\tnative-open: filename eq \"/tmp/x\" then permit\n";
    let output = precreate(policy, &json!({ "linux": {} }));
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("by the kernel alone"), "{error}");
}

#[test]
fn a_config_that_is_none_is_refused() {
    assert!(!precreate(POLICY, &json!([])).status.success());
    assert!(!precreate("\tnative-nosuch: permit\n", &json!({ "linux": {} })).status.success());
}
