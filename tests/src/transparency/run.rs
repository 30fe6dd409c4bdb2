//! One run of one workload in a container of its own.

use super::workload::Workload;
use crate::{Engine, Runtime, place};
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Instant;

/// Seconds that a workload may take; then it is killed and what it has not said counts as missing.
pub const LIMIT: u32 = 420;

/// What a workload said, and how long it took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    /// The outcome of each test by its name.
    pub outcomes: BTreeMap<String, String>,
    /// Everything that it wrote, and the audit records.
    #[serde(skip)]
    pub log: String,
    /// From `docker run` to its end.
    pub seconds: f64,
}

impl Run {
    /// It did not end by itself within the limit, so some of its tests are missing.
    #[must_use]
    pub fn was_cut_off(&self) -> bool {
        self.seconds >= f64::from(LIMIT)
    }

    /// How many tests had which kind of outcome.
    #[must_use]
    pub fn kinds(&self) -> BTreeMap<&str, usize> {
        let mut kinds = BTreeMap::new();
        for outcome in self.outcomes.values() {
            let kind = outcome.split_once(',').map_or(outcome.as_str(), |(kind, _)| kind);
            *kinds.entry(kind).or_default() += 1;
        }
        kinds
    }
}

/// Plays a workload in a container of `image`.
///
/// # Errors
/// The engine cannot run it.
pub fn play(engine: &Engine, image: &str, runtime: &Runtime, workload: &Workload) -> Result<Run> {
    let limit = LIMIT.to_string();
    let words = ["timeout", "--signal=KILL", &limit].into_iter().chain(workload.command());
    let container = engine
        .container(image)
        .runtime(runtime)
        .within(LIMIT + 60)
        .sees(&place::workspace().join("tests/transparency"), "/workloads")
        .sees(&place::programs(), "/programs")
        .options(["--init", "--hostname=workload"])
        .command(words);
    let started = Instant::now();
    let output = container.run()?;
    let seconds = started.elapsed().as_secs_f64();
    // docker-run(1): 125 is the engine's own failure.
    ensure!(output.finished.status != 125, "no container: {}", output.finished.stderr);
    let records: Vec<String> = output.audit.iter().map(|record| format!("{record:?}\n")).collect();
    let mut outcomes = outcomes(&output.finished.stdout);
    outcomes.insert("(exit)".to_owned(), format!("status {}", output.finished.status));
    let log = output.finished.stdout + &output.finished.stderr + &records.concat();
    Ok(Run { outcomes, log, seconds })
}

/// The lines `= NAME<tab>OUTCOME`.
fn outcomes(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("= ")?.split_once('\t'));
    lines.map(|(name, outcome)| (name.to_owned(), outcome.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_lines_are_outcomes() {
        let said = outcomes("- a: b\n= a\tstatus 0\nx = y\tz\n");
        assert_eq!(said.into_iter().collect::<Vec<_>>(), [("a".to_owned(), "status 0".to_owned())]);
    }
}
