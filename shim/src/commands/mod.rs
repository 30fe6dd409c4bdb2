//! The registry of the sub-commands: one file each, one line each here.

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::Settings;

mod create;
mod delete;
mod doctor;
mod events;
pub mod exec;
mod features;
mod install;
mod kill;
mod list;
mod pause;
mod ps;
mod resume;
mod run;
mod run_hook;
mod spec;
mod start;
mod state;
mod supervise;
mod unsupported;
mod update;
pub mod version;

/// What can be asked of the runtime.
#[derive(Debug, Subcommand)]
pub enum Command {
    Create(create::Create),
    Delete(delete::Delete),
    Events(events::Events),
    Exec(exec::Exec),
    Features(features::Features),
    Kill(kill::Kill),
    List(list::List),
    Pause(pause::Pause),
    Ps(ps::Ps),
    Resume(resume::Resume),
    Run(run::Run),
    #[command(hide = true)]
    RunHook(run_hook::RunHook),
    Spec(spec::WriteSpec),
    Start(start::Start),
    State(state::State),
    Update(update::Update),
    Checkpoint(unsupported::Checkpoint),
    Restore(unsupported::Restore),
    Doctor(doctor::Doctor),
    Install(install::Install),
    Supervise(supervise::Supervise),
}

impl Command {
    /// Does what is asked.
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create(command) => command.run(settings),
            Self::Delete(command) => command.run(settings),
            Self::Events(command) => command.run(settings),
            Self::Exec(command) => command.run(settings),
            Self::Features(command) => command.run(),
            Self::Kill(command) => command.run(settings),
            Self::List(command) => command.run(settings),
            Self::Pause(command) => command.run(settings),
            Self::Ps(command) => command.run(settings),
            Self::Resume(command) => command.run(settings),
            Self::Run(command) => command.run(settings),
            Self::RunHook(command) => command.run(),
            Self::Spec(command) => command.run(),
            Self::Start(command) => command.run(settings),
            Self::State(command) => command.run(settings),
            Self::Update(command) => command.run(settings),
            Self::Checkpoint(command) => command.run(),
            Self::Restore(command) => command.run(),
            Self::Doctor(command) => command.run(settings),
            Self::Install(command) => command.run(),
            Self::Supervise(command) => command.run(settings),
        }
    }

    /// The exit status if it fails. `exec` keeps 1 for its program, as under runc.
    pub fn failure(&self) -> u8 {
        match self {
            Self::Exec(_) => exec::FAILURE,
            _ => 1,
        }
    }
}
