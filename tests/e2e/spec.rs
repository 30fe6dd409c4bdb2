//! What a policy takes out of a container's configuration, seen from inside.

use crate::stock::Stage;
use crate::{Test, tests_of};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use tests::container::Container;
use tests::{Engine, Runtime, Stock};

pub fn tests() -> Vec<Test> {
    tests_of![
        unused_capabilities_are_gone,
        what_is_handed_around_stays,
        the_author_may_allow_more,
        stock_runtimes_drop_what_the_author_allows,
        the_plan_names_what_is_gone,
        mounts_forbid_what_rules_forbid,
        stock_runtimes_mount_what_the_author_allows,
    ]
}

/// linux/capability.h.
const CHOWN: u8 = 0;
const DAC_OVERRIDE: u8 = 1;
const KILL: u8 = 5;
const NET_BIND_SERVICE: u8 = 10;
const NET_RAW: u8 = 13;
const SYS_CHROOT: u8 = 18;
const MKNOD: u8 = 27;
const AUDIT_WRITE: u8 = 29;

const STATUS: [&str; 2] = ["cat", "/proc/self/status"];

/// The numbers in a set of a process's status.
fn set(status: &str, name: &str) -> Result<BTreeSet<u8>> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let word = line.with_context(|| format!("no {name} in {status:?}"))?;
    let bits = u64::from_str_radix(word.trim_start_matches(':').trim(), 16)?;
    Ok((0..64).filter(|number| bits & (1 << number) != 0).collect())
}

/// What Docker gives and the process does not have, in all of its sets.
fn gone(engine: &Engine, status: &str) -> Result<BTreeSet<u8>> {
    let runc = engine.container("busybox").runtime(&Runtime::runc()).command(STATUS).run()?;
    let docker = set(&runc.finished.success()?, "CapBnd")?;
    let bounding = set(status, "CapBnd")?;
    ensure!(bounding.is_subset(&docker), "more than Docker gives: {status}");
    for name in ["CapEff", "CapPrm"] {
        ensure!(set(status, name)? == bounding, "{status}");
    }
    for name in ["CapInh", "CapAmb"] {
        ensure!(set(status, name)?.is_empty(), "{status}");
    }
    Ok(&docker - &bounding)
}

fn container<'e>(engine: &'e Engine, runtime: &str) -> Container<'e> {
    engine.container("busybox").runtime(&Runtime::policy(runtime))
}

fn ensure_spec_policy(gone: &BTreeSet<u8>) -> Result<()> {
    for number in [NET_RAW, SYS_CHROOT, AUDIT_WRITE] {
        ensure!(gone.contains(&number), "{number} is still there: {gone:?} is gone");
    }
    // The template permits to write /dev/null, so its owner may be changed; threads signal each other.
    for number in [CHOWN, KILL, DAC_OVERRIDE, NET_BIND_SERVICE, MKNOD] {
        ensure!(!gone.contains(&number), "{number} is gone");
    }
    Ok(())
}

/// In the first process and in each that joins.
fn unused_capabilities_are_gone(engine: &Engine) -> Result<()> {
    let status = container(engine, "spec").command(STATUS).run()?.finished.success()?;
    ensure_spec_policy(&gone(engine, &status)?)?;
    let running = container(engine, "spec").command(["sleep", "1000"]).start()?;
    let joined = running.exec(&[], &STATUS)?.success()?;
    ensure_spec_policy(&gone(engine, &joined)?)?;
    // Another user has no capabilities, and there is none to be had.
    let other = running.exec(&["--user=1000"], &STATUS)?.success()?;
    ensure!(set(&other, "CapEff")?.is_empty(), "{other}");
    ensure!(set(&other, "CapBnd")? == set(&joined, "CapBnd")?, "{other}");
    Ok(())
}

/// The policy permits execve(2) and capset(2).
fn what_is_handed_around_stays(engine: &Engine) -> Result<()> {
    let status = container(engine, "kernel").command(STATUS).run()?.finished.success()?;
    ensure!(gone(engine, &status)?.is_empty(), "{status}");
    Ok(())
}

/// The same policy, with `approximate` in shim.toml.
fn the_author_may_allow_more(engine: &Engine) -> Result<()> {
    let status =
        container(engine, "approximate-capabilities").command(STATUS).run()?.finished.success()?;
    ensure!(gone(engine, &status)? == [SYS_CHROOT].into(), "{status}");
    Ok(())
}

