//! `run` of /bin/true: creation, start and end of a container.

use crate::runner::{Runner, Runners, in_container};
use anyhow::Result;
use std::time::Instant;
use tests::bundle::Bundle;

pub const ROUNDS: usize = 30;

/// Milliseconds of one runtime.
#[derive(Debug)]
pub struct Start {
    pub name: &'static str,
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

/// Each round runs every runtime once, so that what disturbs the machine disturbs all.
pub fn measure(runners: &Runners) -> Result<Vec<Start>> {
    let mut bundle = runners.bundle("start")?;
    bundle.command(&["/bin/true"])?;
    let compared = [&runners.runc, &runners.crun, &runners.kernel, &runners.talk];
    let mut times = compared.map(|_| Vec::with_capacity(ROUNDS));
    // The first round fills caches, and does not count.
    for round in 0..=ROUNDS {
        for (runner, times) in compared.iter().zip(&mut times) {
            let time = once(&bundle, runner)?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    Ok(compared.iter().zip(times).map(|(runner, times)| summary(runner.name, times)).collect())
}

fn once(bundle: &Bundle, runner: &Runner) -> Result<f64> {
    let mut elapsed = 0.0;
    in_container(bundle, &runner.words, |mut command| {
        let started = Instant::now();
        let finished = tests::command::finish(&mut command, b"")?;
        elapsed = started.elapsed().as_secs_f64() * 1e3;
        finished.success()
    })?;
    Ok(elapsed)
}

fn summary(name: &'static str, mut times: Vec<f64>) -> Start {
    times.sort_by(f64::total_cmp);
    Start { name, median: times[times.len() / 2], least: times[0], most: times[times.len() - 1] }
}
