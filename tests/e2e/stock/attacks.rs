//! The races of the attack tests, and attacks on the agent itself.

use super::{Stage, on_both};
use crate::{Test, tests_of};
use anyhow::{Context, Result, ensure};
use tests::{Engine, StockContainer};

pub fn tests() -> Vec<Test> {
    tests_of![path_race, address_race, program_race, other_entries, the_socket_is_not_inside,]
}

/// How often an attack was let in honestly, and how often it won.
fn score(container: &StockContainer) -> Result<(u64, u64)> {
    let text = container.run()?.success()?;
    let number = |name: &str| {
        let mut words = text.split_whitespace().skip_while(|word| *word != name).skip(1);
        let word = words.next().and_then(|word| word.parse().ok());
        word.with_context(|| format!("no {name} in {text:?}"))
    };
    Ok((number("opened")?, number("wins")?))
}

fn race(engine: &Engine, name: &str, words: &[&str], least: u64) -> Result<()> {
    on_both(engine, name, |stage| {
        let (_, wins) = score(&stage.plain("plain", words)?)?;
        ensure!(wins > 0, "the attack does not even win without a policy");
        let (opened, wins) = score(&stage.container("confined", "attacked", words)?)?;
        ensure!(wins == 0, "the attack won {wins} of {opened} times");
        ensure!(opened >= least, "only {opened} calls were permitted");
        Ok(())
    })
}

fn path_race(engine: &Engine) -> Result<()> {
    race(engine, "path", &["/programs/path_race", "/etc/hostname", "/etc/shadow", "2"], 100)
}

fn address_race(engine: &Engine) -> Result<()> {
    race(engine, "address", &["/programs/sockaddr_race", "5190", "5191", "2"], 100)
}

fn program_race(engine: &Engine) -> Result<()> {
    race(engine, "program", &["/programs/exec_race", "/usr/bin/true", "/usr/bin/false", "4"], 10)
}

fn other_entries(engine: &Engine) -> Result<()> {
    on_both(engine, "entries", |stage| {
        let words = ["/programs/entry32", "/etc/shadow"];
        let seen = stage.container("one", "attacked", &words)?.run()?;
        ensure!(!seen.stdout.contains("opened"), "{}", seen.summary());
        Ok(())
    })
}

/// Nothing of the agent is in the container, and the agent speaks to no one in a container even if its socket is shown there.
fn the_socket_is_not_inside(engine: &Engine) -> Result<()> {
    on_both(engine, "inside", |stage: &Stage| {
        let socket = stage.agent.socket();
        let path = socket.to_str().context("a path in UTF-8")?;
        let seen = stage.container("hidden", "attacked", &["test", "-e", path])?.run()?;
        ensure!(seen.status == 1, "{}", seen.summary());
        let words = ["/programs/agent_forger", "/agent/agent.sock"];
        let container = stage.plain("shown", &words)?;
        container.sees(socket.parent().context("a folder")?, "/agent")?;
        let seen = container.run()?;
        ensure!(seen.stdout == "closed without an answer\n", "{}", seen.summary());
        let log = stage.agent.log();
        ensure!(log.contains("is in a container: its pid namespace is not the agent's"), "{log}");
        Ok(())
    })
}
