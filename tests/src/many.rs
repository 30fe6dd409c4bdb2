//! Many containers of one runtime side by side, without an engine.

use crate::bundle::Bundle;
use crate::command::finish;
use crate::sweep;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a killed container may take to be gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// Containers that share one root file system; each has a bundle and a control group of its own.
#[derive(Debug)]
pub struct Herd<'r> {
    runtime: &'r [String],
    folder: PathBuf,
    cgroup: String,
    bundles: Vec<Bundle>,
}

impl<'r> Herd<'r> {
    /// Prepares `count` containers that sleep. `runtime` is a program with its own arguments.
    ///
    /// # Errors
    /// A bundle cannot be written.
    pub fn new(folder: &Path, cgroup: &str, runtime: &'r [String], count: usize) -> Result<Self> {
        let mut first = Bundle::new(&folder.join("first"), cgroup)?;
        first.command(&["sleep", "1000"])?;
        let bundles = (0..count).map(|number| {
            let name = name(number);
            first.sibling(&folder.join(&name), &format!("{cgroup}/{name}"))
        });
        Ok(Self {
            runtime,
            folder: folder.to_owned(),
            cgroup: cgroup.to_owned(),
            bundles: bundles.collect::<Result<_>>()?,
        })
    }

    /// Starts all, this many at a time.
    ///
    /// # Errors
    /// One does not start.
    pub fn start(&self, at_once: usize) -> Result<Duration> {
        self.for_each(at_once, |number, bundle| {
            let options = ["run", "--detach", "--bundle", &bundle.folder().to_string_lossy()]
                .map(str::to_owned);
            // Nobody waits for the end of the container's output.
            let mut command = self.call(&options);
            let output = fs::File::create(bundle.folder().join("output"))?;
            command.arg(name(number)).stdin(Stdio::null());
            let status = command.stdout(output.try_clone()?).stderr(output).status()?;
            let said = fs::read_to_string(bundle.folder().join("output"))?;
            ensure!(status.success(), "{}: {said}", name(number));
            Ok(())
        })
    }

    /// Runs a command in all of them, this many at a time.
    ///
    /// # Errors
    /// It fails in one.
    pub fn exec(&self, at_once: usize, words: &[&str]) -> Result<Duration> {
        self.for_each(at_once, |number, _| {
            let mut command = self.call(&["exec".to_owned(), name(number)]);
            finish(command.args(words), b"")?.success().with_context(|| name(number)).map(drop)
        })
    }

    /// Kills all, waits for their ends and deletes them, this many at a time.
    ///
    /// # Errors
    /// One cannot be ended.
    pub fn end(&self, at_once: usize) -> Result<Duration> {
        self.for_each(at_once, |number, _| {
            let name = name(number);
            finish(self.call(&["kill".to_owned(), name.clone()]).arg("KILL"), b"")?.success()?;
            let started = Instant::now();
            while finish(&mut self.call(&["delete".to_owned(), name.clone()]), b"")?.status != 0 {
                ensure!(started.elapsed() < PATIENCE, "{name} does not end");
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(())
        })
    }

    /// How many run, as the runtime says.
    ///
    /// # Errors
    /// The runtime cannot list them.
    pub fn running(&self) -> Result<usize> {
        let list = finish(&mut self.call(&["list", "--format", "json"].map(str::to_owned)), b"")?;
        let rows: serde_json::Value = serde_json::from_str(&list.success()?)?;
        let rows = rows.as_array().map_or(&[][..], Vec::as_slice);
        Ok(rows.iter().filter(|row| row["status"] == "running").count())
    }

    /// What is still there after the end: state and control groups.
    #[must_use]
    pub fn left(&self) -> Vec<String> {
        let state = fs::read_dir(self.folder.join("state")).into_iter().flatten().flatten();
        let groups = sweep::cgroups_named(&self.cgroup);
        let groups =
            groups.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
        let folders = groups.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        state.chain(folders).map(|entry| entry.path().display().to_string()).collect()
    }

    fn call(&self, words: &[String]) -> Command {
        let mut command = crate::command::limited(&self.runtime[0]);
        command.args(&self.runtime[1..]).arg("--root").arg(self.folder.join("state")).args(words);
        command
    }

    fn for_each(
        &self,
        at_once: usize,
        act: impl Fn(usize, &Bundle) -> Result<()> + Sync,
    ) -> Result<Duration> {
        let started = Instant::now();
        let next = Mutex::new(self.bundles.iter().enumerate());
        let errors = Mutex::new(Vec::new());
        let take = || next.lock().ok().and_then(|mut next| next.next());
        std::thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(|| {
                    while let Some((number, bundle)) = take() {
                        if let (Err(error), Ok(mut errors)) = (act(number, bundle), errors.lock()) {
                            errors.push(format!("{error:#}"));
                        }
                    }
                });
            }
        });
        match errors.into_inner().unwrap_or_default().first() {
            Some(error) => bail!("{error}"),
            None => Ok(started.elapsed()),
        }
    }
}

impl Drop for Herd<'_> {
    fn drop(&mut self) {
        for number in 0..self.bundles.len() {
            // Gone already after a run that went well.
            let mut command = self.call(&["delete", "--force"].map(str::to_owned));
            drop(finish(command.arg(name(number)), b""));
        }
        for group in sweep::cgroups_named(&self.cgroup) {
            sweep::remove_cgroup(&group);
        }
    }
}

fn name(number: usize) -> String {
    format!("many-{number}")
}
