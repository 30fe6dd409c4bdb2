//! What is wrong is refused, and the node is unharmed.

use super::{Stage, exists, on_both};
use crate::{Test, tests_of};
use anyhow::{Result, ensure};
use serde_json::json;
use std::fs;
use tests::{Engine, StockContainer};

pub fn tests() -> Vec<Test> {
    tests_of![
        forged_metadata,
        another_policy_under_the_name,
        no_agent,
        rubbish_on_the_socket,
        an_engines_own_listener,
        a_profile_that_forbids_filters,
        a_container_of_the_same_name,
        a_second_agent,
    ]
}

fn ensure_refused(stage: &Stage, container: &StockContainer, reason: &str) -> Result<()> {
    let seen = container.run()?;
    ensure!(seen.status != 0 && seen.stdout.is_empty(), "{}", seen.summary());
    let log = stage.agent.log();
    ensure!(log.lines().last().is_some_and(|line| line.contains(reason)), "{reason:?}: {log}");
    ensure!(stage.agent.containers()?.is_empty());
    Ok(())
}

fn forged_metadata(engine: &Engine) -> Result<()> {
    on_both(engine, "forged", |stage| {
        let digest = "0".repeat(64);
        for (name, metadata, reason) in [
            ("rubbish", "{}".to_owned(), "is not what systrace-convert writes"),
            (
                "newer",
                format!(r#"{{"gate":99,"policy":"attacked","sha256":"{digest}"}}"#),
                "gate 99",
            ),
            (
                "outside",
                format!(r#"{{"gate":1,"policy":"../x","sha256":"{digest}"}}"#),
                "no policy name",
            ),
            (
                "unknown",
                format!(r#"{{"gate":1,"policy":"nowhere","sha256":"{digest}"}}"#),
                "nowhere.policy",
            ),
            (
                "digest",
                format!(r#"{{"gate":1,"policy":"attacked","sha256":"{digest}"}}"#),
                "is not the one",
            ),
        ] {
            let container = stage.container(name, "attacked", &["echo", "runs"])?;
            container
                .edit(|config| config["linux"]["seccomp"]["listenerMetadata"] = json!(metadata))?;
            ensure_refused(stage, &container, reason)?;
        }
        Ok(())
    })
}

/// The policy was changed after it was put into the configuration.
fn another_policy_under_the_name(engine: &Engine) -> Result<()> {
    on_both(engine, "changed", |stage| {
        let container = stage.plain("one", &["echo", "runs"])?;
        let file = stage.folder.join("attacked.policy");
        fs::write(
            &file,
            "Policy: /bin/sh, Emulation: native\n\tInclude: docker-default\n\tnative-fsread: true then permit\n",
        )?;
        container.confine(&stage.agent.socket(), &file)?.success()?;
        ensure_refused(stage, &container, "is not the one that the container was configured with")
    })
}

fn no_agent(engine: &Engine) -> Result<()> {
    on_both(engine, "absent", |stage| {
        let container = stage.plain("one", &["echo", "runs"])?;
        let socket = stage.folder.join("nobody.sock");
        let policy = super::policies().join("attacked.policy");
        container.confine(&socket, &policy)?.success()?;
        let seen = container.run()?;
        ensure!(seen.status != 0 && seen.stdout.is_empty(), "{}", seen.summary());
        ensure!(seen.stderr.contains("nobody.sock"), "{}", seen.summary());
        Ok(())
    })
}

fn rubbish_on_the_socket(engine: &Engine) -> Result<()> {
    on_both(engine, "rubbish", |stage| {
        use std::io::Write as _;
        for rubbish in [&b"\0\xff"[..], b"{\"fds\":[", b"[1,2]", b"{\"fds\":[\"seccompFd\"],\"state\":{\"id\":\"x\",\"status\":\"creating\",\"bundle\":\"/\"}}"] {
            let mut stream = std::os::unix::net::UnixStream::connect(stage.agent.socket())?;
            stream.write_all(rubbish)?;
        }
        let seen = stage.container("one", "attacked", &["echo", "runs"])?.run()?;
        ensure!(seen.stdout == "runs\n", "{}", seen.summary());
        ensure!(stage.agent.log().contains("brings no seccomp listener"), "{}", stage.agent.log());
        Ok(())
    })
}

/// The converter refuses, and leaves the configuration as it was.
fn ensure_not_edited(
    engine: &Engine,
    name: &str,
    profile: serde_json::Value,
    reason: &str,
) -> Result<()> {
    on_both(engine, name, |stage| {
        let container = stage.plain("one", &["echo", "runs"])?;
        container.edit(|config| config["linux"]["seccomp"] = profile.clone())?;
        let before = fs::read(container.config())?;
        let policy = super::policies().join("attacked.policy");
        let seen = container.confine(&stage.agent.socket(), &policy)?;
        ensure!(seen.status == 1 && seen.stderr.contains(reason), "{}", seen.summary());
        ensure!(fs::read(container.config())? == before);
        Ok(())
    })
}

/// A chain of filters has one listener.
fn an_engines_own_listener(engine: &Engine) -> Result<()> {
    let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/other.sock",
        "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]});
    ensure_not_edited(engine, "listener", profile, "listenerPath /run/other.sock")
}

fn a_profile_that_forbids_filters(engine: &Engine) -> Result<()> {
    let profile = json!({"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["seccomp"], "action": "SCMP_ACT_ERRNO"}]});
    ensure_not_edited(engine, "forbids", profile, "denies seccomp")
}

/// Another runtime's container has the name: it is left alone.
fn a_container_of_the_same_name(engine: &Engine) -> Result<()> {
    on_both(engine, "twice", |stage| {
        let container = stage.container("one", "attacked", &["sleep", "100"])?;
        container.start()?;
        let again = format!("again/{}", container.id());
        let bundle = stage.folder.join(again);
        let other = StockContainer::new(stage.runtime, &bundle, &stage.root, &["echo", "runs"])?;
        other
            .confine(&stage.agent.socket(), &super::policies().join("attacked.policy"))?
            .success()?;
        let seen = other.run()?;
        ensure!(seen.status != 0 && seen.stdout.is_empty(), "{}", seen.summary());
        ensure!(
            stage.agent.log().contains("a container of this name is running"),
            "{}",
            stage.agent.log()
        );
        let seen = container.exec(&[], &["cat", "/etc/shadow"])?;
        super::ensure_denied(&seen, "Permission denied")
    })
}

fn a_second_agent(engine: &Engine) -> Result<()> {
    let stage = Stage::new(engine, "second", tests::Stock::Runc)?;
    let mut command = tests::command::limited(&tests::place::shim().to_string_lossy());
    command.arg("--config").arg(stage.folder.join("shim.toml"));
    command.args(["supervise", "--listen"]).arg(stage.agent.socket());
    let seen = tests::command::finish(&mut command, b"")?;
    ensure!(seen.status == 1 && seen.stderr.contains("an agent listens on"), "{}", seen.summary());
    ensure!(exists(&stage.agent.socket()));
    let seen = stage.container("one", "attacked", &["echo", "runs"])?.run()?;
    ensure!(seen.stdout == "runs\n", "{}", seen.summary());
    Ok(())
}
