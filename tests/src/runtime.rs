//! The runtimes that the private engine knows: one per policy, since Docker 20.10 hands a runtime nothing but fixed
//! arguments.

use crate::place::{self, Home};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
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
const FOLDERS: [&str; 2] = ["examples/talk", "tests/policies"];

/// Every policy file that becomes a runtime.
///
/// # Errors
/// A folder cannot be read.
pub fn policies() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        let folder = place::workspace().join(folder);
        for entry in std::fs::read_dir(&folder)
            .with_context(|| format!("cannot list {}", folder.display()))?
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

/// The `runtimes` of the engine's configuration file.
///
/// # Errors
/// A path has a blank: Docker joins the arguments without quotes.
pub fn registered(home: &Home) -> Result<Value> {
    let mut runtimes = Map::new();
    for file in policies()? {
        runtimes.insert(
            Runtime::policy(&policy_name(&file)).0,
            entry(home, &[format!("--policy={}", file.display())])?,
        );
    }
    let by_program = place::workspace().join("tests/policies/by-program");
    runtimes.insert(
        "systrace-by-program".to_owned(),
        entry(home, &[format!("--policy-dir={}", by_program.display())])?,
    );
    runtimes.insert(
        "systrace-missing".to_owned(),
        entry(home, &["--policy=no-such-policy".to_owned()])?,
    );
    Ok(Value::Object(runtimes))
}

fn entry(home: &Home, arguments: &[String]) -> Result<Value> {
    let path = place::shim();
    let mut arguments = arguments.to_vec();
    arguments.push(format!("--audit={}", home.audit().display()));
    for word in arguments.iter().map(String::as_str).chain(path.to_str()) {
        if word.contains(char::is_whitespace) {
            bail!(
                "Docker cannot pass {word:?} to a runtime: move the workspace to a path without blanks"
            );
        }
    }
    Ok(json!({ "path": path, "runtimeArgs": arguments }))
}
