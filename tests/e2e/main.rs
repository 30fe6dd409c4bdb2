//! The end-to-end tests: real containers in a real, private Docker engine. One module per subject.
//!
//! `cargo test --release -p tests --test e2e -- FILTER` runs some of them, `-- --list` names all.
#![forbid(unsafe_code)]

mod as_another;
mod attacks;
mod bad_input;
mod conformance;
mod containerd;
mod convert;
mod cri;
mod exec_confined;
mod ladder;
mod leaks;
mod life_cycle;
mod many;
mod podman;
mod sockets;
mod spec;
mod stock;
mod survival;
mod talk;
mod transparency;
mod user_namespaces;

use anyhow::{Result, anyhow};
use libtest_mimic::{Arguments, Trial};
use std::sync::{Arc, OnceLock};
use tests::Engine;
use tests::cri::Node;

/// A test of something that happens in an engine.
struct Test {
    name: String,
    play: Play,
}

/// What a test does, and where.
enum Play {
    /// In the Docker engine.
    Docker(In<Engine>),
    /// On a node of Kubernetes.
    Node(In<Node>),
}

type In<E> = Box<dyn FnOnce(&E) -> Result<()> + Send>;

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

/// The same for tests on a node.
macro_rules! tests_of_node {
    ($($function:ident),* $(,)?) => {
        vec![$($crate::Test::on_node(
            concat!(module_path!(), "::", stringify!($function)).trim_start_matches("e2e::"),
            $function,
        )),*]
    };
}
use tests_of_node;

impl Test {
    fn new(
        name: impl Into<String>,
        play: impl FnOnce(&Engine) -> Result<()> + Send + 'static,
    ) -> Self {
        Self { name: name.into(), play: Play::Docker(Box::new(play)) }
    }

    fn on_node(
        name: impl Into<String>,
        play: impl FnOnce(&Node) -> Result<()> + Send + 'static,
    ) -> Self {
        Self { name: name.into(), play: Play::Node(Box::new(play)) }
    }

    fn trial(self, engines: &Engines) -> Trial {
        let (docker, node) = (Arc::clone(&engines.docker), Arc::clone(&engines.node));
        Trial::test(self.name, move || {
            let played = match self.play {
                Play::Docker(play) => play_in(&docker, Engine::start, play),
                Play::Node(play) => play_in(&node, Node::start, play),
            };
            played.map_err(|error| format!("{error:#}").into())
        })
    }
}

fn play_in<E>(shared: &Shared<E>, start: fn() -> Result<E>, play: In<E>) -> Result<()> {
    let engine = shared.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    engine.as_ref().map_err(|error| anyhow!("{error}")).and_then(play)
}

/// An engine, started by the first test that needs it, so that `--list` starts none.
type Shared<E> = Arc<OnceLock<Result<E, String>>>;

#[derive(Default)]
struct Engines {
    docker: Shared<Engine>,
    node: Shared<Node>,
}

/// The engine, if one was started and nobody else holds it.
fn taken<E>(shared: Shared<E>) -> Option<E> {
    Arc::into_inner(shared).and_then(OnceLock::into_inner).and_then(Result::ok)
}

fn main() {
    let mut arguments = Arguments::from_args();
    // Containers mostly wait for the engine; more of them at a time only blur what is measured.
    arguments.test_threads.get_or_insert(2);
    let engines = Engines::default();
    let tests = [
        life_cycle::tests(),
        talk::tests(),
        user_namespaces::tests(),
        exec_confined::tests(),
        ladder::tests(),
        spec::tests(),
        as_another::tests(),
        bad_input::tests(),
        convert::tests(),
        podman::tests(),
        sockets::tests(),
        stock::tests(),
        transparency::tests(),
        attacks::tests(),
        survival::tests(),
        cri::tests(),
        many::tests(),
        conformance::tests(),
        containerd::tests(),
    ];
    let trials = tests.into_iter().flatten().map(|test| test.trial(&engines)).collect();
    let played = libtest_mimic::run(&arguments, trials);
    let left = leaks::trials(taken(engines.docker), taken(engines.node));
    let left = libtest_mimic::run(&arguments, left);
    played.exit_if_failed();
    left.exit();
}
