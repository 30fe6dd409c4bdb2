//! What is wrong is refused: one clear line through the engine, exit code 125, no container, no supervisor, no state.

use crate::{Test, tests_of};
use anyhow::{Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::command::finish;
use tests::{Container, Engine, Finished, place};

pub fn tests() -> Vec<Test> {
    tests_of![
        unknown_policy,
        unreadable_policy,
        broken_policy,
        unknown_call,
        no_policy_for_the_entry_program,
        misspelt_configuration,
        profile_with_a_listener,
        profile_without_execve,
        missing_bundle,
        broken_config_json,
        empty_config_json,
        null_config_json,
        unknown_specification,
        unknown_container,
        unknown_option,
    ]
}

/// Runs a container that must be refused. What it must not leave, the leak tests look for.
fn refused(container: Container<'_>, phrases: &[&str]) -> Result<()> {
    let finished = container.command(["true"]).run()?.finished;
    ensure!(finished.status == 125, "{}", finished.summary());
    let lines: Vec<_> =
        finished.stderr.lines().filter(|line| line.starts_with("docker:")).collect();
    ensure!(lines.len() == 1, "one line, not {}", finished.stderr);
    for phrase in phrases {
        ensure!(lines[0].contains(phrase), "{phrase:?} is not in {:?}", lines[0]);
    }
    Ok(())
}

fn with_policy<'e>(engine: &'e Engine, policy: &str) -> Container<'e> {
    engine.container("debian").policy(policy)
}

fn unknown_policy(engine: &Engine) -> Result<()> {
    refused(
        with_policy(engine, "missing"),
        &["no-such-policy", "/etc/systrace/no-such-policy.policy"],
    )
}

fn unreadable_policy(engine: &Engine) -> Result<()> {
    refused(with_policy(engine, "unreadable"), &["cannot read policy", "tests/policies"])
}

/// Docker shows one line: the first error in full, with its place.
fn broken_policy(engine: &Engine) -> Result<()> {
    refused(with_policy(engine, "broken"), &["broken.policy:2:"])
}

fn unknown_call(engine: &Engine) -> Result<()> {
    refused(with_policy(engine, "unknown-call"), &["unknown-call.policy:3:", "opne"])
}

fn no_policy_for_the_entry_program(engine: &Engine) -> Result<()> {
    refused(with_policy(engine, "by-program"), &["no policy", "true", "usr_bin_true"])
}

fn misspelt_configuration(engine: &Engine) -> Result<()> {
    refused(with_policy(engine, "misconfigured"), &["shim.toml", "colour"])
}

/// The kernel knows one listener for a chain of filters, and that is ours.
fn profile_with_a_listener(engine: &Engine) -> Result<()> {
    let profile = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]}"#;
    refused(with_profile(engine, "listener", profile)?, &["SCMP_ACT_NOTIFY"])
}

fn profile_without_execve(engine: &Engine) -> Result<()> {
    let profile = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["execve","execveat"],"action":"SCMP_ACT_ERRNO"}]}"#;
    let finished = with_profile(engine, "execve", profile)?.command(["true"]).run()?.finished;
    // runc ends with 126 here, for the reason is a missing permission.
    ensure!([125, 126].contains(&finished.status), "{}", finished.summary());
    ensure!(
        finished.stderr.to_lowercase().contains("operation not permitted"),
        "{}",
        finished.summary()
    );
    Ok(())
}

fn with_profile<'e>(engine: &'e Engine, name: &str, profile: &str) -> Result<Container<'e>> {
    let file = engine.home().run().join(format!("{name}.json"));
    fs::write(&file, profile)?;
    let option = format!("--security-opt=seccomp={}", file.display());
    Ok(with_policy(engine, "supervised").options([option.as_str()]))
}

/// A runtime called as an engine calls it, with its own state folder.
struct Direct {
    folder: PathBuf,
}

impl Direct {
    fn new(engine: &Engine, name: &str) -> Result<Self> {
        let folder = engine.home().run().join("direct").join(name);
        fs::create_dir_all(folder.join("bundle"))?;
        Ok(Self { folder })
    }

