//! Reading what the supervisors wrote.

use crate::place::Home;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// How long after its container a supervisor may take to write its last record.
const PATIENCE: Duration = Duration::from_secs(20);

/// One line of an audit log.
#[derive(Debug, Clone, Deserialize)]
pub struct Record {
    /// The call, as rules name it; none in the summary.
    #[serde(default)]
    pub call: String,
    /// The arguments, as rules see them.
    #[serde(default)]
    pub arguments: BTreeMap<String, String>,
    /// `permit` or `deny`.
    #[serde(default)]
    pub decision: String,
    /// The name of the error that a denied call got.
    #[serde(default)]
    pub errno: Option<String>,
    /// `file:line` of the rule that decided.
    #[serde(default)]
    pub rule: Option<String>,
    /// What no rule tells.
    #[serde(default)]
    pub reason: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: BTreeMap<String, serde_json::Value>,
}

/// All records of a container that has ended.
///
/// # Errors
/// A line is not a record.
pub fn records(home: &Home, container: &str) -> Result<Vec<Record>> {
    let started = Instant::now();
    loop {
        let records = records_so_far(home, container)?;
        let complete = records.last().is_none_or(|record| record.rest.contains_key("summary"));
        if complete || started.elapsed() > PATIENCE {
            return Ok(records);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The records that a container has caused so far.
///
/// # Errors
/// A line is not a record.
pub fn records_so_far(home: &Home, container: &str) -> Result<Vec<Record>> {
    let file = home.audit().join(format!("{container}.jsonl"));
    // Without a supervisor there is no log.
    let Ok(text) = fs::read_to_string(&file) else { return Ok(vec![]) };
    // The last line may be on its way.
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines
        .map(|line| {
            serde_json::from_str(line).with_context(|| format!("in {}: {line}", file.display()))
        })
        .collect()
}
