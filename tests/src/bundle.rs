//! An OCI bundle on disk, run by a runtime without an engine.

use crate::command::{finish, limited};
use crate::{Finished, place};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with `config.json` and a root file system.
#[derive(Debug)]
pub struct Bundle {
    folder: PathBuf,
    config: Value,
}

impl Bundle {
    /// A bundle in an empty folder: the busybox image, and the configuration that runc suggests, without a terminal.
    ///
    /// # Errors
    /// The image is missing, or runc.
    pub fn new(folder: &Path, cgroup: &str) -> Result<Self> {
        let root = folder.join("rootfs");
        fs::create_dir_all(&root)?;
        let archive = place::image("busybox");
        finish(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(&root), b"")?.success()?;
        finish(Command::new("runc").arg("spec").current_dir(folder), b"")?.success()?;
        let text = fs::read_to_string(folder.join("config.json"))?;
        let mut config: Value = serde_json::from_str(&text).context("runc's suggestion")?;
        config["process"]["terminal"] = json!(false);
        config["root"]["readonly"] = json!(false);
        config["linux"]["cgroupsPath"] = json!(cgroup);
        let bundle = Self { folder: folder.to_owned(), config };
        bundle.write()?;
        Ok(bundle)
    }

    /// Another bundle with the same root file system and its own control group.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn sibling(&self, folder: &Path, cgroup: &str) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let mut config = self.config.clone();
        let root = self.folder.join(config["root"]["path"].as_str().context("no root")?);
        config["root"]["path"] = json!(root);
        config["linux"]["cgroupsPath"] = json!(cgroup);
        let bundle = Self { folder: folder.to_owned(), config };
        bundle.write()?;
        Ok(bundle)
    }

    /// Where it lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Changes what its process runs.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn command(&mut self, words: &[&str]) -> Result<()> {
        self.config["process"]["args"] = json!(words);
        self.write()
    }

    /// Changes its seccomp profile.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn seccomp(&mut self, profile: Value) -> Result<()> {
        self.config["linux"]["seccomp"] = profile;
        self.write()
    }

    /// Gives it a user namespace of its own: its number 0 is the host's `first`, and so on, as are the owners of its files.
    ///
    /// # Errors
    /// The file cannot be written, or the owners cannot be changed.
    pub fn users(&mut self, first: u32) -> Result<()> {
        let mapping = json!([{ "containerID": 0, "hostID": first, "size": 65536 }]);
        self.config["linux"]["uidMappings"] = mapping.clone();
        self.config["linux"]["gidMappings"] = mapping;
        let namespaces = self.config["linux"]["namespaces"].as_array_mut();
        namespaces.context("no namespaces")?.push(json!({ "type": "user" }));
        let owner = format!("{first}:{first}");
        let mut chown = Command::new("chown");
        finish(chown.args(["-R", &owner]).arg(self.folder.join("rootfs")), b"")?.success()?;
        self.write()
    }

    /// Changes anything in its configuration.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn change(&mut self, change: impl FnOnce(&mut Value)) -> Result<()> {
        change(&mut self.config);
        self.write()
    }

    /// Copies a program of the host to the root of its file system.
    ///
    /// # Errors
    /// The program is missing.
    pub fn take(&self, program: &Path) -> Result<()> {
        let name = program.file_name().context("a program has a name")?;
        fs::copy(program, self.folder.join("rootfs").join(name))
            .with_context(|| format!("cannot copy {}", program.display()))?;
        Ok(())
    }

    /// `RUNTIME --root … run --bundle … ID`: `runtime` is a program with its own arguments.
    #[must_use]
    pub fn run(&self, runtime: &[String], id: &str) -> Command {
        let mut command = limited(&runtime[0]);
        command.args(&runtime[1..]).arg("--root").arg(self.folder.join("state"));
        command.arg("run").arg("--bundle").arg(&self.folder).arg(id);
        command
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// The runtime could not be started.
    pub fn finish(&self, runtime: &[String], id: &str) -> Result<Finished> {
        finish(&mut self.run(runtime, id), b"")
    }

    fn write(&self) -> Result<()> {
        Ok(fs::write(self.folder.join("config.json"), serde_json::to_vec(&self.config)?)?)
    }
}
