//! The seccomp agent, and containers that runc and crun make under it without an engine.

use crate::command::{Finished, finish, limited};
use crate::{place, sweep};
use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the agent may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running agent with a folder of its own. Dropped, it ends.
#[derive(Debug)]
pub struct Agent {
    folder: PathBuf,
    process: Child,
}

impl Agent {
    /// Starts one that knows the policies of a folder.
    ///
    /// # Errors
    /// It does not listen.
    pub fn start(folder: &Path, policies: &Path) -> Result<Self> {
        let config = format!(
            "policy-dir = '{}'\naudit = '{1}/audit/<id>.jsonl'\nroot = '{1}/state'\n",
            policies.display(),
            folder.display()
        );
        fs::create_dir_all(folder)?;
        fs::write(folder.join("shim.toml"), config)?;
        Self::again(folder)
    }

    /// Starts one where another has ended.
    ///
    /// # Errors
    /// It does not listen.
    pub fn again(folder: &Path) -> Result<Self> {
        let log = fs::File::options().create(true).append(true).open(folder.join("agent.log"))?;
        let process = Command::new(place::shim())
            .arg("--config")
            .arg(folder.join("shim.toml"))
            .args(["supervise", "--listen"])
            .arg(socket(folder))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let agent = Self { folder: folder.to_owned(), process };
        let started = Instant::now();
        while std::os::unix::net::UnixStream::connect(agent.socket()).is_err() {
            ensure!(started.elapsed() < PATIENCE, "the agent does not listen: {}", agent.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(agent)
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket(&self.folder)
    }

    /// What it has said.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default()
    }

    /// Kills it, as the kernel does when memory is short.
    ///
    /// # Errors
    /// It is gone already.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// The containers that it keeps a folder for.
    ///
    /// # Errors
    /// The state folder cannot be read.
    pub fn containers(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.folder.join("state/agent"))?;
        let paths = entries.map(|entry| Ok(entry?.path()));
        let paths: Result<Vec<_>> = paths.collect();
        Ok(paths?.into_iter().filter(|path| path.is_dir()).collect())
    }

    /// The records of a container, as text.
    #[must_use]
    pub fn audit(&self, id: &str) -> String {
        fs::read_to_string(self.folder.join(format!("audit/{id}.jsonl"))).unwrap_or_default()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            let _ = kill(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGTERM);
            let _ = self.process.wait();
        }
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("agent.sock")
}

/// A runtime that we did not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stock {
    /// Debian's.
    Runc,
    /// Debian's.
    Crun,
}

impl Stock {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Runc, Self::Crun];

    /// The program.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Runc => "runc",
            Self::Crun => "crun",
        }
    }

    /// The runtime with a state folder. crun 1.8 refuses hybrid control groups, so it does not see the second hierarchy.
    #[must_use]
    pub fn command(self, state: &Path) -> Command {
        const HIDDEN: &str = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$@\"";
        let mut command = match self {
            Self::Runc => limited("runc"),
            Self::Crun => {
                let mut command = limited("unshare");
                command.args(["--mount", "sh", "-c", HIDDEN, "sh", "crun"]);
                command
            }
        };
        command.arg("--root").arg(state);
        command
    }
}

/// A container of a stock runtime: its bundle, and what can be done with it. Dropped, it is deleted.
#[derive(Debug)]
pub struct StockContainer {
    runtime: Stock,
    id: String,
    bundle: PathBuf,
    /// Its name below the control group of the tests.
    cgroup: String,
}

