//! The hooks of the examples with the agent: the whole language, under stock runc and crun.

use super::{Hook, Podman, ensure_denied};
use crate::{Test, tests_of};
use anyhow::{Context, Result, ensure};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use tests::{Agent, Engine, Finished, place};

pub fn tests() -> Vec<Test> {
    tests_of![
        policies_are_enforced,
        exec_and_the_end,
        users_see_why_a_container_is_refused,
        a_socket_of_another_user_is_not_trusted,
    ]
}

const ANNOTATION: &str = "--annotation=systrace-shim.io/policy=attacked";
const SCRIPT: &str = "cat /etc/hosts >/dev/null && echo works; cat /etc/shadow";

struct Stage {
    podman: Podman,
    agent: Agent,
}

impl Stage {
    fn new(engine: &Engine, name: &str, runtime: &str) -> Result<Self> {
        let folder = engine.home().run().join(format!("agent-{name}-{runtime}"));
        let agent = Agent::start(&folder, &place::workspace().join("tests/policies"))?;
        let podman = Podman::new(engine, name, runtime, &hooks(&agent.socket()))?;
        Ok(Self { podman, agent })
    }
}

fn hooks(socket: &Path) -> [Hook; 3] {
    [
        Hook::precreate(format!("--agent={}", socket.display())),
        Hook { name: "create-runtime", words: vec![] },
        Hook { name: "poststop", words: vec![] },
    ]
}

fn on_both(engine: &Engine, name: &str, test: impl Fn(&Stage) -> Result<()>) -> Result<()> {
    for runtime in ["runc", "crun"] {
        let stage = Stage::new(engine, name, runtime)?;
        test(&stage).with_context(|| {
            let log = fs::read_to_string(stage.podman.log()).unwrap_or_default();
            format!("{runtime}; the agent says: {}; the hooks: {log}", stage.agent.log())
        })?;
    }
    Ok(())
}

fn ensure_confined(seen: &Finished) -> Result<()> {
    ensure!(seen.stdout.starts_with("works\n"), "{}", seen.summary());
    ensure_denied(seen, "/etc/shadow", "Permission denied")
}

fn policies_are_enforced(engine: &Engine) -> Result<()> {
    on_both(engine, "agent", |stage| {
        ensure_confined(&stage.podman.shell(&[ANNOTATION], SCRIPT)?)?;
        // Without Podman's own profile, and as another user.
        let options = [ANNOTATION, "--security-opt=seccomp=unconfined", "--user=1000:1000"];
        let seen =
            stage.podman.shell(&options, "cat /etc/shadow; cat /etc/hosts >/dev/null && id -u")?;
        ensure!(seen.stdout == "1000\n", "{}", seen.summary());
        ensure_denied(&seen, "/etc/shadow", "Permission denied")?;
        // With numbers of its own for users, which a supervised stat tells as the container has them.
        let map = ["--uidmap=0:100000:65536", "--gidmap=0:100000:65536"];
        let script = format!("{SCRIPT}; mkdir /tmp/a && stat -c %u /tmp/a");
        let seen = stage.podman.shell(&[&map[..], &[ANNOTATION]].concat(), &script)?;
        ensure_confined(&seen)?;
        ensure!(seen.stdout.ends_with("\n0\n"), "{}", seen.summary());
        // A container without the annotation is Podman's alone.
        let seen = stage.podman.shell(&[], SCRIPT)?;
        ensure!(seen.stderr.is_empty() && seen.status == 0, "{}", seen.summary());
        ensure!(stage.agent.containers()?.is_empty());
        Ok(())
    })
}

fn exec_and_the_end(engine: &Engine) -> Result<()> {
    on_both(engine, "aexec", |stage| {
        let idle = ["--detach", "--name=idle", ANNOTATION];
        let id = stage.podman.run(&idle, &["sleep", "1000"])?.success()?;
        ensure_confined(&stage.podman.podman(&["exec", "idle", "sh", "-c", SCRIPT])?)?;
        let user = ["exec", "--user=1000", "idle", "sh", "-c", SCRIPT];
        ensure_confined(&stage.podman.podman(&user)?)?;
        stage.podman.podman(&["restart", "--time=0", "idle"])?.success()?;
        ensure_confined(&stage.podman.podman(&["exec", "idle", "sh", "-c", SCRIPT])?)?;
        stage.podman.podman(&["stop", "--time=0", "idle"])?.success()?;
        stage.podman.podman(&["rm", "idle"])?.success()?;
        let audit = stage.agent.audit(&id);
        ensure!(
            audit.contains("\"summary\"") && audit.matches("/etc/shadow").count() >= 2,
            "{audit}"
        );
        ensure!(stage.agent.containers()?.is_empty());
        Ok(())
    })
}

/// The runtime's own words would be "function not implemented".
fn users_see_why_a_container_is_refused(engine: &Engine) -> Result<()> {
    for runtime in ["runc", "crun"] {
        let mut stage = Stage::new(engine, "why", runtime)?;
        let refused = |stage: &Stage, reason: &str| -> Result<()> {
            let seen = stage.podman.shell(&[ANNOTATION], "echo runs")?;
            ensure!(seen.status != 0 && seen.stdout.is_empty(), "{}", seen.summary());
            // crun connects before the hook runs, and says itself what is missing.
            let crun = seen.stderr.contains("open seccomp receiver");
            let log = fs::read_to_string(stage.podman.log()).unwrap_or_default();
            let logged = log.lines().last().is_some_and(|line| line.contains(reason));
            ensure!(logged || crun, "{}; the log: {log}", seen.summary());
            ensure!(runtime == "crun" || seen.stderr.contains(reason), "{}", seen.summary());
            Ok(())
        };
        stage.agent.kill()?;
        refused(&stage, "no agent answers on")?;
        fs::remove_file(stage.agent.socket())?;
        refused(&stage, "cannot be found; is `systrace-shim supervise` running?")?;
        // An agent that knows another policy under the name.
        let folder = stage.podman.folder.join("other");
        fs::create_dir_all(&folder)?;
        fs::write(
            folder.join("attacked.policy"),
            "Policy: /bin/sh, Emulation: native\n\tnative-read: permit\n",
        )?;
        let home = stage.agent.socket().parent().context("a folder")?.to_owned();
        stage.agent = Agent::start(&home, &folder)?;
        refused(&stage, "is not the one that the container was configured with")?;
        let log = fs::read_to_string(stage.podman.log())?;
        ensure!(log.contains("is not the one that the container was configured with"), "{log}");
    }
    Ok(())
}

fn a_socket_of_another_user_is_not_trusted(engine: &Engine) -> Result<()> {
    on_both(engine, "trust", |stage| {
        let socket = stage.agent.socket();
        let refused = |reason: &str| -> Result<()> {
            let seen = stage.podman.shell(&[ANNOTATION], "echo runs")?;
            ensure!(seen.status != 0 && seen.stdout.is_empty(), "{}", seen.summary());
            let log = fs::read_to_string(stage.podman.log())?;
            ensure!(log.lines().last().is_some_and(|line| line.contains(reason)), "{log}");
            Ok(())
        };
        chown(&socket, Some(1000), None)?;
        refused("belongs to user 1000")?;
        chown(&socket, Some(0), None)?;
        fs::set_permissions(&socket, Permissions::from_mode(0o666))?;
        refused("can be changed by others (mode 666)")?;
        fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
        ensure_confined(&stage.podman.shell(&[ANNOTATION], SCRIPT)?)
    })
}
