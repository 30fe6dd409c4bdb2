//! `install`: makes this runtime known to an engine.

mod containerd;
mod docker;

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

/// Add this runtime to an engine's configuration
#[derive(Debug, clap::Args)]
pub struct Install {
    /// Whose configuration
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    /// Docker's configuration
    #[arg(long, default_value = "/etc/docker/daemon.json", value_name = "FILE")]
    daemon_json: PathBuf,
    /// containerd's configuration; it is read, and never changed
    #[arg(long, default_value = "/etc/containerd/config.toml", value_name = "FILE")]
    containerd_config: PathBuf,
    /// The file of ours among those that containerd imports
    #[arg(long, default_value = "/etc/containerd/conf.d/50-systrace.toml", value_name = "FILE")]
    drop_in: PathBuf,
    /// Name for `docker run --runtime` [default: systrace-shim], or for the handler of a RuntimeClass [default: systrace]
    #[arg(long, value_parser = parse_name)]
    name: Option<String>,
    /// Argument for every call of the runtime by Docker, such as --policy=web
    #[arg(long = "argument", value_name = "ARGUMENT", allow_hyphen_values = true, value_parser = parse_argument)]
    arguments: Vec<String>,
    /// Print the new configuration and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Engines that can be told of a runtime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    #[default]
    Docker,
    Containerd,
}

impl Install {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        match self.engine {
            Engine::Docker => docker::install(&self, &program)?,
            Engine::Containerd => containerd::install(&self, &program)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn name<'i>(&'i self, default: &'i str) -> &'i str {
        self.name.as_deref().unwrap_or(default)
    }
}

/// Writes a new file beside the old one and renames it: the engine never sees half a file.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().context("the path has no folder")?;
    fs::create_dir_all(folder)?;
    let mode = fs::metadata(path).map_or(0o644, |old| old.permissions().mode());
    let beside = path.with_extension(format!("new.{}", std::process::id()));
    let mut file = File::create_new(&beside)?;
    let written = file
        .set_permissions(Permissions::from_mode(mode))
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The write is what failed; a file that stays beside is only litter.
        let _ = fs::remove_file(&beside);
    }
    Ok(written?)
}

/// Docker reserves `runc`, and passes the name on as a file name.
fn parse_name(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let valid = !text.is_empty() && text != "runc" && text.bytes().all(plain);
    if valid { Ok(text.to_owned()) } else { Err(format!("{text:?} is no runtime name")) }
}

/// Docker writes the arguments into a shell script without quotes.
fn parse_argument(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+.,:/=@".contains(&byte);
    let valid = text.starts_with("--") && text.bytes().all(plain);
    if valid {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} does not survive Docker's shell script"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_as_a_whole_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.json");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        replace(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_shell_would_change_is_refused() {
        assert!(parse_argument("--policy-dir=/etc/systrace").is_ok());
        for text in ["policy", "--policy=a b", "--policy=$(id)", "--policy=a;b"] {
            assert!(parse_argument(text).is_err(), "{text}");
        }
    }
}
