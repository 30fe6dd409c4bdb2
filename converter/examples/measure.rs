//! How long it takes to compile a policy or an engine's profile, and how long the program becomes.
//!
//! `cargo run --release -p converter --example measure -- POLICY… PROFILE.json…`

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use converter::bpf::Program;
use converter::host::{Host, LinuxVersion};
use converter::load;
use converter::plan::{Target, plan};
use converter::seccomp::{assemble, engine};

const RUNS: usize = 101;

fn main() -> anyhow::Result<()> {
    for file in std::env::args().skip(1) {
        let path = Path::new(&file);
        let profile = path.extension().is_some_and(|extension| extension == "json");
        if profile { engine_profile(path) } else { policy(path) }.context(file)?;
    }
    Ok(())
}

fn policy(path: &Path) -> anyhow::Result<()> {
    let host = Host::of_this_release(LinuxVersion::SUPERVISABLE);
    let (reading, loaded) = median(|| Ok(load::load(path, Path::new("/etc/systrace"))?))?;
    let (compiling, program) = median(|| {
        let plan = plan(&loaded.set, &host, Target::Supervised);
        Ok(assemble(&plan.map_err(|errors| anyhow::anyhow!("{errors:?}"))?.filter)?)
    })?;
    report(path, &program, reading, compiling);
    Ok(())
}

fn engine_profile(path: &Path) -> anyhow::Result<()> {
    let (reading, profile) = median(|| Ok(serde_json::from_slice(&std::fs::read(path)?)?))?;
    let (compiling, program) = median(|| Ok(assemble(&engine::compile(&profile)?.filter)?))?;
    report(path, &program, reading, compiling);
    Ok(())
}

fn report(path: &Path, program: &Program, reading: Duration, compiling: Duration) {
    println!(
        "{}: read in {} µs, compiled in {} µs, {} instructions",
        path.display(),
        reading.as_micros(),
        compiling.as_micros(),
        program.instructions().len()
    );
}

/// The median of many runs, and the result of the last.
fn median<T>(mut work: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<(Duration, T)> {
    let mut times = Vec::with_capacity(RUNS);
    let mut result = None;
    for _ in 0..RUNS {
        let start = Instant::now();
        result = Some(work()?);
        times.push(start.elapsed());
    }
    times.sort();
    Ok((times[RUNS / 2], result.context("no run")?))
}
