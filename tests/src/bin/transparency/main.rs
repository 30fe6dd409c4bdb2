//! `make transparency`: plays each workload under runc and under a policy that supervises everything, and writes the comparison to
//! `docs/transparency.md`. A run that was cut off goes on where it ended; one after a finished run begins anew. With names of workloads
//! as arguments, only these are played again.
#![forbid(unsafe_code)]

mod report;

use anyhow::{Context, Result};
use std::fs;
use std::process::ExitCode;
use tests::transparency::{
    Comparison, Entry, IMAGE, POLICY, Run, WORKLOADS, Workload, ledger, play,
};
use tests::{Engine, Runtime};

/// How many chances a test that varies by itself has to be the same; `ROUNDS` in the environment says otherwise.
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
    fs::create_dir_all(ledger::folder())?;
    let workloads = if names.is_empty() { missing()? } else { named(&names)? };
    let engine = Engine::start()?;
    engine.import(IMAGE)?;
    for workload in workloads {
        let comparison = compare(&engine, workload, rounds)?;
        println!("{}", report::line(workload, &comparison));
        Entry::new(comparison)?.keep(workload)?;
    }
    drop(engine);
    report::finish()
}

/// What the last run did not come to; everything if it came to its end.
fn missing() -> Result<Vec<&'static Workload>> {
    let mut missing = Vec::new();
    for workload in WORKLOADS {
        if Entry::of(workload)?.is_none() {
            missing.push(workload);
        }
    }
    if !missing.is_empty() {
        return Ok(missing);
    }
    WORKLOADS.iter().try_for_each(Entry::forget)?;
    Ok(WORKLOADS.iter().collect())
}

fn named(names: &[String]) -> Result<Vec<&'static Workload>> {
    let named = |name| Workload::named(name).with_context(|| format!("no workload {name}"));
    names.iter().map(|name| named(name)).collect()
}

/// Plays rounds until everything is the same, or there were enough. They alternate, so that what disturbs the machine disturbs both
/// sides.
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
        if comparison.differences().is_empty() {
            break;
        }
    }
    Ok(comparison)
}

/// Keeps what was written, for whoever looks for a cause.
fn keep(workload: &Workload, side: &str, round: usize, run: &Run) -> Result<()> {
    let name = format!("{}.{side}.{round}", workload.file_name());
    Ok(fs::write(ledger::folder().join(name), &run.log)?)
}
