//! `spec`: writes an example `config.json`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

/// Write an example config.json
#[derive(Debug, clap::Args)]
pub struct Spec {
    /// Folder of the bundle
    #[arg(short, long, default_value = ".")]
    bundle: PathBuf,
}

impl Spec {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let path = self.bundle.join("config.json");
        anyhow::ensure!(!path.exists(), "{} exists, remove it first", path.display());
        let text = serde_json::to_string_pretty(&example()?)?;
        std::fs::write(&path, text + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The default of the specification's own types, with names that say what it is.
fn example() -> anyhow::Result<oci_spec::runtime::Spec> {
    let mut spec = oci_spec::runtime::Spec::default();
    spec.set_hostname(Some("container".to_owned()));
    if let Some(process) = spec.process_mut() {
        process.set_terminal(Some(true));
    }
    Ok(spec)
}
