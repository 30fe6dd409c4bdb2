//! What calls cost: decided by nobody, in the kernel, by the supervisor, and by the barest C loop that does the same.

use crate::runner::{Runner, Runners};
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;
use tests::bundle::Bundle;
use tests::command::{finish, limited};
use tests::place;

/// The calls, how often each is made, and by how many processes at a time.
pub const CALLS: [(&str, u32, &[Clients]); 5] = [
    ("open", 20_000, &[Clients::One, Clients::Four]),
    ("stat", 20_000, &[Clients::One, Clients::Four]),
    ("connect", 20_000, &[Clients::One]),
    ("exec", 500, &[Clients::One]),
    ("getppid", 1_000_000, &[Clients::One]),
];

const ROUNDS: usize = 5;

/// How many processes call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    One,
    /// At the same time; each makes a fourth of the calls.
    Four,
}

impl Clients {
    /// What the program that makes the calls is told.
    fn arguments(self, call: &str, count: u32) -> Vec<String> {
        match self {
            Self::One => vec![call.to_owned(), count.to_string()],
            Self::Four => vec![call.to_owned(), (count / 4).to_string(), "4".to_owned()],
        }
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
    Syd,
}

impl Judge<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Container(runner) => runner.name,
            Self::Floor => FLOOR,
            Self::Syd => "syd",
        }
    }
}

/// The judge that the others are compared with.
pub const FLOOR: &str = "bare C loop";

pub fn measure(runners: &Runners) -> Result<Vec<Cost>> {
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
            bundle.command(&[&["/calls"], &words[..]].concat())?;
            for pinned in [true, false] {
                let medians = compare(runners, &bundle, &words, pinned)?;
                costs.extend(medians.map(|(judge, median)| Cost {
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

/// One call under every judge, in alternating rounds.
fn compare(
    runners: &Runners,
    bundle: &Bundle,
    words: &[&str],
    pinned: bool,
) -> Result<impl Iterator<Item = (&'static str, f64)>> {
    let containers = [&runners.runc, &runners.kernel, &runners.supervised].map(Judge::Container);
    // Nobody supervises getppid.
    let floor = (words[0] != "getppid").then_some(Judge::Floor);
    let syd = runners.syd.as_ref().filter(|_| words[0] != "getppid").map(|_| Judge::Syd);
    let judges: Vec<_> = containers.into_iter().chain(floor).chain(syd).collect();
    let mut times: Vec<Vec<f64>> = judges.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (judge, times) in judges.iter().zip(&mut times) {
            let mut command = match (judge, &runners.syd) {
                (Judge::Container(runner), _) => bundle.run(&runner.words, "bench-calls"),
                (Judge::Syd, Some(syd)) => under_syd(syd, words),
                _ => bare_loop(words),
            };
            times.push(once(&mut command, pinned)?);
        }
    }
    let names: Vec<_> = judges.iter().map(Judge::name).collect();
    Ok(names.into_iter().zip(times.into_iter().map(median)))
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
