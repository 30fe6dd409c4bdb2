//! Running a command to its end, within a time limit.

use anyhow::{Context, Result, bail};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

/// Seconds after which a command that should be quick is killed.
pub const LIMIT: u32 = 60;

/// What a finished command left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Exit status; 128 + N for signal N, as a shell says it.
    pub status: i32,
    /// Standard output; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// Standard output without the white space around it, if the status is 0.
    ///
    /// # Errors
    /// The command failed; the error shows what it wrote.
    pub fn success(self) -> Result<String> {
        if self.status != 0 {
            bail!("exit status {}: {}{}", self.status, self.stdout, self.stderr);
        }
        Ok(self.stdout.trim().to_owned())
    }

    /// Status and output on one page, for comparison.
    #[must_use]
    pub fn summary(&self) -> String {
        format!("status {}\n{}{}", self.status, self.stdout, self.stderr)
    }
}

/// `program` under timeout(1), which leaves no process behind when a test hangs.
#[must_use]
pub fn limited(program: &str) -> Command {
    limited_to(LIMIT, program)
}

/// As [`limited`], with another limit in seconds.
#[must_use]
pub fn limited_to(limit: u32, program: &str) -> Command {
    let mut command = Command::new("timeout");
    // In the foreground: docker with a terminal reads from it, and would be stopped in a process group of its own.
    command.args(["--foreground", "--kill-after=5", &limit.to_string(), program]);
    command
}

/// Runs `command` with `input` on its standard input and waits for its end.
///
/// # Errors
/// The command could not be started.
pub fn finish(command: &mut Command, input: &[u8]) -> Result<Finished> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut stdin = child.stdin.take().context("no pipe to the command")?;
    // Written beside the reading: a command that fills its output before it reads must not block us.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A command may end without reading its input; that is no failure of ours.
            drop(stdin.write_all(input));
        });
        child.wait_with_output()
    })?;
    Ok(Finished {
        status: output
            .status
            .code()
            .or_else(|| output.status.signal().map(|signal| 128 + signal))
            .unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
