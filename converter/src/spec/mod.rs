//! Edits to a container's configuration: what a policy leaves unused is taken away. Nothing that the engine asked for is loosened.

pub mod capabilities;
mod mounts;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::plan::Difference;

/// One change, and why it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// What is changed.
    #[serde(flatten)]
    pub change: Change,
    /// The calls that would need what is taken away, and what denies them.
    pub because: Vec<Because>,
    /// Where the change alters what permitted calls do.
    pub difference: Option<Difference>,
}

/// A call that no rule lets through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Because {
    /// The call.
    pub call: &'static str,
    /// The rules that deny it, as `file:line`; none: no rule judges it.
    pub rules: Vec<String>,
}

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum Change {
    /// A capability goes out of all sets of a process.
    DropCapability {
        /// As config.json names it.
        capability: String,
        /// Its bit.
        number: u8,
        /// Only where no permitted call can tell.
        exact: bool,
    },
    /// The root file system is read-only.
    ReadOnlyRoot {
        /// What may be written: the edit is made only if all of it lies in mounts.
        writable: Vec<String>,
    },
    /// Nothing can be executed on mounts.
    NoExec {
        /// What may be executed: mounts in or around which it lies are left alone.
        executable: Vec<String>,
    },
    /// A folder is hidden.
    Mask {
        /// Which.
        path: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DropCapability { capability, .. } => write!(f, "{capability} is dropped"),
            Self::ReadOnlyRoot { writable } => {
                f.write_str("the root is read-only")?;
                among(f, " if these lie in mounts:", writable)
            }
            Self::NoExec { executable } => {
                f.write_str("mounts are noexec")?;
                among(f, " but for those of", executable)
            }
            Self::Mask { path } => write!(f, "{path} is masked"),
        }
    }
}

fn among(f: &mut fmt::Formatter<'_>, words: &str, names: &[String]) -> fmt::Result {
    if names.is_empty() {
        return Ok(());
    }
    write!(f, "{words} {}", names.join(" "))
}

/// Edits that change what some permitted calls do, and are made only if somebody allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approximation {
    /// Capabilities are dropped although programs may be started or sets changed, which fail if they ask for a dropped one.
    Capabilities,
    /// Mounts forbid what rules forbid, with other errors and a little more.
    Mounts,
}

impl Approximation {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Capabilities, Self::Mounts];

    /// As the command line names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Capabilities => "capabilities",
            Self::Mounts => "mounts",
        }
    }
}

/// There is no such approximation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither capabilities nor mounts")]
pub struct ApproximationError(String);

impl FromStr for Approximation {
    type Err = ApproximationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |one: &Self| one.name() == text;
        Self::ALL.into_iter().find(named).ok_or_else(|| ApproximationError(text.to_owned()))
    }
}

/// Makes the changes in a configuration, of which only `process` need be there. `held`: the capabilities that the file of the
/// program gives, none if nobody knows; execve(2) fails if they cannot be given.
pub fn apply(changes: &[Change], config: &mut Map<String, Value>, held: Option<u64>) {
    let seen = shares_processes(config) || has_devices(config);
    for change in changes {
        match change {
            Change::DropCapability { capability, number, exact } => {
                let given = held.is_none_or(|held| held & (1 << number) != 0);
                if !exact || !seen && !given && !is_inherited(config, capability) {
                    drop_capability(config, capability);
                }
            }
            Change::ReadOnlyRoot { writable } => mounts::read_only_root(config, writable),
            Change::NoExec { executable } => mounts::no_exec(config, executable),
            Change::Mask { path } => mounts::mask(config, path),
        }
    }
}

/// Processes of other containers, which keep the capability, are in sight: who has fewer capabilities than another may not look into it
/// (ptrace(2), "Ptrace access mode checking").
fn shares_processes(config: &Map<String, Value>) -> bool {
    let Some(linux) = config.get("linux") else { return false };
    let namespaces = linux["namespaces"].as_array().map(Vec::as_slice).unwrap_or_default();
    let own = |space: &Value| space["type"] == "pid" && !is_named(&space["path"]);
    !namespaces.iter().any(own)
}

/// It is given devices, or every device that somebody mounts: their drivers may ask for what they like.
fn has_devices(config: &Map<String, Value>) -> bool {
    let Some(linux) = config.get("linux") else { return false };
    let given = linux["devices"].as_array().is_some_and(|devices| !devices.is_empty());
    let rules = linux["resources"]["devices"].as_array().into_iter().flatten();
    let opens = |rule: &&Value| {
        let access = rule["access"].as_str().unwrap_or("rwm");
        rule["allow"] == true && access.contains(['r', 'w'])
    };
    let any = |rule: &Value| rule["major"].as_i64().is_none_or(|major| major < 0);
    given || rules.filter(opens).any(any)
}

