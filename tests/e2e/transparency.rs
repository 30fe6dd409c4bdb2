//! Workloads that must not notice that everything they do is supervised: a slice of what `make transparency` plays.

use crate::Test;
use anyhow::{Result, ensure};
use tests::transparency::{Comparison, POLICY, Workload, play};
use tests::{Engine, Runtime};

/// The image of the other tests has what these need.
const IMAGE: &str = "debian";

/// What is played.
const SLICE: &[&str] = &[
    "slice",
    "coreutils",
    "test_os",
    "test_os as demo",
    "test_posix",
    "test_shutil",
    "test_glob",
    "test_mmap",
    "test_select",
    "test_stat",
];

/// A test that varies by itself has so many chances to be the same.
const ROUNDS: usize = 3;

/// One test for each workload.
pub fn tests() -> Vec<Test> {
    let workloads = SLICE.iter().map(|name| Workload::named(name).expect("a workload"));
    workloads
        .map(|workload| {
            Test::new(format!("transparency::{}", workload.name), |engine| same(engine, workload))
        })
        .collect()
}

fn same(engine: &Engine, workload: &Workload) -> Result<()> {
    let mut comparison = Comparison::default();
    for _ in 0..ROUNDS {
        comparison.plain.push(play(engine, IMAGE, &Runtime::runc(), workload)?);
        comparison.supervised.push(play(engine, IMAGE, &Runtime::policy(POLICY), workload)?);
        if comparison.differences().is_empty() {
            ensure!(comparison.tests() > 2, "{}", comparison.plain[0].log);
            return Ok(());
        }
    }
    ensure!(comparison.differences().is_empty(), "{:#?}", comparison.differences());
    Ok(())
}
