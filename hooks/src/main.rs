//! `systrace-hook`: confines containers that other runtimes than systrace-shim start.
#![forbid(unsafe_code)]

mod cli;
mod create_runtime;
mod poststop;
mod precreate;
mod state;

use clap::Parser;

fn main() -> std::process::ExitCode {
    cli::run(&cli::Arguments::parse())
}