fn is_named(path: &Value) -> bool {
    path.as_str().is_some_and(|path| !path.is_empty())
}

/// The process could raise it with prctl(2), or keeps it over an execve(2) of a file that says so.
fn is_inherited(config: &Map<String, Value>, capability: &str) -> bool {
    let Some(sets) = sets(config) else { return false };
    let holds = |set: &str| {
        let names = sets.get(set).and_then(Value::as_array).into_iter().flatten();
        names.filter_map(Value::as_str).any(|name| name.eq_ignore_ascii_case(capability))
    };
    holds("inheritable") || holds("ambient")
}

fn sets(config: &Map<String, Value>) -> Option<&Map<String, Value>> {
    config.get("process")?.get("capabilities")?.as_object()
}

fn drop_capability(config: &mut Map<String, Value>, capability: &str) {
    let sets = config.get_mut("process").and_then(|process| process.get_mut("capabilities"));
    let sets = sets.and_then(Value::as_object_mut).into_iter().flatten();
    for names in sets.filter_map(|(_, names)| names.as_array_mut()) {
        let other =
            |name: &Value| !name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(capability));
        names.retain(other);
    }
}

/// The changes of some edits.
pub fn changes(edits: &[Edit]) -> Vec<Change> {
    edits.iter().map(|edit| edit.change.clone()).collect()
}

/// The approximations that some names stand for.
pub type Allowed = BTreeSet<Approximation>;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(inheritable: Value, namespaces: Value) -> Map<String, Value> {
        let config = json!({
            "process": {"capabilities": {
                "bounding": ["CAP_KILL", "CAP_MKNOD"], "effective": ["CAP_MKNOD"],
                "inheritable": inheritable, "newer": 7,
            }},
            "linux": {"namespaces": namespaces}, "kept": [1],
        });
        config.as_object().cloned().expect("an object")
    }

    fn mknod(exact: bool) -> [Change; 1] {
        [Change::DropCapability { capability: "CAP_MKNOD".into(), number: 27, exact }]
    }

    fn is_dropped(exact: bool, mut config: Map<String, Value>, held: Option<u64>) -> bool {
        let before = config.clone();
        apply(&mknod(exact), &mut config, held);
        assert_eq!(config["kept"], before["kept"]);
        let sets = &config["process"]["capabilities"];
        assert!(sets["newer"] == 7 && sets["bounding"][0] == "CAP_KILL");
        let gone = sets["bounding"] == json!(["CAP_KILL"]) && sets["effective"] == json!([]);
        assert!(gone || config == before, "{config:?}");
        gone
    }

    #[test]
    fn an_exact_edit_is_made_only_where_nobody_can_tell() {
        let own = || json!([{"type": "pid"}]);
        let plain = || config(json!([]), own());
        assert!(is_dropped(true, plain(), Some(0)));
        assert!(is_dropped(true, plain(), Some(1 << 5)));
        assert!(!is_dropped(true, plain(), Some(1 << 27)));
        assert!(!is_dropped(true, plain(), None));
        assert!(!is_dropped(true, config(json!(["CAP_MKNOD"]), own()), Some(0)));
        assert!(!is_dropped(true, config(json!([]), json!([])), Some(0)));
        let joined = json!([{"type": "pid", "path": "/proc/7/ns/pid"}]);
        assert!(!is_dropped(true, config(json!([]), joined.clone()), Some(0)));
        assert!(is_dropped(false, config(json!([]), joined), None));
    }

    #[test]
    fn drivers_may_ask_for_any_capability() {
        let with = |place: &str, value: Value| {
            let mut config = config(json!([]), json!([{"type": "pid"}]));
            config["linux"][place] = value;
            is_dropped(true, config, Some(0))
        };
        assert!(!with("devices", json!([{"path": "/dev/x", "type": "c", "major": 1, "minor": 2}])));
        assert!(with("devices", json!([])));
        assert!(!with("resources", json!({"devices": [{"allow": true, "access": "rwm"}]})));
        assert!(!with("resources", json!({"devices": [{"allow": true}]})));
        let usual = json!([{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "access": "m"},
            {"allow": true, "type": "c", "major": 136, "access": "rwm"}]);
        assert!(with("resources", json!({"devices": usual})));
    }

    #[test]
    fn a_process_without_capabilities_stays_so() {
        for text in [r#"{"process":{}}"#, "{}", r#"{"process":{"capabilities":null}}"#] {
            let before: Map<String, Value> = serde_json::from_str(text).expect("JSON");
            let mut after = before.clone();
            apply(&mknod(false), &mut after, Some(0));
            assert_eq!(after, before);
        }
    }
}
