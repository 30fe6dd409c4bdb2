//! `make transparency`: plays each workload under runc and under a policy that supervises everything, and writes the comparison to
//! `docs/transparency.md`. With names of workloads as arguments only these are played, and nothing is written.
#![forbid(unsafe_code)]

mod report;

use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use tests::transparency::{Comparison, IMAGE, POLICY, Run, WORKLOADS, Workload, play};
use tests::{Engine, Runtime, place};

/// Runs on each side; `ROUNDS` in the environment says otherwise.
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("transparency: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let rounds = std::env::var("ROUNDS").map_or(Ok(ROUNDS), |rounds| rounds.parse())?;
    let workloads: Vec<&Workload> = match names.as_slice() {
        [] => WORKLOADS.iter().collect(),
        names => names
            .iter()
            .map(|name| Workload::named(name).with_context(|| format!("no workload {name}")))
            .collect::<Result<_>>()?,
    };
    let engine = Engine::start()?;
    engine.import(IMAGE)?;
    let mut compared = Vec::new();
    for workload in workloads {
        let comparison = compare(&engine, workload, rounds)?;
        println!("{}", report::line(workload, &comparison));
        compared.push((workload, comparison));
    }
    drop(engine);
    report::finish(&compared, names.is_empty())
}

/// The rounds alternate, so that what disturbs the machine disturbs both sides.
fn compare(engine: &Engine, workload: &Workload, rounds: usize) -> Result<Comparison> {
    let mut comparison = Comparison::default();
    let supervised = Runtime::policy(POLICY);
    for round in 0..rounds {
        let plain = play(engine, IMAGE, &Runtime::runc(), workload)?;
        keep(workload, "plain", round, &plain)?;
        comparison.plain.push(plain);
        let run = play(engine, IMAGE, &supervised, workload)?;
        keep(workload, "supervised", round, &run)?;
        comparison.supervised.push(run);
    }
    Ok(comparison)
}

/// Keeps what was written, for whoever looks for a cause.
fn keep(workload: &Workload, side: &str, round: usize, run: &Run) -> Result<()> {
    let folder = logs();
    fs::create_dir_all(&folder)?;
    let name = workload.name.replace(' ', "-");
    fs::write(folder.join(format!("{name}.{side}.{round}")), &run.log)?;
    Ok(())
}

fn logs() -> PathBuf {
    place::workspace().join("target/transparency")
}
