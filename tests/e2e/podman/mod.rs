//! Podman: with stock runc and crun, confined by the hooks of the examples, and with our own runtime.

mod agent;
mod runtime;
mod standalone;

use crate::Test;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tests::command::{finish, limited};
use tests::{Engine, Finished, place, sweep};

pub fn tests() -> Vec<Test> {
    [standalone::tests(), agent::tests(), runtime::tests()].into_iter().flatten().collect()
}

/// A Podman with storage, state, hooks and a control group of its own.
struct Podman {
    folder: PathBuf,
    /// Where it keeps state: Podman takes 50 letters at most, too few for a folder of the workspace.
    run: PathBuf,
    cgroup: String,
    /// The control group's folders, one for each hierarchy that Podman has used.
    cgroups: Box<dyn Fn() -> Vec<PathBuf>>,
    /// Where crun is to run: a place without the second hierarchy of control groups, which crun 1.8 refuses.
    place: Option<Place>,
}

/// A process that holds a mount namespace. It ends when its input does.
struct Place {
    process: Child,
    _input: OwnedFd,
}

impl Place {
    fn new() -> Result<Self> {
        const HIDDEN: &str = "umount /sys/fs/cgroup/unified 2>/dev/null; echo; exec cat >/dev/null";
        let mut process = Command::new("unshare")
            .args(["--mount", "sh", "-c", HIDDEN])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take().context("no pipe")?.into();
        // Its first line comes when the namespace is made.
        let mut output = process.stdout.take().context("no pipe")?;
        std::io::Read::read_exact(&mut output, &mut [0])?;
        Ok(Self { process, _input: input })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Podman {
    /// One that uses a runtime; `hooks` are the arguments of `systrace-hook` for each of the examples.
    fn new(engine: &Engine, name: &str, runtime: &str, hooks: &[Hook]) -> Result<Self> {
        let (home, group) = (engine.home().clone(), format!("podman-{name}-{runtime}"));
        let folder = home.run().join(&group);
        let cgroup = format!("{}/{group}", home.cgroup());
        let cgroups =
            move || sweep::cgroups(&home).iter().map(|above| above.join(&group)).collect();
        let run = PathBuf::from(format!("/run/systrace-{name}-{runtime}-{}", std::process::id()));
        let place = (runtime == "crun").then(Place::new).transpose()?;
        let podman = Self { folder, run, cgroup, cgroups: Box::new(cgroups), place };
        podman.prepare(runtime, hooks)?;
        Ok(podman)
    }

    fn prepare(&self, runtime: &str, hooks: &[Hook]) -> Result<()> {
        let (root, folder) = (self.folder.join("rootfs"), self.folder.join("hooks.d"));
        fs::create_dir_all(&root)?;
        fs::create_dir_all(&folder)?;
        let archive = place::image("busybox");
        finish(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(&root), b"")?.success()?;
        fs::write(root.join("etc/shadow"), "root:*:\n")?;
        for hook in hooks {
            let file = format!("systrace-{}.json", hook.name);
            fs::write(folder.join(&file), self.hook(&file, hook)?.to_string())?;
        }
        // No locks in /dev/shm, which all Podmans share; limits that need no privilege to be set.
        let configuration = format!(
            "[containers]\ndefault_ulimits = ['nofile=1024:1024', 'nproc=1024:1024']\n\
             netns = 'none'\n[engine]\ncgroup_manager = 'cgroupfs'\nevents_logger = 'none'\n\
             lock_type = 'file'\nruntime = '{runtime}'\nhooks_dir = ['{0}/hooks.d']\ntmp_dir = '{0}/tmp'\n{1}",
            self.folder.display(),
            drop_in()?,
        );
        Ok(fs::write(self.folder.join("containers.conf"), configuration)?)
    }

    /// The example, with the program and the policies of this workspace.
    fn hook(&self, file: &str, hook: &Hook) -> Result<Value> {
        let example = place::workspace().join("examples/podman/hooks.d").join(file);
        let mut example: Value = serde_json::from_str(&fs::read_to_string(&example)?)?;
        let words = example["hook"]["args"].as_array().context("the example has arguments")?;
        ensure!(words.last() == Some(&json!(hook.name)), "{file} is another hook's");
        let log = format!("--log={}", self.log().display());
        let words = ["systrace-hook".to_owned(), log, hook.name.to_owned()];
        example["hook"]["path"] = json!(place::hook());
        example["hook"]["args"] = words.into_iter().chain(hook.words.clone()).collect();
        Ok(example)
    }

    fn log(&self) -> PathBuf {
        self.folder.join("hook.log")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = match &self.place {
            None => limited("podman"),
            Some(place) => {
                let mut command = limited("nsenter");
                command.arg(format!("--mount=/proc/{}/ns/mnt", place.process.id())).arg("podman");
                command
            }
        };
        command.env("CONTAINERS_CONF", self.folder.join("containers.conf"));
        command.arg("--root").arg(self.folder.join("root"));
        command.arg("--runroot").arg(&self.run);
        command.arg("--storage-driver=vfs").args(words);
        command
    }

    fn podman(&self, words: &[&str]) -> Result<Finished> {
        finish(&mut self.command(words), b"")
    }

    /// The words of `podman run` with these options; the command runs in the busybox image.
    fn words(&self, options: &[&str], command: &[&str]) -> Vec<String> {
        let group = format!("--cgroup-parent={}", self.cgroup);
        let root = self.folder.join("rootfs").display().to_string();
        let always = ["run", "--tmpfs=/tmp", &group];
        let words = [&always, options, &["--rootfs", &root], command].concat();
        words.into_iter().map(str::to_owned).collect()
    }

    fn run(&self, options: &[&str], command: &[&str]) -> Result<Finished> {
        let words = self.words(options, command);
        self.podman(&words.iter().map(String::as_str).collect::<Vec<_>>())
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

/// A hook of the examples, with further arguments.
struct Hook {
    name: &'static str,
    words: Vec<String>,
}

impl Hook {
    fn precreate(how: String) -> Self {
        let policies = place::workspace().join("tests/policies");
        Self { name: "precreate", words: vec![format!("--policy-dir={}", policies.display()), how] }
    }
}

/// The example's drop-in, with the program of this workspace; its first table is the one that is open.
fn drop_in() -> Result<String> {
    let example =
        place::workspace().join("examples/podman/containers.conf.d/50-systrace-shim.conf");
    let text = fs::read_to_string(example)?;
    let (_, engine) = text.split_once("[engine]\n").context("the drop-in is about the engine")?;
    Ok(engine.replace("/usr/local/bin/systrace-shim", &place::shim().display().to_string()))
}

fn ensure_denied(seen: &Finished, call: &str, message: &str) -> Result<()> {
    let denied = seen.stderr.lines().any(|line| line.contains(call) && line.contains(message));
    ensure!(denied, "{call}: no {message:?} in {}", seen.summary());
    Ok(())
}