impl StockContainer {
    /// Writes a bundle for a root file system, with what runc suggests and no policy yet.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn new(runtime: Stock, bundle: &Path, root: &Path, words: &[&str]) -> Result<Self> {
        fs::create_dir_all(bundle)?;
        let name = |path: Option<&Path>| {
            let name = path.and_then(Path::file_name).map(|name| name.to_string_lossy());
            name.map(|name| name.into_owned()).context("a bundle lies in a folder")
        };
        let id = name(Some(bundle))?;
        // Two containers of one name are two control groups.
        let cgroup = format!("{}-{id}", name(bundle.parent())?);
        let container = Self { runtime, id, bundle: bundle.to_owned(), cgroup };
        finish(Command::new("runc").arg("spec").current_dir(bundle), b"")?.success()?;
        container.edit(|config| {
            let process = &mut config["process"];
            process["terminal"] = false.into();
            process["args"] = words.into();
            // Raising a limit needs a privilege that the tests do without; so is no_new_privs the exception.
            process["rlimits"] = Value::Array(vec![]);
            process["noNewPrivileges"] = false.into();
            config["root"] = serde_json::json!({ "path": root, "readonly": true });
            let above = place::Home::of_workspace().cgroup();
            config["linux"]["cgroupsPath"] = format!("{above}/{}", container.cgroup).into();
        })?;
        Ok(container)
    }

    /// Changes its configuration.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn edit(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let file = self.config();
        let mut config = serde_json::from_str(&fs::read_to_string(&file)?)?;
        change(&mut config);
        Ok(fs::write(file, config.to_string())?)
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.bundle.join("config.json")
    }

    /// Shows it a folder of the host, read-only.
    ///
    /// # Errors
    /// The configuration cannot be changed.
    pub fn sees(&self, host: &Path, inside: &str) -> Result<()> {
        self.mount(serde_json::json!({
            "destination": inside, "source": host, "type": "bind", "options": ["bind", "ro"]
        }))
    }

    /// Adds a mount.
    ///
    /// # Errors
    /// The configuration cannot be changed.
    pub fn mount(&self, mount: Value) -> Result<()> {
        self.edit(|config| {
            if let Some(mounts) = config["mounts"].as_array_mut() {
                mounts.push(mount);
            }
        })
    }

    /// Puts it under a policy with `systrace-convert bundle`.
    ///
    /// # Errors
    /// The converter could not be started.
    pub fn confine(&self, socket: &Path, policy: &Path) -> Result<Finished> {
        self.confine_with(socket, &[], policy)
    }

    /// The same with options of `systrace-convert bundle`.
    ///
    /// # Errors
    /// The converter could not be started.
    pub fn confine_with(&self, socket: &Path, options: &[&str], policy: &Path) -> Result<Finished> {
        let mut command = limited(&place::convert().to_string_lossy());
        command.arg("bundle").arg("--config").arg(self.config()).arg("--output").arg(self.config());
        command.arg("--agent").arg(socket).args(options).arg(policy);
        finish(&mut command, b"")
    }

    /// `RUNTIME WORDS… ID MORE…`.
    ///
    /// # Errors
    /// The runtime could not be started.
    pub fn runtime(&self, words: &[&str], more: &[&str]) -> Result<Finished> {
        let mut command = self.command(words);
        finish(command.args(more), b"")
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// The runtime could not be started.
    pub fn run(&self) -> Result<Finished> {
        self.runtime(&["run"], &[])
    }

    /// Starts it in the background; what it writes is lost.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self) -> Result<()> {
        // The container keeps what it inherits, so nobody may wait for the end of a pipe.
        let mut create = self.command(&["create"]);
        let log = self.bundle.join("create.log");
        let error = fs::File::create(&log)?;
        let status = create.stdin(Stdio::null()).stdout(Stdio::null()).stderr(error).status()?;
        ensure!(status.success(), "create: {}", fs::read_to_string(&log)?);
        self.runtime(&["start"], &[])?.success()?;
        Ok(())
    }

    /// Runs one more process in it.
    ///
    /// # Errors
    /// The runtime could not be started.
    pub fn exec(&self, options: &[&str], words: &[&str]) -> Result<Finished> {
        self.runtime(&[&["exec"], options].concat(), words)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.runtime.command(&self.bundle.join("state"));
        command.current_dir(&self.bundle).args(words).arg(&self.id);
        command
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for StockContainer {
    fn drop(&mut self) {
        let _ = self.runtime(&["delete", "--force"], &[]);
        let home = place::Home::of_workspace();
        for above in sweep::cgroups(&home) {
            sweep::remove_cgroup(&above.join(&self.cgroup));
        }
    }
}
