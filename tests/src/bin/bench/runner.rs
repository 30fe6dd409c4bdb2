//! The runtimes that are compared, each with its arguments, on one bundle.

use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::bundle::Bundle;
use tests::command::{finish, limited_to};
use tests::place;

/// A runtime and what it is called in the report.
#[derive(Debug)]
pub struct Runner {
    pub name: &'static str,
    pub words: Vec<String>,
}

/// All of them, and where their bundles lie.
#[derive(Debug)]
pub struct Runners {
    folder: PathBuf,
    pub runc: Runner,
    pub crun: Runner,
    /// Confined by rules on whole calls only: everything is decided in the kernel.
    pub kernel: Runner,
    /// Confined by a policy of the talk.
    pub talk: Runner,
    /// Every file name goes to the supervisor.
    pub supervised: Runner,
    /// Every program that is started goes to the supervisor, and nothing else does.
    pub programs: Runner,
    /// Most is decided in the kernel, what changes files by their names.
    pub ladder: Runner,
    /// The peer that supervises programs, if it is installed.
    pub syd: Option<PathBuf>,
}

impl Runners {
    pub fn new(folder: &Path) -> Result<Self> {
        fs::write(
            folder.join("shim.toml"),
            format!("audit = '{}/<id>.jsonl'\n", folder.display()),
        )?;
        let shim = |name, policy: &str| Runner {
            name,
            words: vec![
                place::shim().display().to_string(),
                format!("--config={}/shim.toml", folder.display()),
                format!("--policy={}/{policy}", place::workspace().display()),
            ],
        };
        Ok(Self {
            folder: folder.to_owned(),
            runc: Runner { name: "runc", words: vec!["runc".to_owned()] },
            crun: Runner { name: "crun", words: vec!["crun".to_owned()] },
            kernel: shim("systrace-shim, docker-default", "tests/policies/kernel.policy"),
            talk: shim("systrace-shim, web-server", "examples/talk/web-server.policy"),
            supervised: shim("systrace-shim, supervised files", "tests/policies/supervised.policy"),
            programs: shim(
                "systrace-shim, supervised programs",
                "tests/policies/supervised-programs.policy",
            ),
            ladder: shim("systrace-shim, ladder", "tests/policies/ladder.policy"),
            syd: installed("syd"),
        })
    }

    /// A bundle with the program that makes calls.
    pub fn bundle(&self, name: &str) -> Result<Bundle> {
        let bundle = Bundle::new(&self.folder.join(name), "/systrace-bench")?;
        bundle.take(&place::programs().join("calls"))?;
        Ok(bundle)
    }
}

/// Seconds after which what runs in a container ends itself: less than its runtime has, which could leave it behind.
pub const INSIDE: &str = "45";

/// Runs a bundle's command. A container that failed is removed, so that the next one can have its name.
pub fn in_container(
    bundle: &Bundle,
    words: &[String],
    run: impl FnOnce(Command) -> Result<String>,
) -> Result<String> {
    const ID: &str = "bench";
    let result = run(bundle.run(words, ID));
    if result.is_err() {
        let mut delete = limited_to(10, &words[0]);
        delete.args(&words[1..]).arg("--root").arg(bundle.folder().join("state"));
        drop(finish(delete.args(["delete", "--force", ID]), b""));
    }
    result
}

/// Where a program is that need not be there.
pub fn installed(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}
