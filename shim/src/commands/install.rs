//! `install`: makes this runtime known to a Docker engine.

use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Map, Value, json};

/// Add this runtime to a Docker engine's configuration
#[derive(Debug, clap::Args)]
pub struct Install {
    /// The engine's configuration
    #[arg(long, default_value = "/etc/docker/daemon.json", value_name = "FILE")]
    daemon_json: PathBuf,
    /// Name for `docker run --runtime`
    #[arg(long, default_value = "systrace-shim", value_parser = parse_name)]
    name: String,
    /// Argument for every call of the runtime, such as --policy=web
    #[arg(long = "argument", value_name = "ARGUMENT", allow_hyphen_values = true, value_parser = parse_argument)]
    arguments: Vec<String>,
    /// Print the new configuration and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Install {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let path = &self.daemon_json;
        let old = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => "{}".to_owned(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let new = self
            .merge(&old, &program)
            .with_context(|| format!("cannot change {}", path.display()))?;
        if self.dry_run {
            print!("{new}");
            return Ok(ExitCode::SUCCESS);
        }
        replace(path, &new).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}; now reload the engine: systemctl reload docker", path.display());
        println!("then: docker run --runtime={} …", self.name);
        Ok(ExitCode::SUCCESS)
    }

    /// The old configuration with our entry in it, everything else as it was.
    fn merge(&self, old: &str, program: &Path) -> anyhow::Result<String> {
        let mut whole: Map<String, Value> =
            serde_json::from_str(if old.trim().is_empty() { "{}" } else { old })?;
        let runtimes = whole.entry("runtimes").or_insert_with(|| json!({}));
        let runtimes = runtimes.as_object_mut().context("\"runtimes\" is no object")?;
        let program = program.to_str().context("this program's path is not UTF-8")?;
        let mut entry = json!({ "path": program });
        if !self.arguments.is_empty() {
            entry["runtimeArgs"] = json!(self.arguments);
        }
        runtimes.insert(self.name.clone(), entry);
        Ok(serde_json::to_string_pretty(&whole)? + "\n")
    }
}

/// Writes a new file beside the old one and renames it: the engine never sees half a file.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().context("the path has no folder")?;
    fs::create_dir_all(folder)?;
    let mode = fs::metadata(path).map_or(0o644, |old| old.permissions().mode());
    let beside = path.with_extension(format!("json.{}", std::process::id()));
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

    fn install(arguments: &[&str]) -> Install {
        Install {
            daemon_json: "/nonexistent".into(),
            name: "systrace-shim".into(),
            arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
            dry_run: true,
        }
    }

    #[test]
    fn other_keys_and_their_order_are_kept() {
        let old = r#"{"storage-driver":"overlay2","runtimes":{"crun":{"path":"/usr/bin/crun"}},"bip":"x"}"#;
        let new =
            install(&["--policy=web"]).merge(old, Path::new("/usr/bin/systrace-shim")).unwrap();
        let value: Value = serde_json::from_str(&new).unwrap();
        assert_eq!(value["runtimes"]["crun"]["path"], "/usr/bin/crun");
        assert_eq!(value["runtimes"]["systrace-shim"]["runtimeArgs"][0], "--policy=web");
        let places = ["storage-driver", "runtimes", "bip"].map(|key| new.find(key).unwrap());
        assert!(places.is_sorted());
        let again =
            install(&["--policy=web"]).merge(&new, Path::new("/usr/bin/systrace-shim")).unwrap();
        assert_eq!(again, new);
    }

    #[test]
    fn a_broken_configuration_is_left_alone() {
        for old in ["{", "[]", r#"{"runtimes": []}"#] {
            assert!(install(&[]).merge(old, Path::new("/s")).is_err(), "{old}");
        }
    }

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
