//! The container's `config.json`, of which we understand two places and keep the rest as it is.

use std::path::PathBuf;

use oci_spec::runtime::LinuxSeccomp;
use serde_json::{Map, Value};

use crate::spec::{self, Edit};

/// A configuration as the engine proposes it. Kept as plain JSON, because what a newer engine writes
/// and we do not know must reach the runtime.
#[derive(Debug)]
pub struct Config(Map<String, Value>);

/// A configuration that makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not JSON, or not an object.
    #[error("config.json cannot be read")]
    Parse(#[source] serde_json::Error),
    /// The annotations are not texts by name.
    #[error("config.json: annotations are not texts by name")]
    Annotations,
    /// There is nothing that could be confined.
    #[error("config.json has no linux section")]
    NotLinux,
    /// The engine's profile is not what the OCI specification says.
    #[error("the engine's seccomp profile cannot be read")]
    Profile(#[source] serde_json::Error),
    /// Our profile has no JSON.
    #[error("config.json cannot be written")]
    Write(#[source] serde_json::Error),
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        serde_json::from_slice(text).map(Self).map_err(ConfigError::Parse)
    }

    /// An annotation, if the container has it.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn annotation(&self, key: &str) -> Result<Option<&str>, ConfigError> {
        let annotations = match self.0.get("annotations") {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value.as_object().ok_or(ConfigError::Annotations)?,
        };
        annotations.get(key).map(|value| value.as_str().ok_or(ConfigError::Annotations)).transpose()
    }

    /// The engine's own seccomp profile; a privileged container has none.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn engine_profile(&self) -> Result<Option<LinuxSeccomp>, ConfigError> {
        let linux = self.0.get("linux").and_then(Value::as_object).ok_or(ConfigError::NotLinux)?;
        let profile = linux.get("seccomp").cloned().unwrap_or_default();
        serde_json::from_value(profile).map_err(ConfigError::Profile)
    }

    /// The agent's socket and what it is told, if the configuration names an agent.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn agent(&self) -> Result<Option<(PathBuf, String)>, ConfigError> {
        let Some(profile) = self.engine_profile()? else { return Ok(None) };
        let metadata = profile.listener_metadata().clone().unwrap_or_default();
        Ok(profile.listener_path().clone().map(|socket| (socket, metadata)))
    }

    /// Puts a profile's decisions in the place of the engine's. The flags of the engine's stay, and
    /// whatever else it says.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn set_profile(&mut self, profile: &LinuxSeccomp) -> Result<(), ConfigError> {
        let decisions: Map<String, Value> = serde_json::to_value(profile)
            .and_then(serde_json::from_value)
            .map_err(ConfigError::Write)?;
        let linux =
            self.0.get_mut("linux").and_then(Value::as_object_mut).ok_or(ConfigError::NotLinux)?;
        let mut seccomp = match linux.remove("seccomp") {
            Some(Value::Object(engine)) => engine,
            _ => Map::new(),
        };
        // The one decision that a profile need not name.
        seccomp.remove("defaultErrnoRet");
        seccomp.extend(decisions);
        // Means nothing without a listener, and a gate must not hold its questions against an interruption.
        if let Some(flags) = seccomp.get_mut("flags").and_then(Value::as_array_mut) {
            flags.retain(|flag| flag != "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
        }
        linux.insert("seccomp".to_owned(), Value::Object(seccomp));
        Ok(())
    }

    /// Makes a plan's edits. What the file of the program says is not looked at: other runtimes get no edit that hangs on it.
    pub(super) fn edit(&mut self, edits: &[Edit]) {
        spec::apply(&spec::changes(edits), &mut self.0, None);
    }

    /// Its text.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn into_text(self) -> Result<Vec<u8>, ConfigError> {
        serde_json::to_vec(&self.0).map_err(ConfigError::Write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text.as_bytes()).expect("a configuration")
    }

    fn profile(text: &str) -> LinuxSeccomp {
        serde_json::from_str(text).expect("a profile")
    }

    #[test]
    fn annotations_are_texts_by_name() {
        let found = |text: &str| config(text).annotation("k").map(|found| found.map(str::to_owned));
        for without in ["{}", r#"{"annotations":null}"#, r#"{"annotations":{"l":"v"}}"#] {
            assert!(found(without).is_ok_and(|found| found.is_none()), "{without}");
        }
        assert!(found(r#"{"annotations":{"k":"v"}}"#).is_ok_and(|found| found == Some("v".into())));
        for wrong in [r#"{"annotations":["k"]}"#, r#"{"annotations":{"k":1}}"#] {
            assert!(found(wrong).is_err(), "{wrong}");
        }
        assert!(Config::parse(b"[]").is_err());
    }

    #[test]
    fn only_decisions_are_replaced() {
        let mut config = config(
            r#"{"z":1,"linux":{"new":[18446744073709551615],"seccomp":{"flags":["SECCOMP_FILTER_FLAG_LOG"],
            "defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"syscalls":[],"newer":{}},"b":2},"a":3}"#,
        );
        let before = config.engine_profile().expect("a profile").expect("there is one");
        assert_eq!(before.default_errno_ret(), Some(38));
        config.set_profile(&profile(r#"{"defaultAction":"SCMP_ACT_KILL"}"#)).expect("set");
        let text = String::from_utf8(config.into_text().expect("text")).expect("UTF-8");
        let expected = r#"{"z":1,"linux":{"new":[18446744073709551615],"b":2,"seccomp":{"flags":["SECCOMP_FILTER_FLAG_LOG"],"defaultAction":"SCMP_ACT_KILL","syscalls":[],"newer":{}}},"a":3}"#;
        let [text, expected] = [text.as_str(), expected]
            .map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
        assert_eq!(text, expected);
    }

    #[test]
    fn a_container_without_a_profile_gets_one() {
        for text in [r#"{"linux":{}}"#, r#"{"linux":{"seccomp":null}}"#] {
            let mut config = config(text);
            assert!(config.engine_profile().is_ok_and(|profile| profile.is_none()));
            let ours = profile(r#"{"defaultAction":"SCMP_ACT_KILL"}"#);
            config.set_profile(&ours).expect("set");
            assert_eq!(config.engine_profile().expect("a profile"), Some(ours));
        }
        assert!(matches!(config("{}").engine_profile(), Err(ConfigError::NotLinux)));
        let odd = config(r#"{"linux":{"seccomp":{"defaultAction":"SCMP_ACT_SMILE"}}}"#);
        assert!(matches!(odd.engine_profile(), Err(ConfigError::Profile(_))));
    }
}
