//! The command lines of the engines, as recorded in `tests/fixtures/command-lines`, each block played in order.

use super::oci::{Oci, Runtime};
use crate::Test;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use tests::{Engine, place};

const FILES: [&str; 4] = ["docker-20.10", "containerd-1.6", "podman-4.3", "cri-o"];
/// What arrives with `update --resources -`.
const RESOURCES: &[u8] = br#"{"cpu":{"shares":512},"pids":{"limit":100}}"#;

pub fn tests() -> Vec<Test> {
    FILES
        .into_iter()
        .map(|name| {
            Test::new(format!("conformance::recorded::{name}"), move |engine| play(engine, name))
        })
        .collect()
}

fn play(engine: &Engine, name: &str) -> Result<()> {
    let file = place::fixtures().join(format!("command-lines/{name}.txt"));
    let text = fs::read_to_string(&file)?;
    for (number, block) in text.split("\n\n").enumerate() {
        let lines: Vec<_> = block.lines().filter(|line| !line.starts_with('#')).collect();
        ensure!(!lines.is_empty(), "an empty block in {}", file.display());
        let name = format!("{}-{number}", name.replace('.', "-"));
        Block::new(engine, &name, block.contains("{console}"))?.play(&lines)?;
    }
    Ok(())
}

/// What the words in braces stand for.
struct Block {
    oci: Oci,
    folder: PathBuf,
    /// Keeps what is sent to it until the end.
    _console: UnixListener,
}

impl Block {
    fn new(engine: &Engine, name: &str, terminal: bool) -> Result<Self> {
        let mut oci = Oci::new(engine, name, Runtime::Supervised)?;
        let sleeps = ["sh", "-c", "trap : USR1 TERM; while :; do sleep 0.1; done"];
        oci.configure(|config| {
            config["process"]["terminal"] = json!(terminal);
            config["process"]["args"] = json!(sleeps);
        })?;
        let mut process = oci.config()["process"].clone();
        process["args"] = json!(["sleep", "100"]);
        let folder = oci.folder().to_owned();
        fs::write(folder.join("process.json"), process.to_string())?;
        let _console = UnixListener::bind(folder.join("console"))?;
        Ok(Self { oci, folder, _console })
    }

    fn play(&self, lines: &[&str]) -> Result<()> {
        for line in lines {
            let words: Vec<_> = line.split(' ').map(|word| self.fill(word)).collect();
            let input = if line.contains("--resources -") { RESOURCES } else { b"" };
            let said = self.oci.bare(&words, input)?;
            // The last thing that a killed container's engine does may come before its end is seen.
            if line.contains(" delete ") || line.starts_with("delete ") {
                self.oci.await_gone_or(&words, said)?;
                continue;
            }
            ensure!(said.status == 0, "{line}: {}", said.summary());
            self.check(line, &said.stdout).with_context(|| (*line).to_owned())?;
        }
        let left: Vec<_> = fs::read_dir(self.oci.state()).into_iter().flatten().flatten().collect();
        ensure!(left.is_empty(), "left: {left:?}");
        Ok(())
    }

    fn fill(&self, word: &str) -> String {
        let place = |name: &str| self.folder.join(name).display().to_string();
        word.replace("{root}", &self.oci.state().display().to_string())
            .replace("{log}", &place("log.json"))
            .replace("{bundle}", &place(""))
            .replace("{pid-file}", &place("init.pid"))
            .replace("{exec-pid-file}", &place("exec.pid"))
            .replace("{process}", &place("process.json"))
            .replace("{console}", &place("console"))
            .replace("{id}", self.oci.id())
    }

    /// What an engine reads after some of the calls.
    fn check(&self, line: &str, output: &str) -> Result<()> {
        let pid = |file: &str| -> Result<i32> {
            Ok(fs::read_to_string(self.folder.join(file))?.trim().parse()?)
        };
        if line.contains(" create ") {
            ensure!(fs::exists(format!("/proc/{}", pid("init.pid")?))?, "no process");
        }
        if line.contains(" exec ") {
            ensure!(fs::exists(format!("/proc/{}", pid("exec.pid")?))?, "no process");
        }
        if line.contains(" ps ") {
            let pids: Vec<i32> = serde_json::from_str(output)?;
            ensure!(pids.contains(&pid("init.pid")?), "{pids:?}");
        }
        if line == "features" {
            let features: serde_json::Value = serde_json::from_str(output)?;
            ensure!(features["ociVersionMax"].is_string(), "{output}");
        }
        if line == "--version" {
            ensure!(output.starts_with("runc version ") && output.contains("\nspec: "), "{output}");
        }
        Ok(())
    }
}
