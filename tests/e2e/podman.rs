//! `systrace-hook`: containers of Podman and stock runc, confined by the hook of the example.

use crate::{Test, tests_of};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tests::command::{finish, limited};
use tests::{Engine, Finished, place, sweep};

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

/// A Podman with storage, state, hooks and a control group of its own.
struct Podman {
    folder: PathBuf,
    /// Where it keeps state: Podman takes 50 letters at most, too few for a folder of the workspace.
    run: PathBuf,
    cgroup: String,
    /// The control group's folders, one for each hierarchy that Podman has used.
    cgroups: Box<dyn Fn() -> Vec<PathBuf>>,
}

impl Podman {
    fn new(engine: &Engine, name: &str) -> Result<Self> {
        let (home, group) = (engine.home().clone(), format!("podman-{name}"));
        let folder = home.run().join(&group);
        let cgroup = format!("{}/{group}", home.cgroup());
        let cgroups =
            move || sweep::cgroups(&home).iter().map(|above| above.join(&group)).collect();
        let run = PathBuf::from(format!("/run/systrace-{name}-{}", std::process::id()));
        let podman = Self { folder, run, cgroup, cgroups: Box::new(cgroups) };
        podman.prepare()?;
        Ok(podman)
    }

    fn prepare(&self) -> Result<()> {
        let (root, hooks) = (self.folder.join("rootfs"), self.folder.join("hooks.d"));
        fs::create_dir_all(&root)?;
        fs::create_dir_all(&hooks)?;
        let archive = place::image("busybox");
        finish(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(&root), b"")?.success()?;
        fs::write(hooks.join("systrace.json"), self.hook()?.to_string())?;
        // No locks in /dev/shm, which all Podmans share; limits that need no privilege to be set.
        let configuration = format!(
            "[containers]\ndefault_ulimits = ['nofile=1024:1024', 'nproc=1024:1024']\n\
             netns = 'none'\n[engine]\ncgroup_manager = 'cgroupfs'\nevents_logger = 'none'\n\
             lock_type = 'file'\nruntime = 'runc'\nhooks_dir = ['{0}/hooks.d']\ntmp_dir = '{0}/tmp'\n",
            self.folder.display()
        );
        Ok(fs::write(self.folder.join("containers.conf"), configuration)?)
    }

    /// The example, with the program and the policies of this workspace.
    fn hook(&self) -> Result<Value> {
        let example = place::workspace().join("examples/podman/hooks.d/systrace.json");
        let mut hook: Value = serde_json::from_str(&fs::read_to_string(example)?)?;
        hook["hook"]["path"] = json!(place::hook());
        hook["hook"]["args"] = json!([
            "systrace-hook",
            "precreate",
            "--standalone",
            format!("--policy-dir={}", place::workspace().join("tests/policies").display()),
            format!("--log={}", self.log().display()),
        ]);
        Ok(hook)
    }

    fn log(&self) -> PathBuf {
        self.folder.join("hook.log")
    }

    fn podman(&self, words: &[&str]) -> Result<Finished> {
        let mut command = limited("podman");
        command.env("CONTAINERS_CONF", self.folder.join("containers.conf"));
        command.arg("--root").arg(self.folder.join("root"));
        command.arg("--runroot").arg(&self.run);
        finish(command.arg("--storage-driver=vfs").args(words), b"")
    }

    /// `podman run` with these options; the command runs in the busybox image.
    fn run(&self, options: &[&str], command: &[&str]) -> Result<Finished> {
        let group = format!("--cgroup-parent={}", self.cgroup);
        let root = self.folder.join("rootfs");
        let root = root.to_str().context("a path in UTF-8")?;
        let always = ["run", "--tmpfs=/tmp", &group];
        self.podman(&[&always, options, &["--rootfs", root], command].concat())
    }

    fn shell(&self, options: &[&str], script: &str) -> Result<Finished> {
        self.run(&[&["--rm"], options].concat(), &["sh", "-c", script])
    }
}

impl Drop for Podman {
    /// Podman leaves the control groups of its monitors behind.
    fn drop(&mut self) {
        drop(self.podman(&["rm", "--all", "--force", "--time=0"]));
        (self.cgroups)().iter().for_each(|folder| sweep::remove_cgroup(folder));
        drop(fs::remove_dir_all(&self.run));
    }
}

fn ensure_denied(seen: &Finished, call: &str, message: &str) -> Result<()> {
    let denied = seen.stderr.lines().any(|line| line.contains(call) && line.contains(message));
    ensure!(denied, "{call}: no {message:?} in {}", seen.summary());
    Ok(())
}

fn the_named_policy_is_enforced(engine: &Engine) -> Result<()> {
    let seen = Podman::new(engine, "named")?.shell(&[ANNOTATION], SCRIPT)?;
    ensure!(seen.stdout == "works\n", "{}", seen.summary());
    ensure_denied(&seen, "mkdir", "Operation not permitted")?;
    ensure_denied(&seen, "chmod", "Permission denied")
}

fn others_are_left_alone(engine: &Engine) -> Result<()> {
    let seen = Podman::new(engine, "others")?.shell(&[], SCRIPT)?;
    ensure!(
        seen == Finished { status: 0, stdout: "works\n".into(), stderr: "".into() },
        "{seen:?}"
    );
    Ok(())
}

/// What the policy permits and the engine's profile refuses is refused, with the profile's error.
fn the_engines_profile_stays(engine: &Engine) -> Result<()> {
    let podman = Podman::new(engine, "stacked")?;
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
    let podman = Podman::new(engine, "exec")?;
    podman.run(&["--detach", "--name=idle", ANNOTATION], &["sleep", "1000"])?.success()?;
    let seen = podman.podman(&["exec", "idle", "sh", "-c", SCRIPT])?;
    ensure!(seen.stdout == "works\n", "{}", seen.summary());
    ensure_denied(&seen, "mkdir", "Operation not permitted")
}

/// Podman shows the hook's exit status, the log says why.
fn refusals_make_no_container(engine: &Engine) -> Result<()> {
    let podman = Podman::new(engine, "refused")?;
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
