//! `systrace-shim`: an OCI runtime that confines containers with Systrace policies.
//!
//! The command line is runc's. [`commands`] holds one file per sub-command; [`cli`] is the main flow.

mod agent;
mod birth;
mod bundle;
mod cgroup;
mod cli;
mod commands;
mod config;
mod confinement;
mod container;
mod copy_up;
mod devices;
mod edits;
mod fence;
mod foreground;
mod hooks;
mod host;
mod identifier;
mod launch;
mod lent;
mod loopback;
mod making;
mod pidfd;
mod report;
mod selection;
mod signal;
mod sockets;
mod stage;
mod stdio;
mod supervise;
mod sys;
mod terminal;
mod workload;

fn main() -> std::process::ExitCode {
    cli::main(std::env::args_os().collect())
}
