//! `run-hook`: the wrapper of a hook; `crate::hooks` says why.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::process::{CommandExt, parent_id};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context;
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde_json::Value;

/// Run a hook of the engine, and correct what it is told
#[derive(Debug, clap::Args)]
pub struct RunHook {
    bundle: PathBuf,
    folder: PathBuf,
    program: PathBuf,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl RunHook {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let state: Value =
            serde_json::from_reader(std::io::stdin()).context("no state for a hook")?;
        let mut input: File = memfd_create("state", MFdFlags::MFD_CLOEXEC)?.into();
        input.write_all(corrected(state, &self).to_string().as_bytes())?;
        input.rewind()?;
        let (name, rest) = self.arguments.split_first().context("a hook has no name")?;
        let mut hook = Command::new(&self.program);
        hook.arg0(name).args(rest).current_dir(&self.folder).stdin(input);
        Err(hook.exec()).with_context(|| format!("cannot run hook {}", self.program.display()))
    }
}

/// A hook in the container is a child of its first process, which libcontainer does not name.
fn corrected(mut state: Value, hook: &RunHook) -> Value {
    if let Some(fields) = state.as_object_mut() {
        fields.insert("bundle".to_owned(), hook.bundle.to_string_lossy().into());
        fields.entry("pid").or_insert_with(|| parent_id().into());
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_hook_is_told_of_the_engines_bundle_and_of_a_process() {
        let hook = RunHook {
            bundle: "/engine".into(),
            folder: "/".into(),
            program: "/bin/true".into(),
            arguments: vec!["true".into()],
        };
        let told = corrected(json!({ "bundle": "/private", "pid": 7 }), &hook);
        assert_eq!(told, json!({ "bundle": "/engine", "pid": 7 }));
        let told = corrected(json!({ "bundle": "/private" }), &hook);
        assert_eq!(told["pid"], parent_id());
    }
}