fn stock_runtimes_drop_what_the_author_allows(engine: &Engine) -> Result<()> {
    for runtime in Stock::ALL {
        let stage = Stage::new(engine, "dropped", runtime)?;
        let file = crate::stock::policies().join("kernel.policy");
        for (name, options, is_dropped) in
            [("exact", &[][..], false), ("allowed", &["--approximate", "capabilities"], true)]
        {
            let bundle = stage.plain(name, &STATUS)?;
            bundle.edit(|config| {
                for set in ["bounding", "effective", "permitted"] {
                    config["process"]["capabilities"][set] =
                        serde_json::json!(["CAP_KILL", "CAP_SYS_CHROOT"]);
                }
            })?;
            bundle.confine_with(&stage.agent.socket(), options, &file)?.success()?;
            let status = bundle.run()?.success()?;
            let bounding = set(&status, "CapBnd")?;
            ensure!(bounding.contains(&KILL), "{}: {status}", runtime.name());
            ensure!(bounding.contains(&SYS_CHROOT) != is_dropped, "{name}: {status}");
        }
    }
    Ok(())
}

fn the_plan_names_what_is_gone(engine: &Engine) -> Result<()> {
    let mut command = std::process::Command::new(tests::place::convert());
    command.args(["plan", "--format=json", "tests/policies/spec.policy"]);
    let text = tests::command::finish(command.current_dir(tests::place::workspace()), b"")?;
    let plan: serde_json::Value = serde_json::from_str(&text.success()?)?;
    let edits = plan["edits"].as_array().context("no edits")?;
    let planned: BTreeSet<_> = edits.iter().filter_map(|edit| edit["number"].as_u64()).collect();
    let status = container(engine, "spec").command(STATUS).run()?.finished.success()?;
    for number in gone(engine, &status)? {
        ensure!(planned.contains(&u64::from(number)), "{number} is not in the plan");
    }
    let chroot = edits.iter().find(|edit| edit["capability"] == "CAP_SYS_CHROOT");
    let rule = &chroot.context("no CAP_SYS_CHROOT")?["because"][0]["rules"][0];
    ensure!(rule == "tests/policies/spec.policy:7", "{rule}");
    Ok(())
}

/// What is mounted where, with which options, as proc_pid_mounts(5) has it: the last mount of a place counts.
fn options<'m>(mounts: &'m str, place: &str) -> Result<Vec<&'m str>> {
    let mut fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let found = fields.rfind(|fields| fields.get(1) == Some(&place));
    let found = found.with_context(|| format!("nothing is mounted at {place}: {mounts}"))?;
    Ok(found[3].split(',').collect())
}

fn ensure_mounts(mounts: &str) -> Result<()> {
    ensure!(options(mounts, "/")?.contains(&"ro"), "{mounts}");
    ensure!(options(mounts, "/tmp")?.contains(&"noexec"), "{mounts}");
    ensure!(options(mounts, "/tmp")?.contains(&"rw"), "{mounts}");
    ensure!(options(mounts, "/home/other")?.contains(&"ro"), "{mounts}");
    Ok(())
}

const SHOW: &str = "cat /proc/self/mounts; echo x >/tmp/x && cat /tmp/x; ls /home/other";

fn mounts_forbid_what_rules_forbid(engine: &Engine) -> Result<()> {
    let runtime = Runtime::policy("approximate-mounts");
    let run = |options: &[&str]| {
        let container = engine.container("debian").runtime(&runtime);
        container.options(options.iter().copied()).command(["sh", "-c", SHOW]).run()
    };
    let seen = run(&["--tmpfs=/tmp:exec"])?.finished;
    ensure_mounts(&seen.stdout)?;
    ensure!(seen.stdout.ends_with("\nx\n"), "{}", seen.summary());
    ensure!(seen.stderr.contains("/home/other"), "{}", seen.summary());
    // Without a mount of its own, /tmp can only be written to if the root can.
    let seen = run(&[])?.finished;
    ensure!(options(&seen.stdout, "/")?.contains(&"rw"), "{}", seen.summary());
    ensure!(seen.stdout.ends_with("\nx\n"), "{}", seen.summary());
    Ok(())
}

fn stock_runtimes_mount_what_the_author_allows(engine: &Engine) -> Result<()> {
    for runtime in Stock::ALL {
        let stage = Stage::new(engine, "mounted", runtime)?;
        let bundle = stage.plain("one", &["/bin/sh", "-c", SHOW])?;
        bundle.edit(|config| config["root"]["readonly"] = serde_json::json!(false))?;
        let file = crate::stock::policies().join("spec-mounts.policy");
        let edits = ["--approximate", "mounts"];
        let told = bundle.confine_with(&stage.agent.socket(), &edits, &file)?;
        ensure!(
            told.status == 0 && told.stderr.contains("is masked: stricter"),
            "{}",
            told.summary()
        );
        let seen = bundle.run()?;
        ensure_mounts(&seen.stdout).with_context(|| runtime.name())?;
        ensure!(seen.stdout.ends_with("\nx\n"), "{}", seen.summary());
    }
    Ok(())
}
