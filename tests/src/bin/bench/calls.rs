//! What calls cost: decided by nobody, in the kernel, by the supervisor, and by the barest C loop that does the same.

use crate::gaps::Gaps;
use crate::runner::{INSIDE, Runner, Runners, in_container};
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;
use tests::bundle::Bundle;
use tests::command::{finish, limited};
use tests::place;

/// The calls, how often each is made, and by how many processes at a time.
pub const CALLS: [(&str, u32, &[Clients]); 5] = [
    ("open", 20_000, &[Clients::One, Clients::Four, Clients::Flood]),
    ("stat", 20_000, &[Clients::One, Clients::Four]),
    ("connect", 20_000, &[Clients::One]),
    ("exec", 500, &[Clients::One]),
    ("getppid", 1_000_000, &[Clients::One]),
];

const ROUNDS: usize = 5;

/// Each flood lasts for some seconds.
const FLOODS: usize = 2;
/// Calls of one, by all together.
pub const FLOOD: u32 = 128_000;

/// How many processes call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    One,
    /// At the same time; each makes a fourth of the calls.
    Four,
    /// 64 at the same time, for some seconds.
    Flood,
}

impl Clients {
    /// What the program that makes the calls is told.
    fn arguments(self, call: &str, count: u32) -> Vec<String> {
        match self {
            Self::One => vec![call.to_owned(), count.to_string()],
            Self::Four => vec![call.to_owned(), (count / 4).to_string(), "4".to_owned()],
            Self::Flood => vec![call.to_owned(), (FLOOD / 64).to_string(), "64".to_owned()],
        }
    }

    fn rounds(self) -> usize {
        if self == Self::Flood { FLOODS } else { ROUNDS }
    }
}

/// Nanoseconds of one call under one judge.
#[derive(Debug)]
pub struct Cost {
    pub judge: &'static str,
    pub call: &'static str,
    pub clients: Clients,
    /// All processes share one processor, or each finds its own.
    pub pinned: bool,
    pub median: f64,
}

/// Who decides.
enum Judge<'r> {
    Container(&'r Runner),
    Floor,
    Syd(&'r Path),
}

impl Judge<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Container(runner) => runner.name,
            Self::Floor => FLOOR,
            Self::Syd(_) => "syd",
        }
    }
}

/// The judge that the others are compared with.
pub const FLOOR: &str = "bare C loop";

pub fn measure(runners: &Runners, gaps: &mut Gaps) -> Result<Vec<Cost>> {
    let mut costs = Vec::new();
    let mut bundle = runners.bundle("calls")?;
    // Not every runtime brings the loop of a new network up, and the bare loop has the host's.
    bundle.change(|config| {
        if let Some(namespaces) = config["linux"]["namespaces"].as_array_mut() {
            namespaces.retain(|namespace| namespace["type"] != "network");
        }
    })?;
    for (call, count, clients) in CALLS {
        for clients in clients {
            let words = clients.arguments(call, count);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            bundle.command(&[&["timeout", INSIDE, "/calls"], &words[..]].concat())?;
            for pinned in [true, false] {
                let series = Series { bundle: &bundle, words: &words, pinned };
                let medians = compare(runners, &series, (clients.rounds(), gaps));
                costs.extend(medians.into_iter().map(|(judge, median)| Cost {
                    judge,
                    call,
                    clients: *clients,
                    pinned,
                    median,
                }));
            }
        }
    }
    Ok(costs)
}

/// The same calls in every round.
struct Series<'s> {
    bundle: &'s Bundle,
    words: &'s [&'s str],
    pinned: bool,
}

/// One call under every judge, in alternating rounds. A judge that fails is left out from then on.
fn compare(
    runners: &Runners,
    series: &Series<'_>,
    (rounds, gaps): (usize, &mut Gaps),
) -> Vec<(&'static str, f64)> {
    let mut times: Vec<_> =
        judges(runners, series.words[0]).into_iter().map(|judge| (judge, Vec::new())).collect();
    for _ in 0..rounds {
        times.retain_mut(|(judge, times)| {
            let part = format!("{} under {}", series.words.join(" "), judge.name());
            let time = gaps.part(&part, || series.once(judge));
            times.extend(time);
            time.is_some()
        });
    }
    times.into_iter().map(|(judge, times)| (judge.name(), median(times))).collect()
}

/// Who is asked about this call.
fn judges<'r>(runners: &'r Runners, call: &str) -> Vec<Judge<'r>> {
    let supervised = if call == "exec" { &runners.programs } else { &runners.supervised };
    let containers = [&runners.runc, &runners.kernel, supervised].map(Judge::Container);
    // Nobody supervises getppid.
    let others = if call == "getppid" { None } else { Some(Judge::Floor) };
    let syd = runners.syd.as_deref().filter(|_| call != "getppid").map(Judge::Syd);
    containers.into_iter().chain(others).chain(syd).collect()
}

/// The same question to syd: every name, program and address is looked at, and permitted.
fn under_syd(syd: &Path, words: &[&str]) -> Command {
    let mut command = limited(&syd.to_string_lossy());
    command.args(["-poff", "-m", "trace/allow_unsafe_exec_nopie:1"]);
    for rule in
        ["sandbox/read,stat,write,exec,net:on", "allow/all+/***", "allow/net/connect+any!0-65535"]
    {
        command.args(["-m", rule]);
    }
    command.arg("--").arg(place::programs().join("calls")).args(words);
    command
}

fn bare_loop(words: &[&str]) -> Command {
    let mut command = limited(&place::programs().join("floor").to_string_lossy());
    command.arg(words[0]).arg(place::programs().join("calls")).args(words);
    command
}

impl Series<'_> {
    fn once(&self, judge: &Judge<'_>) -> Result<f64> {
        let run = |mut command: Command| match self.pinned {
            true => finish(&mut on_one_processor(&command), b"")?.success(),
            false => finish(&mut command, b"")?.success(),
        };
        let text = match judge {
            Judge::Container(runner) => in_container(self.bundle, &runner.words, run),
            Judge::Syd(syd) => run(under_syd(syd, self.words)),
            Judge::Floor => run(bare_loop(self.words)),
        }?;
        text.parse().with_context(|| format!("no number of nanoseconds: {text:?}"))
    }
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
