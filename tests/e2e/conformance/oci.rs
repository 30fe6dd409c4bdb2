//! A runtime called as engines call it, on a bundle of its own.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tests::bundle::Bundle;
use tests::command::{finish, limited};
use tests::{Engine, Finished, place};

const PATIENCE: Duration = Duration::from_secs(10);

/// Which runtime is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    Runc,
    /// Ours, with a policy of whole calls.
    Kernel,
    /// Ours, with everything supervised and permitted.
    Supervised,
}

/// A runtime, a bundle, and a container to be. Dropped, the container is gone.
pub struct Oci {
    runtime: Vec<String>,
    folder: PathBuf,
    config: Value,
    id: String,
}

impl Oci {
    pub fn new(engine: &Engine, name: &str, runtime: Runtime) -> Result<Self> {
        let id = format!("{name}-{runtime:?}").to_lowercase();
        let folder = engine.home().run().join("oci").join(&id);
        fs::create_dir_all(&folder)?;
        let group = format!("{}/{id}", engine.home().cgroup());
        let bundle = Bundle::new(&folder, &group)?;
        let text = fs::read_to_string(bundle.folder().join("config.json"))?;
        let config = serde_json::from_str(&text)?;
        Ok(Self { runtime: words_of(runtime, engine), folder, config, id })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    pub fn config(&self) -> &Value {
        &self.config
    }

    /// Changes config.json.
    pub fn configure(&mut self, change: impl FnOnce(&mut Value)) -> Result<()> {
        change(&mut self.config);
        Ok(fs::write(self.folder.join("config.json"), self.config.to_string())?)
    }

    /// What the container runs, from a shell.
    pub fn script(&mut self, script: &str) -> Result<()> {
        self.configure(|config| config["process"]["args"] = serde_json::json!(["sh", "-c", script]))
    }

    /// A call with these words only. Where no state directory is named, ours must not be the system's.
    pub fn bare(&self, words: &[String], input: &[u8]) -> Result<Finished> {
        let named = words.iter().any(|word| word.starts_with("--root"));
        let root = (!named).then(|| format!("--root={}", self.state().display()));
        let mut command = limited(&self.runtime[0]);
        // Output goes to files: a container keeps it open for as long as it runs.
        let (out, err) = (self.folder.join("stdout"), self.folder.join("stderr"));
        command.args(&self.runtime[1..]).args(root).args(words).current_dir(&self.folder);
        let mut child = command
            .stdin(std::process::Stdio::piped())
            .stdout(fs::File::create(&out)?)
            .stderr(fs::File::create(&err)?)
            .spawn()?;
        std::io::Write::write_all(&mut child.stdin.take().context("no pipe")?, input)?;
        let status = child.wait()?.code().unwrap_or(-1);
        Ok(Finished { status, stdout: fs::read_to_string(out)?, stderr: fs::read_to_string(err)? })
    }

    /// A call with the container's name where the words say `ID`.
    pub fn call(&self, line: &str) -> Result<Finished> {
        self.call_with(line, b"")
    }

    pub fn call_with(&self, line: &str, input: &[u8]) -> Result<Finished> {
        let words = line.split(' ').map(|word| if word == "ID" { &self.id } else { word });
        self.bare(&words.map(str::to_owned).collect::<Vec<_>>(), input)
    }

    /// A call that must succeed; what it printed.
    pub fn must(&self, line: &str) -> Result<String> {
        self.call(line)?.success().with_context(|| format!("{line} under {}", self.runtime[0]))
    }

    /// The status that the runtime tells; `gone` if it knows no such container.
    pub fn status(&self) -> Result<String> {
        let said = self.call("state ID")?;
        if said.status != 0 {
            return Ok("gone".to_owned());
        }
        let state: Value = serde_json::from_str(&said.stdout)?;
        Ok(state["status"].as_str().context("no status")?.to_owned())
    }

    pub fn await_status(&self, wanted: &str) -> Result<()> {
        let started = Instant::now();
        while self.status()? != wanted {
            ensure!(started.elapsed() < PATIENCE, "it is {}, not {wanted}", self.status()?);
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// A `delete` that came too early is tried again; engines wait for the end first.
    pub fn await_gone_or(&self, words: &[String], mut said: Finished) -> Result<()> {
        let started = Instant::now();
        while said.status != 0 {
            if said.stderr.contains("does not exist") || started.elapsed() > PATIENCE {
                bail!("{words:?}: {}", said.summary());
            }
            std::thread::sleep(Duration::from_millis(20));
            said = self.bare(words, b"")?;
        }
        Ok(())
    }

    /// A call for a shell.
    pub fn command_line(&self, line: &str) -> String {
        let words = line.split(' ').map(|word| if word == "ID" { self.id.as_str() } else { word });
        let root = format!("--root={}", self.state().display());
        let own = self.runtime.iter().map(String::as_str).chain([root.as_str()]);
        own.chain(words).map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
    }

    /// A call that is killed after this time, with nobody told.
    pub fn killed_after(&self, line: &str, time: Duration) -> Result<()> {
        let line = self.command_line(line);
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!("exec {line}")]).current_dir(&self.folder);
        let null = std::process::Stdio::null;
        let mut child = shell.stdin(null()).stdout(null()).stderr(null()).spawn()?;
        std::thread::sleep(time);
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Processes of the runtime that have to do with this container.
    pub fn processes(&self) -> Vec<i32> {
        let folder = self.folder.to_string_lossy().into_owned();
        let named = |pid: &i32| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&words).contains(&folder)
        };
        tests::sweep::processes_running(&place::shim()).into_iter().filter(named).collect()
    }

    /// Runs the container to its end, without a terminal.
    pub fn run(&self) -> Result<Finished> {
        let mut command = limited(&self.runtime[0]);
        command.args(&self.runtime[1..]).arg("--root").arg(self.state());
        finish(command.arg("run").arg("--bundle").arg(&self.folder).arg(&self.id), b"")
    }
}

impl Drop for Oci {
    fn drop(&mut self) {
        // What is left in spite of this shows in the leak tests.
        drop(self.call("delete --force ID"));
    }
}

fn words_of(runtime: Runtime, engine: &Engine) -> Vec<String> {
    let policy = match runtime {
        Runtime::Runc => return vec!["runc".to_owned()],
        Runtime::Kernel => "kernel",
        Runtime::Supervised => "supervised",
    };
    let policies = place::workspace().join("tests/policies");
    vec![
        place::shim().display().to_string(),
        format!("--config={}", engine.home().run().join("shim.toml").display()),
        format!("--policy={}/{policy}.policy", policies.display()),
    ]
}
