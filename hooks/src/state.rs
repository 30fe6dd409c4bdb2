//! What the runtime tells an OCI hook on standard input, and the bundle that it leads to.

use std::fs;
use std::path::PathBuf;

use converter::bundle::{Config, ConfigError};
use serde::Deserialize;

/// The container's state (runtime.md, "State").
#[derive(Debug, Deserialize)]
pub struct State {
    /// Its name.
    pub id: String,
    /// Its bundle.
    pub bundle: PathBuf,
}

/// The hook was not called by a runtime, or for no container.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It is not JSON, or lacks what a state has.
    #[error("standard input is no container state")]
    Parse(#[source] serde_json::Error),
    /// There is no configuration.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl State {
    /// Reads it.
    pub fn parse(text: &[u8]) -> Result<Self, StateError> {
        serde_json::from_slice(text).map_err(StateError::Parse)
    }

    /// The configuration of the bundle.
    pub fn config(&self) -> Result<Config, StateError> {
        let path = self.bundle.join("config.json");
        let text = fs::read(&path).map_err(|source| StateError::Read { path, source })?;
        Ok(Config::parse(&text)?)
    }
}
