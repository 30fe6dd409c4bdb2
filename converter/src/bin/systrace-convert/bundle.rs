//! `bundle`: a container's `config.json` with a policy in it, for runc, crun and other runtimes than ours.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use converter::bundle::{self, AGENT, Config, Enforcer, PolicyName, Terms};
use converter::spec::Approximation;

use crate::cli::{Outcome, PolicyFile};

/// Put a policy into a container's config.json, for other runtimes than systrace-shim.
///
/// The engine's seccomp profile in the file stays in force. The agent `systrace-shim supervise` must
/// run on the host, with the same policy in its policy directory under the name of POLICY without
/// `.policy`. The runtime must know seccomp listeners: runc 1.1, crun 0.19, youki, and newer ones.
#[derive(Debug, Args)]
pub struct Bundle {
    /// The configuration to edit.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the edited one is written; it may be the same file.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The socket of the agent.
    #[arg(long, value_name = "SOCKET", default_value = AGENT)]
    agent: PathBuf,
    /// Do without an agent: whole calls and numbers only.
    #[arg(long, conflicts_with = "agent")]
    standalone: bool,
    /// Without an agent: enforce what the kernel can, and say what is weaker. Calls that nobody can judge pass if any rule might
    /// permit them.
    #[arg(long, requires = "standalone")]
    best_effort: bool,
    /// Make edits that some permitted calls can tell: `capabilities` drops those that no permitted call needs, although programs whose
    /// files ask for them do not start then; `mounts` makes the root read-only, mounts noexec and denied folders empty where the policy
    /// has no other use for them. May be given more than once.
    #[arg(long, value_name = "EDITS")]
    approximate: Vec<Approximation>,
    #[command(flatten)]
    policy: PolicyFile,
}

impl Bundle {
    pub fn run(&self, policy_dir: &Path, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        let Some(loaded) = self.policy.load(policy_dir)? else { return Ok(Outcome::Findings) };
        let stem = self.policy.path.file_stem().unwrap_or_default().to_string_lossy();
        let name: PolicyName = stem.parse()?;
        let shown = self.config.display();
        let text = fs::read(&self.config).with_context(|| format!("cannot read {shown}"))?;
        let mut config = Config::parse(&text)?;
        let terms = Terms {
            enforcer: Enforcer::of(&self.agent, self.standalone),
            approximate: self.approximate.iter().copied().collect(),
            best_effort: self.best_effort,
        };
        match bundle::confine(&mut config, &name, &loaded, &terms) {
            Ok(inexact) => inexact.iter().for_each(|line| eprintln!("{line}")),
            Err(error) => {
                eprintln!("{:#}", anyhow::Error::new(error));
                return Ok(Outcome::Findings);
            }
        }
        let mut text = config.into_text()?;
        text.push(b'\n');
        match &self.output {
            None => out.write_all(&text)?,
            Some(path) => {
                let readable_by = fs::metadata(&self.config)?.permissions();
                replace(path, &text, readable_by)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        Ok(Outcome::Fine)
    }
}

/// A reader sees the old file or the new one, nothing between; and only who could read the configuration before: there may be
/// secrets in its variables.
fn replace(path: &Path, text: &[u8], readable_by: Permissions) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text)
        .and_then(|()| file.set_permissions(readable_by))
        .and_then(|()| fs::rename(&beside, path))
        .inspect_err(|_| drop(fs::remove_file(&beside)))
}
