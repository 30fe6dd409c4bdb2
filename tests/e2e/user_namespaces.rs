//! Containers with users of their own: what they see and may do is what runc gives them, but for what the policy denies.

use crate::{Test, tests_of};
use anyhow::{Context, Result, ensure};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tests::bundle::Bundle;
use tests::command::{finish, limited};
use tests::{Engine, Finished, place};

pub fn tests() -> Vec<Test> {
    tests_of![as_under_runc, denied_by_the_policy, joined_by_exec]
}

/// The host's number of the containers' root.
const FIRST: u32 = 200_000;

const SCRIPT: &str = "id -u; cat /proc/self/uid_map; touch /tmp/made; stat -c '%u %g %a' /tmp/made /etc/passwd /proc; \
    chown 1000:50 /tmp/made; stat -c '%u %g' /tmp/made; chown 70000 /tmp/made || echo unmapped; \
    mknod /tmp/disk b 8 0 || echo 'no node'; echo x > /dev/null && echo null; cat /proc/sys/kernel/hostname; \
    grep -E '^(Uid|Gid|Cap)' /proc/self/status; ln -s /etc/passwd /tmp/link; cat /tmp/link; rm /tmp/made /tmp/link";

fn bundle(engine: &Engine, name: &str) -> Result<Bundle> {
    let folder = engine.home().run().join(format!("users-{name}"));
    let mut bundle = Bundle::new(&folder, &format!("{}/users-{name}", engine.home().cgroup()))?;
    bundle.users(FIRST)?;
    Ok(bundle)
}

fn shim(bundle: &Bundle) -> Result<Vec<String>> {
    let config = bundle.folder().join("shim.toml");
    std::fs::write(&config, format!("audit = '{}/<id>.jsonl'\n", bundle.folder().display()))?;
    let policy = place::workspace().join("tests/policies/users.policy");
    Ok(vec![
        place::shim().display().to_string(),
        format!("--config={}", config.display()),
        format!("--policy={}", policy.display()),
    ])
}

fn as_under_runc(engine: &Engine) -> Result<()> {
    let mut bundle = bundle(engine, "compared")?;
    bundle.command(&["sh", "-c", SCRIPT])?;
    let expected = bundle.finish(&["runc".to_owned()], "users-runc")?;
    let seen = bundle.finish(&shim(&bundle)?, "users-shim")?;
    ensure!(expected.stdout.contains("unmapped\n"), "{}", expected.summary());
    ensure!(
        (&seen.stdout, &seen.stderr, seen.status)
            == (&expected.stdout, &expected.stderr, expected.status),
        "runc: {}\nsystrace-shim: {}",
        expected.summary(),
        seen.summary()
    );
    Ok(())
}

fn denied_by_the_policy(engine: &Engine) -> Result<()> {
    let mut bundle = bundle(engine, "denied")?;
    let script = "cat /etc/shadow; touch /etc/new; cat /tmp/../etc/shadow; cat /etc/passwd";
    bundle.command(&["sh", "-c", script])?;
    let seen = bundle.finish(&shim(&bundle)?, "users-denied")?;
    ensure!(seen.status == 0 && seen.stdout.contains("root:"), "{}", seen.summary());
    ensure!(seen.stderr.matches("Operation not permitted").count() == 3, "{}", seen.summary());
    Ok(())
}

/// libcontainer does not bring it into the user namespace; we must.
fn joined_by_exec(engine: &Engine) -> Result<()> {
    let mut bundle = bundle(engine, "joined")?;
    bundle.command(&["sleep", "1000"])?;
    let words = shim(&bundle)?;
    let mut first = bundle.run(&words, "users-joined").stdin(Stdio::null()).spawn()?;
    let joined = when_it_runs(&bundle, &words);
    control(&bundle, &words, &["kill", "users-joined", "KILL"])?;
    first.wait()?;
    let joined = joined?;
    ensure!(
        joined.stdout == format!("1000 0 {FIRST} 65536\n1000 1000\n")
            && joined.stderr.matches("Operation not permitted").count() == 1,
        "{}",
        joined.summary()
    );
    Ok(())
}

fn when_it_runs(bundle: &Bundle, words: &[String]) -> Result<Finished> {
    let script = "echo $(id -u) $(cat /proc/self/uid_map); touch /tmp/own; stat -c '%u %g' /tmp/own; cat /etc/shadow";
    let exec = ["exec", "--user=1000:1000", "users-joined", "sh", "-c", script];
    let started = Instant::now();
    loop {
        let state = control(bundle, words, &["state", "users-joined"])?;
        if state.stdout.contains("running") {
            return control(bundle, words, &exec);
        }
        let patience = started.elapsed() < Duration::from_secs(10);
        ensure!(patience, "it does not run: {}", state.summary());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn control(bundle: &Bundle, words: &[String], arguments: &[&str]) -> Result<Finished> {
    let mut command: Command = limited(&words[0]);
    command.args(&words[1..]).arg("--root").arg(bundle.folder().join("state")).args(arguments);
    finish(&mut command, b"").context("cannot start the runtime")
}
