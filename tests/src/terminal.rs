//! A program at a terminal: what the user types, what the user sees.

use anyhow::{Context, Result, ensure};
use nix::pty::{OpenptyResult, openpty};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(15);

/// The user's side of a terminal at which a command runs.
#[derive(Debug)]
pub struct Terminal {
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
    child: Child,
}

impl Terminal {
    /// Starts `command` at a new terminal.
    ///
    /// # Errors
    /// No terminal can be had, or the command could not be started.
    pub fn open(command: &mut Command) -> Result<Self> {
        let OpenptyResult { master, slave } =
            openpty(None, None).context("cannot open a terminal")?;
        let child =
            command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave).spawn()?;
        // The command still holds the far end, and we would never see the end of its output.
        command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let keyboard = File::from(master);
        let mut reader = keyboard.try_clone()?;
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Once nobody has the far end open, reading fails with EIO.
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { keyboard, screen, seen: String::new(), child })
    }

    /// Types.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn type_keys(&mut self, keys: &str) -> Result<()> {
        self.keyboard.write_all(keys.as_bytes()).context("cannot type")
    }

    /// Waits until `text` is on the screen, then forgets everything up to it.
    ///
    /// # Errors
    /// It does not appear.
    pub fn expect(&mut self, text: &str) -> Result<()> {
        let started = Instant::now();
        loop {
            if let Some(place) = self.seen.find(text) {
                self.seen.drain(..place + text.len());
                return Ok(());
            }
            ensure!(
                started.elapsed() < PATIENCE,
                "the screen does not show {text:?}, but: {:?}",
                self.seen
            );
            match self.screen.recv_timeout(Duration::from_millis(100)) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    ensure!(
                        self.seen.contains(text),
                        "the program ended without {text:?}: {:?}",
                        self.seen
                    );
                }
            }
        }
    }

    /// Waits for the program's end and gives its exit status.
    ///
    /// # Errors
    /// The system does not know the program any more.
    pub fn close(mut self) -> Result<i32> {
        let status = self.child.wait()?;
        Ok(status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Ended already in a test that passes.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
