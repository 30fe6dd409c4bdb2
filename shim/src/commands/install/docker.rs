//! Docker: an entry in daemon.json, everything else of which stays as it is.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::{Install, replace};

/// Adds the runtime to daemon.json, or prints what it would become.
pub fn install(wanted: &Install, program: &Path) -> anyhow::Result<()> {
    let path = &wanted.daemon_json;
    let old = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => "{}".to_owned(),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let entry = Entry { name: wanted.name("systrace-shim"), arguments: &wanted.arguments };
    let new =
        entry.merge(&old, program).with_context(|| format!("cannot change {}", path.display()))?;
    if wanted.dry_run {
        print!("{new}");
        return Ok(());
    }
    replace(path, &new).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}; now reload the engine: systemctl reload docker", path.display());
    println!("then: docker run --runtime={} …", entry.name);
    Ok(())
}

/// One of the runtimes in daemon.json.
struct Entry<'i> {
    name: &'i str,
    arguments: &'i [String],
}

impl Entry<'_> {
    /// The old configuration with our entry in it, everything else as it was.
    fn merge(&self, old: &str, program: &Path) -> anyhow::Result<String> {
        let mut whole: Map<String, Value> =
            serde_json::from_str(if old.trim().is_empty() { "{}" } else { old })?;
        let runtimes = whole.entry("runtimes").or_insert_with(|| json!({}));
        let runtimes = runtimes.as_object_mut().context("\"runtimes\" is no object")?;
        let program = program.to_str().context("this program's path is not UTF-8")?;
        let mut entry = json!({ "path": program });
        if !self.arguments.is_empty() {
            entry["runtimeArgs"] = json!(self.arguments);
        }
        runtimes.insert(self.name.to_owned(), entry);
        Ok(serde_json::to_string_pretty(&whole)? + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_keys_and_their_order_are_kept() {
        let old = r#"{"storage-driver":"overlay2","runtimes":{"crun":{"path":"/usr/bin/crun"}},"bip":"x"}"#;
        let arguments = ["--policy=web".to_owned()];
        let entry = Entry { name: "systrace-shim", arguments: &arguments };
        let new = entry.merge(old, Path::new("/usr/bin/systrace-shim")).unwrap();
        let value: Value = serde_json::from_str(&new).unwrap();
        assert_eq!(value["runtimes"]["crun"]["path"], "/usr/bin/crun");
        assert_eq!(value["runtimes"]["systrace-shim"]["runtimeArgs"][0], "--policy=web");
        let places = ["storage-driver", "runtimes", "bip"].map(|key| new.find(key).unwrap());
        assert!(places.is_sorted());
        let again = entry.merge(&new, Path::new("/usr/bin/systrace-shim")).unwrap();
        assert_eq!(again, new);
    }

    #[test]
    fn a_broken_configuration_is_left_alone() {
        for old in ["{", "[]", r#"{"runtimes": []}"#] {
            assert!(
                Entry { name: "s", arguments: &[] }.merge(old, Path::new("/s")).is_err(),
                "{old}"
            );
        }
    }
}
