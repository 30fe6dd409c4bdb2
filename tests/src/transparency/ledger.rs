//! What was played so far, so that a run which was cut off goes on where it ended.

use super::{Comparison, Workload};
use crate::{command, place};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What is known of one workload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Of which state of the sources.
    pub commit: String,
    /// All that was seen.
    pub comparison: Comparison,
}

impl Entry {
    /// What was just seen.
    ///
    /// # Errors
    /// git cannot be started.
    pub fn new(comparison: Comparison) -> Result<Self> {
        let mut git = Command::new("git");
        git.arg("-C").arg(place::workspace()).args(["describe", "--always", "--dirty=+"]);
        let commit = command::finish(&mut git, b"")?.stdout.trim().to_owned();
        Ok(Self { commit, comparison })
    }

    /// Keeps it in place of what was known of the workload before.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, workload: &Workload) -> Result<()> {
        let file = file(workload);
        // In one step: a run that is killed must not leave half an entry.
        let part = file.with_extension("part");
        fs::write(&part, serde_json::to_vec(self)?)?;
        Ok(fs::rename(part, file)?)
    }

    /// What is known of the workload.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn of(workload: &Workload) -> Result<Option<Self>> {
        let file = file(workload);
        if !file.exists() {
            return Ok(None);
        }
        let entry = serde_json::from_slice(&fs::read(&file)?);
        entry.map(Some).with_context(|| format!("{} is damaged: remove it", file.display()))
    }

    /// Forgets what is known of the workload.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn forget(workload: &Workload) -> Result<()> {
        match fs::remove_file(file(workload)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Where entries and what the workloads wrote are kept.
#[must_use]
pub fn folder() -> PathBuf {
    place::workspace().join("target/transparency")
}

fn file(workload: &Workload) -> PathBuf {
    folder().join(workload.file_name()).with_extension("json")
}
