//! Describing a container, running it, and what it left.

use crate::audit::{self, Record};
use crate::command::{Finished, LIMIT, finish};
use crate::engine::{self, Engine};
use crate::runtime::Runtime;
use crate::terminal::Terminal;
use anyhow::{Context, Result};
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a test waits for something that a container does in the background.
const PATIENCE: Duration = Duration::from_secs(15);

/// A container to be.
#[derive(Debug, Clone)]
#[must_use]
pub struct Container<'e> {
    engine: &'e Engine,
    image: String,
    runtime: Runtime,
    options: Vec<String>,
    command: Vec<String>,
    input: Vec<u8>,
    limit: u32,
}

/// What a container that has ended left.
#[derive(Debug)]
pub struct Output {
    /// Status and output of `docker run`.
    pub finished: Finished,
    /// The audit records of the container, in order.
    pub audit: Vec<Record>,
}

impl<'e> Container<'e> {
    pub(crate) fn new(engine: &'e Engine, image: &str) -> Self {
        Self {
            engine,
            image: image.to_owned(),
            runtime: Runtime::runc(),
            options: vec![],
            command: vec![],
            input: vec![],
            limit: LIMIT,
        }
    }

    /// Which runtime runs it; runc if none is named.
    pub fn runtime(mut self, runtime: &Runtime) -> Self {
        self.runtime = runtime.clone();
        self
    }

    /// Confines it with `systrace-shim` and the policy of this name.
    pub fn policy(self, name: &str) -> Self {
        self.runtime(&Runtime::policy(name))
    }

    /// Adds options of `docker run`.
    pub fn options<'a>(mut self, options: impl IntoIterator<Item = &'a str>) -> Self {
        self.options.extend(options.into_iter().map(str::to_owned));
        self
    }

    /// Shows a file or folder of the host, read-only.
    pub fn sees(self, host: &std::path::Path, inside: &str) -> Self {
        let volume = format!("{}:{inside}:ro", host.display());
        self.options(["--volume", &volume])
    }

    /// Shares the network of a running container.
    pub fn network_of(self, peer: &Running<'_>) -> Self {
        let network = format!("--network=container:{}", peer.id());
        self.options([network.as_str()])
    }

    /// The command and its arguments.
    pub fn command<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.command = words.into_iter().map(str::to_owned).collect();
        self
    }

    /// A command line for the container's shell.
    pub fn shell(self, script: &str) -> Self {
        self.command(["sh", "-c", script])
    }

    /// How many seconds it may run to its end.
    pub fn within(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }

    /// What it reads from its standard input.
    pub fn input(mut self, input: &str) -> Self {
        self.input = input.as_bytes().to_vec();
        self.options(["--interactive"])
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// The client could not be started, or the audit records cannot be read.
    pub fn run(self) -> Result<Output> {
        let name = fresh_name();
        let id_file = self.engine.home().run().join(format!("{name}.id"));
        let id_option = format!("--cidfile={}", id_file.display());
        let input = self.input.clone();
        let (engine, limit) = (self.engine, self.limit);
        let words = self.options(["--rm", &id_option]).words("run", &name)?;
        let finished = finish(engine::client_within(engine.home(), limit).args(words), &input)?;
        // No identity, no container: then there is nothing to read.
        let audit = match fs::read_to_string(&id_file) {
            Ok(id) => audit::records(engine.home(), &id)?,
            Err(_) => vec![],
        };
        Ok(Output { finished, audit })
    }

    /// Starts it in the background.
    ///
    /// # Errors
    /// The engine refuses it.
    pub fn start(self) -> Result<Running<'e>> {
        let engine = self.engine;
        let words = self.options(["--detach"]).words("run", &fresh_name())?;
        let id = finish(engine.client().args(words), b"")?.success()?;
        Ok(Running { engine, id })
    }

    /// Runs it with a terminal.
    ///
    /// # Errors
    /// No terminal can be had, or the client could not be started.
    pub fn terminal(self) -> Result<Terminal> {
        let engine = self.engine;
        let words = self.options(["--rm", "--interactive", "--tty"]).words("run", &fresh_name())?;
        Terminal::open(engine.client().args(words))
    }

    /// The client's arguments.
    fn words(self, verb: &str, name: &str) -> Result<Vec<String>> {
        let mut words = vec![
            verb.to_owned(),
            format!("--name={name}"),
            format!("--runtime={}", self.runtime.name()),
        ];
        if !self.options.iter().any(|option| option.starts_with("--network")) {
            words.push("--network=none".to_owned());
        }
        words.extend(self.options);
        words.push(engine::tag(&self.image)?);
        words.extend(self.command);
        Ok(words)
    }
}

/// A container in the background. Dropped, it is removed.
#[derive(Debug)]
pub struct Running<'e> {
    engine: &'e Engine,
    id: String,
}

impl Running<'_> {
    /// Its identity, 64 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `docker VERB … ID …`: `before` are options, `after` what follows the container.
    ///
    /// # Errors
    /// The client could not be started.
    pub fn docker(&self, before: &[&str], after: &[&str]) -> Result<Finished> {
        self.engine.docker(before.iter().copied().chain([self.id()]).chain(after.iter().copied()))
    }

    /// `docker exec OPTIONS ID COMMAND`.
    ///
    /// # Errors
    /// The client could not be started.
    pub fn exec(&self, options: &[&str], command: &[&str]) -> Result<Finished> {
        self.docker(&[&["exec"], options].concat(), command)
    }

    /// `docker exec` with a terminal.
    ///
    /// # Errors
    /// No terminal can be had, or the client could not be started.
    pub fn exec_terminal(&self, command: &[&str]) -> Result<Terminal> {
        Terminal::open(
            self.engine.client().args(["exec", "--interactive", "--tty", self.id()]).args(command),
        )
    }

    /// A field of `docker inspect`, as a Go template.
    ///
    /// # Errors
    /// The container or the field does not exist.
    pub fn inspect(&self, template: &str) -> Result<String> {
        self.docker(&["inspect", "--format", template], &[])?.success()
    }

    /// Everything that it wrote so far, standard output first.
    ///
    /// # Errors
    /// The engine has no log of it.
    pub fn logs(&self) -> Result<String> {
        let finished = self.docker(&["logs"], &[])?;
        Ok(finished.stdout + &finished.stderr)
    }

    /// Waits until its log contains `text`.
    ///
    /// # Errors
    /// It does not within some seconds.
    pub fn await_log(&self, text: &str) -> Result<()> {
        let started = Instant::now();
        loop {
            let logs = self.logs()?;
            if logs.contains(text) {
                return Ok(());
            }
            anyhow::ensure!(
                started.elapsed() < PATIENCE,
                "the container did not say {text:?}, but: {logs}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for its end and gives its exit status.
    ///
    /// # Errors
    /// It does not end within the time limit of a command.
    pub fn wait(&self) -> Result<i32> {
        let status = self.docker(&["wait"], &[])?.success()?;
        status.parse().with_context(|| format!("`docker wait` said {status:?}"))
    }

    /// The audit records so far.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn audit(&self) -> Result<Vec<Record>> {
        audit::records_so_far(self.engine.home(), &self.id)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // What is left in spite of this shows in the leak tests.
        drop(self.docker(&["rm", "--force"], &[]));
    }
}

/// A name that no other container of this run has.
fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("e2e-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
