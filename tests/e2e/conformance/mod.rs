//! The runtime as engines and conformance suites call it, without an engine: the same scenario under runc and under ours,
//! with a policy of whole calls and with one that supervises everything. Whatever is seen must be the same.

mod broken;
mod errors;
mod hooks;
mod oci;
mod recorded;
mod states;

use crate::Test;
use anyhow::{Context, Result, ensure};
use oci::{Oci, Runtime};
use tests::Engine;

#[derive(Clone, Copy)]
/// One thing that is done with a container.
struct Scenario {
    name: &'static str,
    /// What is done; the text is what is seen of it.
    play: fn(&mut Oci) -> Result<String>,
    /// What must be seen under runc: without it the scenario would prove nothing.
    shows: &'static [&'static str],
}

impl Scenario {
    fn compare(&self, engine: &Engine) -> Result<()> {
        let seen = |runtime| {
            let mut oci = Oci::new(engine, self.name, runtime)?;
            (self.play)(&mut oci).with_context(|| format!("under {runtime:?}"))
        };
        let runc = seen(Runtime::Runc)?;
        for text in self.shows {
            ensure!(runc.contains(text), "runc does not show {text:?}, but:\n{runc}");
        }
        for runtime in [Runtime::Kernel, Runtime::Supervised] {
            let ours = seen(runtime)?;
            ensure!(ours == runc, "under {runtime:?}:\n{ours}\nunder runc:\n{runc}");
        }
        Ok(())
    }
}

pub fn tests() -> Vec<Test> {
    let scenarios = [states::SCENARIOS, errors::SCENARIOS, hooks::SCENARIOS].concat();
    let compared = scenarios.into_iter().map(|one| {
        Test::new(format!("conformance::{}", one.name), move |engine| one.compare(engine))
    });
    compared.chain(recorded::tests()).chain(broken::tests()).collect()
}
