//! Stock runc and crun under the agent: the same policies, the same attacks, without our runtime.

mod attacks;
mod bad_input;
mod confined;

use crate::Test;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use tests::command::finish;
use tests::{Agent, Engine, Finished, Stock, StockContainer, place};

pub fn tests() -> Vec<Test> {
    [confined::tests(), attacks::tests(), bad_input::tests()].into_iter().flatten().collect()
}

/// An agent, and containers of one runtime under it.
pub(crate) struct Stage {
    folder: PathBuf,
    root: PathBuf,
    runtime: Stock,
    pub(crate) agent: Agent,
}

impl Stage {
    pub(crate) fn new(engine: &Engine, name: &str, runtime: Stock) -> Result<Self> {
        let folder = engine.home().run().join(format!("{name}-{}", runtime.name()));
        let agent = Agent::start(&folder, &policies())?;
        Ok(Self { root: root(engine)?, folder, runtime, agent })
    }

    /// A container without a policy.
    pub(crate) fn plain(&self, name: &str, words: &[&str]) -> Result<StockContainer> {
        // Container names are control groups, too: one for each test.
        let stage = self.folder.file_name().context("a folder has a name")?.to_string_lossy();
        let bundle = self.folder.join(format!("{stage}-{name}"));
        let container = StockContainer::new(self.runtime, &bundle, &self.root, words)?;
        let memory = |inside: &str| serde_json::json!({"destination": inside, "type": "tmpfs", "source": "tmpfs"});
        container.mount(memory("/tmp"))?;
        container.sees(&place::programs(), "/programs")?;
        Ok(container)
    }

    /// A container under a policy of `tests/policies`.
    fn container(&self, name: &str, policy: &str, words: &[&str]) -> Result<StockContainer> {
        let container = self.plain(name, words)?;
        let policy = policies().join(format!("{policy}.policy"));
        container.confine(&self.agent.socket(), &policy)?.success()?;
        Ok(container)
    }

    fn shell(&self, name: &str, policy: &str, script: &str) -> Result<Finished> {
        self.container(name, policy, &["sh", "-c", script])?.run()
    }
}

pub(crate) fn policies() -> PathBuf {
    place::workspace().join("tests/policies")
}

/// The debian image's root, unpacked once; containers get it read-only, with folders for what is mounted on it.
fn root(engine: &Engine) -> Result<PathBuf> {
    static UNPACKING: Mutex<()> = Mutex::new(());
    let _alone = UNPACKING.lock().unwrap_or_else(PoisonError::into_inner);
    let root = engine.home().run().join("stock-root");
    if !root.exists() {
        let half = root.with_extension("half");
        fs::create_dir_all(half.join("programs"))?;
        let archive = place::image("debian");
        let mut tar = Command::new("tar");
        finish(tar.arg("-xf").arg(archive).arg("-C").arg(&half), b"")?.success()?;
        fs::write(half.join("etc/hostname"), "stock\n")?;
        fs::rename(half, &root)?;
    }
    Ok(root)
}

fn on_both(engine: &Engine, name: &str, test: impl Fn(&Stage) -> Result<()>) -> Result<()> {
    for runtime in Stock::ALL {
        let stage = Stage::new(engine, name, runtime)?;
        test(&stage).with_context(|| {
            format!("{}; the agent says: {}", runtime.name(), stage.agent.log())
        })?;
    }
    Ok(())
}

fn ensure_denied(seen: &Finished, text: &str) -> Result<()> {
    ensure!(seen.stderr.contains(text), "no {text:?} in {}", seen.summary());
    Ok(())
}

/// Waits until something is so.
fn wait_until(what: &str, mut so: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = std::time::Instant::now();
    while !so()? {
        ensure!(started.elapsed().as_secs() < 10, "waited in vain for {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ok(())
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    paths.iter().filter_map(name).collect()
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
