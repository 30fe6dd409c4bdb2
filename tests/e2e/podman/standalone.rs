//! `precreate --standalone`: policies that the kernel alone enforces, with stock runc and without an agent.

use super::{Hook, Podman, ensure_denied};
use crate::{Test, tests_of};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::fs;
use tests::{Engine, Finished};

pub fn tests() -> Vec<Test> {
    tests_of![
        the_named_policy_is_enforced,
        others_are_left_alone,
        the_engines_profile_stays,
        exec_is_confined_too,
        refusals_make_no_container,
    ]
}

/// Denies mkdir with EPERM and chmod with EACCES, which Podman's profile lets through.
const ANNOTATION: &str = "--annotation=systrace-shim.io/policy=numbers";
const SCRIPT: &str = "echo works; mkdir /tmp/new; chmod 700 /tmp; rmdir /tmp/new";

fn podman(engine: &Engine, name: &str) -> Result<Podman> {
    Podman::new(engine, name, "runc", &[Hook::precreate("--standalone".to_owned())])
}

fn the_named_policy_is_enforced(engine: &Engine) -> Result<()> {
    let seen = podman(engine, "named")?.shell(&[ANNOTATION], SCRIPT)?;
    ensure!(seen.stdout == "works\n", "{}", seen.summary());
    ensure_denied(&seen, "mkdir", "Operation not permitted")?;
    ensure_denied(&seen, "chmod", "Permission denied")
}

fn others_are_left_alone(engine: &Engine) -> Result<()> {
    let seen = podman(engine, "others")?.shell(&[], SCRIPT)?;
    ensure!(
        seen == Finished { status: 0, stdout: "works\n".into(), stderr: "".into() },
        "{seen:?}"
    );
    Ok(())
}

/// What the policy permits and the engine's profile refuses is refused, with the profile's error.
fn the_engines_profile_stays(engine: &Engine) -> Result<()> {
    let podman = podman(engine, "stacked")?;
    let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["rmdir", "chmod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30}]});
    let file = podman.folder.join("profile.json");
    fs::write(&file, profile.to_string())?;
    let option = format!("--security-opt=seccomp={}", file.display());
    let seen = podman.shell(&[ANNOTATION, &option], SCRIPT)?;
    ensure!(seen.stdout == "works\n", "{}", seen.summary());
    ensure_denied(&seen, "mkdir", "Operation not permitted")?;
    ensure_denied(&seen, "chmod", "Read-only file system")?;
    ensure_denied(&seen, "rmdir", "Read-only file system")
}

fn exec_is_confined_too(engine: &Engine) -> Result<()> {
    let podman = podman(engine, "exec")?;
    podman.run(&["--detach", "--name=idle", ANNOTATION], &["sleep", "1000"])?.success()?;
    let seen = podman.podman(&["exec", "idle", "sh", "-c", SCRIPT])?;
    ensure!(seen.stdout == "works\n", "{}", seen.summary());
    ensure_denied(&seen, "mkdir", "Operation not permitted")
}

/// Podman shows the hook's exit status, the log says why.
fn refusals_make_no_container(engine: &Engine) -> Result<()> {
    let podman = podman(engine, "refused")?;
    for (policy, why) in [
        ("nowhere", "nowhere.policy: No such file"),
        ("../policies/numbers", "is no policy name"),
        ("supervised", "supervised.policy:"),
    ] {
        let annotation = format!("--annotation=systrace-shim.io/policy={policy}");
        let seen = podman.shell(&[&annotation], "echo runs")?;
        ensure!(seen.status != 0 && seen.stdout.is_empty(), "{policy}: {}", seen.summary());
        ensure!(seen.stderr.contains("systrace-hook"), "{policy}: {}", seen.summary());
        let log = fs::read_to_string(podman.log())?;
        let last = log.lines().last().context("an empty log")?;
        ensure!(last.contains("systrace-hook: ") && last.contains(why), "{policy}: {last}");
    }
    Ok(())
}
