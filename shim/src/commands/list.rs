//! `list`: the containers of the state directory.

use std::process::ExitCode;

use crate::commands::state::Description;
use crate::config::Settings;
use crate::container::Store;

/// List the containers
#[derive(Debug, clap::Args)]
pub struct List {
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    /// Print names only
    #[arg(short, long)]
    quiet: bool,
}

/// Forms of lists.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub enum Format {
    #[default]
    Table,
    Json,
}

impl List {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let store = Store::new(&settings.config.root);
        let containers = store.list()?;
        let rows: Vec<_> = containers.iter().map(|one| Description::of(&store, one)).collect();
        match (self.quiet, self.format) {
            (true, _) => rows.iter().for_each(|row| println!("{}", row.id)),
            (false, Format::Json) => println!("{}", serde_json::to_string(&rows)?),
            (false, Format::Table) => print!("{}", table(&rows)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn table(rows: &[Description]) -> String {
    let width = |column: fn(&Description) -> usize, head: usize| {
        rows.iter().map(column).max().unwrap_or(0).max(head) + 4
    };
    let id = width(|row| row.id.len(), 2);
    let bundle = width(|row| row.bundle.as_os_str().len(), 6);
    let mut text = format!(
        "{:id$}{:<12}{:<12}{:bundle$}{:<36}OWNER\n",
        "ID", "PID", "STATUS", "BUNDLE", "CREATED"
    );
    for row in rows {
        let place = row.bundle.display().to_string();
        text += &format!(
            "{:id$}{:<12}{:<12}{place:bundle$}{:<36}{}\n",
            row.id, row.pid, row.status, row.created, row.owner
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_value() {
        let row = Description {
            oci_version: String::new(),
            id: "a-rather-long-name".into(),
            pid: 7,
            status: "running",
            bundle: "/b".into(),
            rootfs: "/b/rootfs".into(),
            created: "2026-01-01T00:00:00+00:00".into(),
            annotations: Default::default(),
            owner: "root".into(),
        };
        let text = table(&[row]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0].find("PID"), lines[1].find('7'));
        assert_eq!(lines[0].find("OWNER"), lines[1].find("root"));
    }
}
