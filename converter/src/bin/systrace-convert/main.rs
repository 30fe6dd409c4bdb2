//! `systrace-convert`: checks policies, formats them, and shows or writes what they become.
#![forbid(unsafe_code)]

mod bundle;
mod check;
mod cli;
mod eval;
mod explain;
mod expression;
mod fmt;
mod plan;
mod report;
mod seccomp;

use clap::Parser;

fn main() -> std::process::ExitCode {
    cli::run(cli::Arguments::parse())
}
