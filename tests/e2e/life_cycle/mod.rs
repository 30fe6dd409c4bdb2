//! A container lives under `systrace-shim` as it lives under runc: every scenario is played under both, and what is seen
//! must be the same. The policy permits everything, but has the supervisor decide on files, programs and addresses.

mod background;
mod limits;
mod process;
mod run;
mod terminal;

use crate::Test;
use anyhow::{Result, ensure};
use tests::{Container, Engine, Runtime};

/// One thing that a user does with a container.
struct Scenario {
    name: &'static str,
    /// What is done; the text is what the user sees of it.
    play: fn(&Stage<'_>) -> Result<String>,
    /// What must be seen under runc: without it the scenario would prove nothing.
    shows: &'static [&'static str],
}

/// Where a scenario is played.
struct Stage<'e> {
    engine: &'e Engine,
    runtime: Runtime,
}

impl<'e> Stage<'e> {
    fn busybox(&self) -> Container<'e> {
        self.engine.container("busybox").runtime(&self.runtime)
    }

    fn debian(&self) -> Container<'e> {
        self.engine.container("debian").runtime(&self.runtime)
    }
}

impl Scenario {
    fn compare(&self, engine: &Engine) -> Result<()> {
        let under_runc = (self.play)(&Stage { engine, runtime: Runtime::runc() })?;
        for text in self.shows {
            ensure!(under_runc.contains(text), "runc does not show {text:?}, but:\n{under_runc}");
        }
        let confined = (self.play)(&Stage { engine, runtime: Runtime::policy("supervised") })?;
        ensure!(
            confined == under_runc,
            "under systrace-shim:\n{confined}\nunder runc:\n{under_runc}"
        );
        Ok(())
    }
}

pub fn tests() -> Vec<Test> {
    let subjects: [(&str, &'static [Scenario]); 5] = [
        ("run", run::SCENARIOS),
        ("process", process::SCENARIOS),
        ("background", background::SCENARIOS),
        ("limits", limits::SCENARIOS),
        ("terminal", terminal::SCENARIOS),
    ];
    let named = subjects
        .into_iter()
        .flat_map(|(subject, scenarios)| scenarios.iter().map(move |one| (subject, one)));
    named
        .map(|(subject, scenario)| {
            Test::new(format!("life_cycle::{subject}::{}", scenario.name), |engine| {
                scenario.compare(engine)
            })
        })
        .collect()
}
