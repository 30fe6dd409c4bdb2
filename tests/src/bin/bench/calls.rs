//! What calls cost: decided by nobody, in the kernel, by the supervisor, and by the barest C loop that does the same.

use crate::runner::{Runner, Runners};
use anyhow::{Context, Result};
use std::process::Command;
use tests::bundle::Bundle;
use tests::command::{finish, limited};
use tests::place;

/// The calls, and how often each is made.
pub const CALLS: [(&str, &str); 3] = [("open", "20000"), ("stat", "20000"), ("getppid", "1000000")];

const ROUNDS: usize = 5;

/// Nanoseconds of one call under one judge.
#[derive(Debug)]
pub struct Cost {
    pub judge: &'static str,
    pub call: &'static str,
    /// All processes share one processor, or each finds its own.
    pub pinned: bool,
    pub median: f64,
}

/// Who decides.
enum Judge<'r> {
    Container(&'r Runner),
    Floor,
}

impl Judge<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Container(runner) => runner.name,
            Self::Floor => "bare C loop",
        }
    }
}

pub fn measure(runners: &Runners) -> Result<Vec<Cost>> {
    let mut costs = Vec::new();
    let mut bundle = runners.bundle("calls")?;
    for (call, count) in CALLS {
        bundle.command(&["/calls", call, count])?;
        for pinned in [true, false] {
            costs.extend(compare(runners, &bundle, (call, count), pinned)?);
        }
    }
    Ok(costs)
}

/// One call under every judge, in alternating rounds.
fn compare(
    runners: &Runners,
    bundle: &Bundle,
    (call, count): (&'static str, &str),
    pinned: bool,
) -> Result<Vec<Cost>> {
    let containers = [&runners.runc, &runners.kernel, &runners.supervised].map(Judge::Container);
    // Nobody supervises getppid.
    let floor = (call != "getppid").then_some(Judge::Floor);
    let judges: Vec<_> = containers.into_iter().chain(floor).collect();
    let mut times: Vec<Vec<f64>> = judges.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (judge, times) in judges.iter().zip(&mut times) {
            let mut command = match judge {
                Judge::Container(runner) => bundle.run(&runner.words, "bench-calls"),
                Judge::Floor => bare_loop(call, count),
            };
            times.push(once(&mut command, pinned)?);
        }
    }
    let costs = judges.iter().zip(times);
    Ok(costs
        .map(|(judge, times)| Cost { judge: judge.name(), call, pinned, median: median(times) })
        .collect())
}

fn bare_loop(call: &str, count: &str) -> Command {
    let mut command = limited(&place::programs().join("floor").to_string_lossy());
    command.arg(call).arg(place::programs().join("calls")).args([call, count]);
    command
}

fn once(command: &mut Command, pinned: bool) -> Result<f64> {
    let text =
        if pinned { finish(&mut on_one_processor(command), b"")? } else { finish(command, b"")? }
            .success()?;
    text.parse().with_context(|| format!("no number of nanoseconds: {text:?}"))
}

fn on_one_processor(command: &Command) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.args(["--cpu-list", "0"]).arg(command.get_program()).args(command.get_args());
    pinned
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
