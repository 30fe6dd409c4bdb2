//! Images for an engine without a registry: one layer, in the form of `docker save`.

use crate::command::finish;
use crate::place;
use anyhow::{Context, Result};
use serde_json::json;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The images of the tests' node; the first is what a pod's sandbox runs.
pub const PAUSE: &str = "systrace.test/pause:1";
/// Busybox, as in the Docker tests.
pub const BUSYBOX: &str = "systrace.test/busybox:1";

/// Writes the archive of an image that holds `target/programs/pause` only.
///
/// # Errors
/// The program was not compiled, or a file cannot be written.
pub fn pause(folder: &Path) -> Result<PathBuf> {
    let root = folder.join("pause-root");
    fs::DirBuilder::new().mode(0o755).create(&root)?;
    fs::copy(place::programs().join("pause"), root.join("pause")).context("the pause program")?;
    let layer = folder.join("pause-layer.tar");
    let mut tar = Command::new("tar");
    tar.args(["--create", "--numeric-owner", "--directory"]).arg(&root);
    finish(tar.arg("--file").arg(&layer).arg("."), b"")?.success()?;
    archive(folder, PAUSE, &layer, &["/pause"])
}

/// Writes the archive of the busybox image.
///
/// # Errors
/// The set-up has not built the image, or a file cannot be written.
pub fn busybox(folder: &Path) -> Result<PathBuf> {
    archive(folder, BUSYBOX, &place::image("busybox"), &["sh"])
}

fn archive(folder: &Path, tag: &str, layer: &Path, entrypoint: &[&str]) -> Result<PathBuf> {
    let name = tag.replace(['/', ':'], "-");
    let content = folder.join(&name);
    fs::create_dir(&content)?;
    fs::copy(layer, content.join("layer.tar"))?;
    let sum = finish(Command::new("sha256sum").arg(content.join("layer.tar")), b"")?.success()?;
    let digest = sum.split(' ').next().context("sha256sum printed nothing")?;
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Entrypoint": entrypoint,
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{digest}")] },
    });
    let manifest = json!([{ "Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"] }]);
    fs::write(content.join("config.json"), config.to_string())?;
    fs::write(content.join("manifest.json"), manifest.to_string())?;
    let file = folder.join(format!("{name}.tar"));
    let mut tar = Command::new("tar");
    tar.arg("--create").arg("--directory").arg(&content).arg("--file").arg(&file);
    finish(tar.args(["manifest.json", "config.json", "layer.tar"]), b"")?.success()?;
    Ok(file)
}
