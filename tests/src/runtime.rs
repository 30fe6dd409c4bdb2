//! The runtimes that the private engine knows: one per policy, since Docker 20.10 hands a runtime nothing but fixed
//! arguments.

use crate::place::{self, Home};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The name of a runtime, as in `docker run --runtime`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime(String);

impl Runtime {
    /// The runtime that we are compared with.
    #[must_use]
    pub fn runc() -> Self {
        Self("runc".to_owned())
    }

    /// `systrace-shim` with a policy of `examples/` or `tests/policies`, by its file name.
    #[must_use]
    pub fn policy(name: &str) -> Self {
        Self(format!("systrace-{name}"))
    }

    /// As the command line takes it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// The folders whose `*.policy` files become runtimes.
const FOLDERS: [&str; 3] = ["examples/talk", "tests/policies", "tests/policies/bad"];

/// Every policy file that becomes a runtime.
///
/// # Errors
/// A folder cannot be read.
pub fn policies() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        let folder = place::workspace().join(folder);
        for entry in
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "policy") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The name under which a policy file is known.
#[must_use]
pub fn policy_name(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Runtimes that are no policy of ours, with their own arguments.
const OTHERS: [(&str, &str); 6] = [
    ("by-program", "--policy-dir={workspace}/tests/policies/by-program"),
    ("missing", "--policy=no-such-policy"),
    ("unreadable", "--policy={workspace}/tests/policies"),
    ("approximate-capabilities", "--config={run}/approximate-capabilities.toml"),
    ("approximate-mounts", "--config={run}/approximate-mounts.toml"),
    ("misconfigured", "--config={workspace}/tests/policies/bad/shim.toml"),
];

/// Writes what the runtimes read, and gives the `runtimes` of the engine's configuration file.
///
/// # Errors
/// A file cannot be written, or a path has a blank: Docker joins the arguments without quotes.
pub fn register(home: &Home) -> Result<Value> {
    let config = home.run().join("shim.toml");
    fs::write(&config, format!("audit = '{}/<id>.jsonl'\n", home.audit().display()))?;
    let config = format!("--config={}", config.display());
    for (edits, policy) in [("capabilities", "kernel"), ("mounts", "spec-mounts")] {
        approximate(home, edits, policy)?;
    }
    let mut runtimes = Map::new();
    for file in policies()? {
        let policy = format!("--policy={}", file.display());
        runtimes.insert(Runtime::policy(&policy_name(&file)).0, entry(&[&config, &policy])?);
    }
    for (name, argument) in OTHERS {
        let argument = argument
            .replace("{workspace}", &place::workspace().to_string_lossy())
            .replace("{run}", &home.run().to_string_lossy());
        let arguments = if argument.starts_with("--config") {
            vec![&argument]
        } else {
            vec![&config, &argument]
        };
        runtimes.insert(Runtime::policy(name).0, entry(&arguments)?);
    }
    Ok(Value::Object(runtimes))
}

/// Writes the configuration of a runtime that makes edits which some permitted calls can tell.
fn approximate(home: &Home, edits: &str, policy: &str) -> Result<()> {
    let text = format!(
        "audit = '{}/<id>.jsonl'\npolicy-dir = '{}/tests/policies'\ndefault-policy = '{policy}'\napproximate = ['{edits}']\n",
        home.audit().display(),
        place::workspace().display()
    );
    Ok(fs::write(home.run().join(format!("approximate-{edits}.toml")), text)?)
}

fn entry(arguments: &[&String]) -> Result<Value> {
    let path = place::shim();
    for word in arguments.iter().map(|word| word.as_str()).chain(path.to_str()) {
        if word.contains(char::is_whitespace) {
            bail!(
                "Docker cannot pass {word:?} to a runtime: move the workspace to a path without blanks"
            );
        }
    }
    Ok(json!({ "path": path, "runtimeArgs": arguments }))
}