    fn bundle(&self) -> PathBuf {
        self.folder.join("bundle")
    }

    fn call(&self, words: &[&str]) -> Result<Finished> {
        let policy =
            format!("--policy={}/tests/policies/kernel.policy", place::workspace().display());
        let mut command = Command::new(place::shim());
        command
            .arg("--root")
            .arg(self.folder.join("state"))
            .arg("--log")
            .arg(self.folder.join("log"));
        finish(command.args(["--log-format=json", &policy]).args(words), b"")
    }

    /// `create` must fail with status 1, one JSON line in the log, and nothing left.
    fn create_fails(&self, bundle: &Path, phrases: &[&str]) -> Result<()> {
        let finished = self.call(&["create", "--bundle", &bundle.to_string_lossy(), "box"])?;
        self.one_error(&finished, phrases)?;
        let left: Vec<_> =
            fs::read_dir(self.folder.join("state")).into_iter().flatten().flatten().collect();
        ensure!(left.is_empty(), "state is left: {left:?}");
        Ok(())
    }

    fn one_error(&self, finished: &Finished, phrases: &[&str]) -> Result<()> {
        ensure!(finished.status == 1, "{}", finished.summary());
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<serde_json::Value> =
            log.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let errors: Vec<_> = lines.iter().filter(|line| line["level"] == "error").collect();
        ensure!(errors.len() == 1, "one error, not {log}");
        let message = errors[0]["msg"].as_str().unwrap_or_default();
        ensure!(!message.contains('\n') && errors[0]["time"].is_string(), "{log}");
        for phrase in phrases {
            ensure!(message.contains(phrase), "{phrase:?} is not in {message:?}");
        }
        Ok(())
    }
}

fn missing_bundle(engine: &Engine) -> Result<()> {
    let direct = Direct::new(engine, "missing_bundle")?;
    direct.create_fails(Path::new("/no/such/bundle"), &["/no/such/bundle"])
}

fn broken_config_json(engine: &Engine) -> Result<()> {
    let direct = Direct::new(engine, "broken_config_json")?;
    fs::write(direct.bundle().join("config.json"), r#"{"ociVersion": "1.0.2", "process": "#)?;
    direct.create_fails(&direct.bundle(), &["config.json"])
}

fn empty_config_json(engine: &Engine) -> Result<()> {
    let direct = Direct::new(engine, "empty_config_json")?;
    fs::write(direct.bundle().join("config.json"), r#"{"ociVersion": "1.0.2"}"#)?;
    direct.create_fails(&direct.bundle(), &["config.json"])
}

fn null_config_json(engine: &Engine) -> Result<()> {
    let direct = Direct::new(engine, "null_config_json")?;
    fs::write(direct.bundle().join("config.json"), "null")?;
    direct.create_fails(&direct.bundle(), &["config.json"])
}

/// runc takes a version that it cannot know, and hopes.
fn unknown_specification(engine: &Engine) -> Result<()> {
    let direct = Direct::new(engine, "unknown_specification")?;
    let text = r#"{"ociVersion":"7.0.0","root":{"path":"rootfs"},"linux":{},"process":{"cwd":"/","args":["true"],"user":{"uid":0,"gid":0}}}"#;
    fs::write(direct.bundle().join("config.json"), text)?;
    fs::create_dir(direct.bundle().join("rootfs"))?;
    direct.create_fails(&direct.bundle(), &["version"])
}

fn unknown_container(engine: &Engine) -> Result<()> {
    let direct = Direct::new(engine, "unknown_container")?;
    // Engines look for these words.
    direct.one_error(&direct.call(&["state", "nobody"])?, &["does not exist"])?;
    let forced = direct.call(&["delete", "--force", "nobody"])?;
    ensure!(forced.status == 0, "{}", forced.summary());
    Ok(())
}

fn unknown_option(engine: &Engine) -> Result<()> {
    let finished = Direct::new(engine, "unknown_option")?.call(&["--colour", "list"])?;
    ensure!(finished.status == 1 && finished.stderr.contains("--colour"), "{}", finished.summary());
    Ok(())
}
