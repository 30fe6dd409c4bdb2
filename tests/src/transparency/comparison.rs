//! What was different.

use super::run::Run;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// All runs of a workload, without and with supervision.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Comparison {
    /// Under runc.
    pub plain: Vec<Run>,
    /// Under a policy that supervises everything.
    pub supervised: Vec<Run>,
}

/// One test whose outcome under supervision was never seen without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub test: String,
    /// Every outcome without supervision.
    pub plain: BTreeSet<String>,
    /// Every outcome with it.
    pub supervised: BTreeSet<String>,
}

/// What a test says that did not get as far as to say something.
const NOTHING: &str = "nothing";

impl Comparison {
    /// The tests that are not the same. One that varies without supervision may vary with it, in the same ways.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let (plain, supervised) = (gather(&self.plain), gather(&self.supervised));
        let tests: BTreeSet<&String> = plain.keys().chain(supervised.keys()).collect();
        let nothing = BTreeSet::from([NOTHING.to_owned()]);
        let of = |all: &BTreeMap<String, BTreeSet<String>>, test| {
            all.get(test).unwrap_or(&nothing).clone()
        };
        tests
            .into_iter()
            .map(|test| Difference {
                test: test.clone(),
                plain: of(&plain, test),
                supervised: of(&supervised, test),
            })
            .filter(|difference| !difference.supervised.is_subset(&difference.plain))
            .collect()
    }

    /// How many tests there are.
    #[must_use]
    pub fn tests(&self) -> usize {
        gather(&self.plain).len()
    }

    /// How many times as long the median run under supervision took.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        median(&self.supervised) / median(&self.plain)
    }

    /// Seconds of the median run without supervision.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        median(&self.plain)
    }
}

/// Every outcome of every test; a run that does not mention a test that others do counts, too.
fn gather(runs: &[Run]) -> BTreeMap<String, BTreeSet<String>> {
    let tests: BTreeSet<&String> = runs.iter().flat_map(|run| run.outcomes.keys()).collect();
    let outcome =
        |run: &Run, test: &String| run.outcomes.get(test).cloned().unwrap_or(NOTHING.to_owned());
    let outcomes = |test: &String| runs.iter().map(|run| outcome(run, test)).collect();
    tests.into_iter().map(|test| (test.clone(), outcomes(test))).collect()
}

fn median(runs: &[Run]) -> f64 {
    let mut seconds: Vec<f64> = runs.iter().map(|run| run.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(outcomes: &[(&str, &str)], seconds: f64) -> Run {
        let outcomes = outcomes.iter().map(|(test, outcome)| ((*test).into(), (*outcome).into()));
        Run { outcomes: outcomes.collect(), log: String::new(), seconds }
    }

    #[test]
    fn a_difference_is_what_is_never_seen_without_supervision() {
        let comparison = Comparison {
            plain: vec![
                run(&[("a", "ok"), ("b", "ok"), ("c", "ok")], 1.0),
                run(&[("a", "ok"), ("b", "error"), ("c", "ok")], 1.0),
            ],
            supervised: vec![
                run(&[("a", "ok"), ("b", "error")], 2.0),
                run(&[("a", "error"), ("b", "ok"), ("d", "ok")], 4.0),
            ],
        };
        let different: Vec<_> =
            comparison.differences().into_iter().map(|difference| difference.test).collect();
        assert_eq!(different, ["a", "c", "d"]);
        assert!((comparison.ratio() - 4.0).abs() < f64::EPSILON);
        assert_eq!(comparison.tests(), 3);
    }
}
