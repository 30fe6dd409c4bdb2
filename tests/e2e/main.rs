//! The end-to-end tests: real containers in a real, private Docker engine. One module per subject.
//!
//! `cargo test --release -p tests --test e2e -- FILTER` runs some of them, `-- --list` names all.
#![forbid(unsafe_code)]

mod attacks;
mod bad_input;
mod convert;
mod exec_confined;
mod leaks;
mod life_cycle;
mod podman;
mod survival;
mod talk;

use anyhow::{Result, anyhow};
use libtest_mimic::{Arguments, Trial};
use std::sync::{Arc, OnceLock};
use tests::Engine;

/// A test of something that happens in the engine.
struct Test {
    name: String,
    play: Play,
}

type Play = Box<dyn FnOnce(&Engine) -> Result<()> + Send>;

/// One test for each function named, called like it.
macro_rules! tests_of {
    ($($function:ident),* $(,)?) => {
        vec![$($crate::Test::new(
            concat!(module_path!(), "::", stringify!($function)).trim_start_matches("e2e::"),
            $function,
        )),*]
    };
}
use tests_of;

impl Test {
    fn new(
        name: impl Into<String>,
        play: impl FnOnce(&Engine) -> Result<()> + Send + 'static,
    ) -> Self {
        Self { name: name.into(), play: Box::new(play) }
    }

    fn trial(self, engine: &Shared) -> Trial {
        let engine = Arc::clone(engine);
        Trial::test(self.name, move || {
            let engine =
                engine.get_or_init(|| Engine::start().map_err(|error| format!("{error:#}")));
            let played = engine.as_ref().map_err(|error| anyhow!("{error}")).and_then(self.play);
            played.map_err(|error| format!("{error:#}").into())
        })
    }
}

/// The engine, started by the first test that is run, so that `--list` starts none.
type Shared = Arc<OnceLock<Result<Engine, String>>>;

fn main() {
    let mut arguments = Arguments::from_args();
    // Containers mostly wait for the engine; more of them at a time only blur what is measured.
    arguments.test_threads.get_or_insert(2);
    let engine = Shared::default();
    let tests = [
        life_cycle::tests(),
        talk::tests(),
        exec_confined::tests(),
        bad_input::tests(),
        convert::tests(),
        podman::tests(),
        attacks::tests(),
        survival::tests(),
    ];
    let trials = tests.into_iter().flatten().map(|test| test.trial(&engine)).collect();
    let played = libtest_mimic::run(&arguments, trials);
    let engine = Arc::into_inner(engine).and_then(OnceLock::into_inner).and_then(Result::ok);
    let left = libtest_mimic::run(&arguments, leaks::trials(engine));
    played.exit_if_failed();
    left.exit();
}
