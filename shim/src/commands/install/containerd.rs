//! containerd: a file of ours that its configuration imports.
//!
//! The main file is never changed. A drop-in's `version` is that of the main file: a higher one makes containerd ignore
//! or drop what the main file says. Of version 2 there is no drop-in at all: containerd 1 takes a plug-in's section from one
//! file only, so ours would put the sandbox image and the cgroup driver of the node back to their defaults.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use toml::Value;

use super::{Install, replace};

/// By this line we know a file of ours.
const MARK: &str =
    "# Written by `systrace-shim install --engine containerd`, which writes it anew each time.";

/// Writes the drop-in, or prints it.
pub fn install(wanted: &Install, program: &Path) -> anyhow::Result<()> {
    ensure!(
        wanted.arguments.is_empty(),
        "containerd passes a runtime no arguments: write /etc/systrace/shim.toml"
    );
    let path = &wanted.containerd_config;
    let main = read(path)?;
    let program = program.to_str().context("this program's path is not UTF-8")?;
    let handler = Handler { name: wanted.name("systrace"), program };
    let version = main.get("version").and_then(Value::as_integer).unwrap_or(1);
    match version {
        2 => by_hand(wanted, &handler.section(&main, CRI_1)),
        3 => {
            let section = handler.section(&main, CRI_2);
            write(wanted, &format!("{MARK}\nversion = {version}\n\n{section}"))
        }
        other => bail!("{} has version {other}, and we know 2 and 3", path.display()),
    }
}

/// The plug-in that runs pods, as the two versions call it.
const CRI_1: &str = "io.containerd.grpc.v1.cri";
const CRI_2: &str = "io.containerd.cri.v1.runtime";

fn read(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(path).with_context(|| {
        format!("cannot read {}; `containerd config default` writes one", path.display())
    })?;
    toml::from_str(&text).with_context(|| format!("{} is wrong", path.display()))
}

struct Handler<'h> {
    name: &'h str,
    program: &'h str,
}

impl Handler<'_> {
    /// The handler's tables. Control groups are managed as runc's are: the kubelet has one way for all.
    fn section(&self, main: &Value, plugin: &str) -> String {
        let Self { name, program } = self;
        let runtimes = ["plugins", plugin, "containerd", "runtimes", "runc", "options"];
        let options = runtimes.into_iter().try_fold(main, |value, key| value.get(key));
        let systemd = options.and_then(|options| options.get("SystemdCgroup"));
        let systemd = systemd.and_then(Value::as_bool).unwrap_or(false);
        let table = format!("plugins.'{plugin}'.containerd.runtimes.{name}");
        format!(
            "[{table}]\n  runtime_type = 'io.containerd.runc.v2'\n  \
             pod_annotations = ['systrace-shim.io/*']\n  [{table}.options]\n    \
             BinaryName = '{program}'\n    SystemdCgroup = {systemd}\n"
        )
    }
}

/// Version 2: shows what the administrator adds to the main file.
fn by_hand(wanted: &Install, section: &str) -> anyhow::Result<()> {
    if wanted.dry_run {
        print!("{section}");
        return Ok(());
    }
    bail!(
        "add what --dry-run prints to {}: of version 2, a file of ours beside it would replace its whole section on pods",
        wanted.containerd_config.display()
    )
}

fn write(wanted: &Install, text: &str) -> anyhow::Result<()> {
    if wanted.dry_run {
        print!("{text}");
        return Ok(());
    }
    let path = &wanted.drop_in;
    match fs::read_to_string(path) {
        Ok(old) if old == text => {
            println!("{} is as it should be", path.display());
            return Ok(());
        }
        Ok(old) => ensure!(old.starts_with(MARK), "{} is not ours", path.display()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    replace(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    println!("see that it is imported: containerd config dump | grep systrace-shim");
    println!("then: systemctl restart containerd");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(folder: &Path, main: &str) -> Install {
        fs::write(folder.join("config.toml"), main).unwrap();
        Install {
            engine: super::super::Engine::Containerd,
            daemon_json: "/nonexistent".into(),
            containerd_config: folder.join("config.toml"),
            drop_in: folder.join("conf.d/50-systrace.toml"),
            name: None,
            arguments: vec![],
            dry_run: false,
        }
    }

    const PROGRAM: &str = "/usr/local/bin/systrace-shim";
    const MAIN: &str = "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]\nSystemdCgroup = true\n";

    #[test]
    fn the_drop_in_has_the_main_files_version_and_cgroup_driver() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = wanted(folder.path(), MAIN);
        install(&wanted, Path::new(PROGRAM)).unwrap();
        let text = fs::read_to_string(&wanted.drop_in).unwrap();
        let value: Value = toml::from_str(&text).unwrap();
        assert_eq!(value["version"].as_integer(), Some(3));
        let handler = &value["plugins"][CRI_2]["containerd"]["runtimes"]["systrace"];
        assert_eq!(handler["runtime_type"].as_str(), Some("io.containerd.runc.v2"));
        assert_eq!(handler["pod_annotations"][0].as_str(), Some("systrace-shim.io/*"));
        assert_eq!(handler["options"]["BinaryName"].as_str(), Some(PROGRAM));
        assert_eq!(handler["options"]["SystemdCgroup"].as_bool(), Some(true));
        install(&wanted, Path::new(PROGRAM)).unwrap();
        assert_eq!(fs::read_to_string(&wanted.drop_in).unwrap(), text);
    }

    #[test]
    fn a_file_of_somebody_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = wanted(folder.path(), MAIN);
        fs::create_dir(folder.path().join("conf.d")).unwrap();
        fs::write(&wanted.drop_in, "version = 3\n").unwrap();
        assert!(install(&wanted, Path::new(PROGRAM)).unwrap_err().to_string().contains("not ours"));
        assert_eq!(fs::read_to_string(&wanted.drop_in).unwrap(), "version = 3\n");
    }

    #[test]
    fn of_version_2_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        for (main, words) in
            [("version = 2", "--dry-run"), ("version = 7", "version 7"), ("", "version 1")]
        {
            let wanted = wanted(folder.path(), main);
            let error = install(&wanted, Path::new(PROGRAM)).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert!(!wanted.drop_in.exists());
        }
    }
}
