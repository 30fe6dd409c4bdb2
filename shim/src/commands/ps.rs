//! `ps`: the processes of a container.

use std::process::ExitCode;

use anyhow::Context;

use crate::cgroup::Cgroup;
use crate::commands::list::Format;
use crate::config::Settings;
use crate::container::Store;
use crate::identifier::ContainerId;

/// List the processes of a container
#[derive(Debug, clap::Args)]
pub struct Ps {
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    id: ContainerId,
    /// Options of ps(1) for the table [default: -ef]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

impl Ps {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let container = Store::new(&settings.config.root).load(&self.id)?;
        // One that has stopped may have left processes in a shared pid namespace, or none.
        let pids = Cgroup::of(&container)?.pids()?;
        match self.format {
            Format::Json => println!("{}", serde_json::to_string(&pids)?),
            Format::Table => print!("{}", rows_of(&self.host_table()?, &pids)?),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn host_table(&self) -> anyhow::Result<String> {
        let mut ps = std::process::Command::new("ps");
        if self.options.is_empty() {
            ps.arg("-ef");
        }
        let output = ps.args(&self.options).output().context("cannot run ps")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "ps failed: {}", errors.trim());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The head and the rows of ps(1) that belong to these processes.
fn rows_of(table: &str, pids: &[i32]) -> anyhow::Result<String> {
    let head = table.lines().next().context("ps printed nothing")?;
    let column = head
        .split_whitespace()
        .position(|name| name == "PID")
        .context("the output of ps has no column PID")?;
    let ours = |line: &&str| {
        let pid = line.split_whitespace().nth(column).and_then(|text| text.parse().ok());
        pid.is_some_and(|pid: i32| pids.contains(&pid))
    };
    let rows = std::iter::once(head).chain(table.lines().skip(1).filter(ours));
    Ok(rows.map(|row| format!("{row}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_of_the_container_are_shown() {
        let table = "UID  PID CMD\nroot   1 init\nroot  42 a 1\n";
        assert_eq!(rows_of(table, &[42]).unwrap(), "UID  PID CMD\nroot  42 a 1\n");
        assert!(rows_of("CMD\nx\n", &[42]).is_err());
    }
}
