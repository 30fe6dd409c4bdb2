//! `systrace-convert`: what it writes, the kernel enforces through stock runtimes.

use crate::{Test, tests_of};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tests::bundle::Bundle;
use tests::command::finish;
use tests::{Engine, place};

pub fn tests() -> Vec<Test> {
    tests_of![
        every_example_is_right,
        docker_accepts_and_enforces,
        runc_accepts_and_enforces,
        crun_accepts_and_enforces,
        refuses_what_json_cannot_say,
        tells_what_is_wrong,
    ]
}

/// Whole calls and plain numbers only: what the profile format can say.
const POLICY: &str = "tests/policies/numbers.policy";

fn convert(words: &[&str]) -> Result<tests::Finished> {
    finish(Command::new(place::convert()).args(words).current_dir(place::workspace()), b"")
}

fn every_example_is_right(_: &Engine) -> Result<()> {
    for file in tests::runtime::policies()?
        .iter()
        .filter(|file| !file.parent().is_some_and(|folder| folder.ends_with("bad")))
    {
        let name = file.to_string_lossy();
        let checked = convert(&["check", &name])?;
        ensure!(checked.status == 0, "{name}: {}", checked.summary());
        // Debian 12's kernel enforces the examples; some of the tests' own policies need a newer one.
        let host = if name.contains("/examples/") { "linux=6.1" } else { "linux=6.18" };
        let planned = convert(&["plan", "--for", host, &name])?;
        ensure!(planned.status == 0, "{name}: {}", planned.summary());
    }
    Ok(())
}

/// The script works up to the call that the policy denies.
const SCRIPT: &str = "echo works; mkdir /tmp/new; chmod 777 /tmp";

fn judge(seen: &tests::Finished) -> Result<()> {
    ensure!(seen.stdout.starts_with("works\n"), "{}", seen.summary());
    ensure!(
        seen.stderr.contains("mkdir") && seen.stderr.contains("Operation not permitted"),
        "{}",
        seen.summary()
    );
    ensure!(
        seen.stderr.contains("chmod") && seen.stderr.contains("Permission denied"),
        "{}",
        seen.summary()
    );
    Ok(())
}

fn profile(engine: &Engine, name: &str) -> Result<PathBuf> {
    let text = convert(&["seccomp", POLICY])?.success()?;
    let file = engine.home().run().join(format!("{name}.json"));
    fs::write(&file, text)?;
    Ok(file)
}

fn docker_accepts_and_enforces(engine: &Engine) -> Result<()> {
    let option = format!("--security-opt=seccomp={}", profile(engine, "converted")?.display());
    judge(&engine.container("busybox").options([option.as_str()]).shell(SCRIPT).run()?.finished)
}

fn runc_accepts_and_enforces(engine: &Engine) -> Result<()> {
    judge(&run_bundle(engine, "runc")?)
}

fn crun_accepts_and_enforces(engine: &Engine) -> Result<()> {
    judge(&run_bundle(engine, "crun")?)
}

/// Runs the script in a bundle with the converted profile. crun 1.8 refuses hybrid control groups, so the runtime does
/// not see the folder of the second version.
fn run_bundle(engine: &Engine, runtime: &str) -> Result<tests::Finished> {
    let folder = engine.home().run().join(format!("bundle-{runtime}"));
    let mut bundle = Bundle::new(&folder, &format!("{}/bundle-{runtime}", engine.home().cgroup()))?;
    bundle.command(&["sh", "-c", SCRIPT])?;
    bundle.seccomp(serde_json::from_str(&fs::read_to_string(profile(engine, runtime)?)?)?)?;
    let script = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$0\" \"$@\"";
    let words = ["unshare", "--mount", "sh", "-c", script, runtime].map(str::to_owned);
    bundle.finish(&words, &format!("{runtime}-box")).context("cannot run the bundle")
}

fn refuses_what_json_cannot_say(_: &Engine) -> Result<()> {
    let refused = convert(&["seccomp", "examples/talk/web-server.policy"])?;
    ensure!(refused.status == 1 && refused.stdout.is_empty(), "{}", refused.summary());
    ensure!(refused.stderr.contains("web-server.policy:"), "{}", refused.stderr);
    Ok(())
}

fn tells_what_is_wrong(_: &Engine) -> Result<()> {
    let checked = convert(&["check", "tests/policies/bad/broken.policy"])?;
    let text = checked.summary();
    ensure!(checked.status == 1, "{text}");
    for phrase in ["broken.policy:2:", "broken.policy:3:", "^"] {
        ensure!(text.contains(phrase), "{phrase:?} is not in {text}");
    }
    Ok(())
}
