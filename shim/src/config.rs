//! `/etc/systrace/shim.toml` and what the command line changes of it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use converter::plan::Mechanism;
use converter::spec::Approximation;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::cli::Global;
use crate::identifier::ContainerId;

const DEFAULT_FILE: &str = "/etc/systrace/shim.toml";
/// Stands for the container's name in the audit path.
const ID_PLACE: &str = "<id>";

/// The configuration file. A key that we do not know is an error: a misspelt one must not be a
/// silently weaker setting.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// Where policies are looked for.
    pub policy_dir: PathBuf,
    /// The policy of containers that have none of their own: a name in `policy_dir`.
    pub default_policy: Option<String>,
    /// Users may choose a policy with the annotation `systrace-shim.io/policy`.
    pub allow_annotation: bool,
    /// The audit file; `<id>` is the container's name.
    pub audit: String,
    /// Directory of the containers' state, unless the engine names one.
    pub root: PathBuf,
    /// Mechanisms that are not to be used; what they would enforce falls to the next.
    #[serde(deserialize_with = "mechanisms")]
    pub without: Vec<Mechanism>,
    /// Edits of the configuration that are made although some permitted calls can tell.
    pub approximate: Vec<Approximation>,
}

fn mechanisms<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Mechanism>, D::Error> {
    let names = Vec::<String>::deserialize(from)?;
    names.iter().map(|name| name.parse().map_err(D::Error::custom)).collect()
}

impl Default for Config {
    fn default() -> Self {
        Self {
            policy_dir: "/etc/systrace".into(),
            default_policy: None,
            allow_annotation: false,
            audit: format!("/var/log/systrace-shim/{ID_PLACE}.jsonl"),
            root: "/run/systrace-shim".into(),
            without: Vec::new(),
            approximate: Vec::new(),
        }
    }
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read configuration {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("configuration {path} is wrong: {message}")]
    Parse { path: PathBuf, message: String },
}

impl Config {
    /// Reads the file that was named, or the default one; only the default one may be missing.
    pub fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => {
                Ok(Self::default())
            }
            Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::Parse {
            path: path.to_owned(),
            message: error.message().to_owned(),
        })
    }
}

/// What all commands know: the configuration with the command line's changes.
#[derive(Debug, Clone)]
pub struct Settings {
    pub config: Config,
    pub systemd_cgroup: bool,
    /// `--policy`.
    pub policy: Option<String>,
}

impl Settings {
    pub fn merge(global: Global, mut config: Config) -> Self {
        if let Some(root) = global.root {
            config.root = root;
        }
        if let Some(folder) = global.policy_dir {
            config.policy_dir = folder;
        }
        Self { config, systemd_cgroup: global.systemd_cgroup, policy: global.policy }
    }

    /// The audit file of a container.
    pub fn audit_file(&self, id: &ContainerId) -> PathBuf {
        self.config.audit.replace(ID_PLACE, id.as_str()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_override_defaults_and_unknown_keys_are_refused() {
        let path = Path::new("x.toml");
        let config = Config::parse("allow-annotation = true\npolicy-dir = \"/p\"", path).unwrap();
        assert!(config.allow_annotation);
        assert_eq!(config.policy_dir, Path::new("/p"));
        assert_eq!(config.root, Config::default().root);
        let error = Config::parse("policy_dir = \"/p\"", path).unwrap_err();
        assert!(error.to_string().contains("policy_dir"), "{error}");
    }

    #[test]
    fn a_mechanism_that_cannot_be_switched_off_is_refused() {
        let path = Path::new("x.toml");
        let config = Config::parse("without = [\"landlock\"]", path).unwrap();
        assert_eq!(config.without, [Mechanism::Landlock]);
        let error = Config::parse("without = [\"seccomp\"]", path).unwrap_err();
        assert!(error.to_string().contains("none of spec, landlock, sockets"), "{error}");
    }

    #[test]
    fn a_named_file_must_exist() {
        assert!(matches!(
            Config::load(Some(Path::new("/nonexistent/shim.toml"))),
            Err(ConfigError::Read { .. })
        ));
    }
}
