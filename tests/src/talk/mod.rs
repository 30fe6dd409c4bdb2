//! The talk's slides as experiments: for each rule something that must work and something that must not, tried with real
//! programs. The tests judge what is seen, the demonstration shows it.

mod file_access;
mod network;
mod programs;

use crate::audit::Record;
use crate::command::Finished;
use crate::container::{Output, Running};
use crate::engine::Engine;
use crate::{place, runtime};
use anyhow::{Context, Result, ensure};

/// One slide: a policy and what is tried under it.
#[derive(Debug)]
pub struct Slide {
    /// Its title.
    pub title: &'static str,
    /// The policy in `examples/talk`.
    pub policy: &'static str,
    /// Options of `docker run`.
    pub options: &'static [&'static str],
    /// How the container meets the network.
    pub network: Network,
    /// The experiments.
    pub attempts: &'static [Attempt],
}

/// What a slide's container can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Nothing.
    None,
    /// A peer outside of the policy, on the same loopback device: web servers and a name server.
    Peer,
    /// It is a server itself; a client outside of the policy asks it for a page.
    Serves,
}

/// One experiment.
#[derive(Debug)]
pub struct Attempt {
    /// The rule that it is about, as on the slide.
    pub rule: &'static str,
    /// What is tried, in words.
    pub what: &'static str,
    /// What is tried, as the container's command.
    pub command: &'static [&'static str],
    /// What must come of it.
    pub outcome: Outcome,
}

/// What an attempt must come to.
#[derive(Debug, Clone, Copy)]
pub enum Outcome {
    /// It works, and this text is seen.
    Permitted(&'static str),
    /// It fails.
    Denied(Denial),
}

/// How an attempt fails.
#[derive(Debug, Clone, Copy)]
pub struct Denial {
    /// With this error.
    pub errno: &'static str,
    /// In a call with this value among its arguments.
    pub value: &'static str,
    /// Because of this rule; none: because no rule permits it.
    pub by: Option<&'static str>,
    /// By whom.
    pub judge: Judge,
}

/// Who denies, and so whether there is a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    /// The supervisor, which writes everything down.
    Supervisor,
    /// Landlock, which does not.
    Landlock,
}

/// Denied with EPERM, since no rule permits what `value` names.
const fn uncovered(value: &'static str) -> Outcome {
    Outcome::Denied(Denial { errno: "EPERM", value, by: None, judge: Judge::Supervisor })
}

/// Denied by a rule.
const fn denied(errno: &'static str, value: &'static str, rule: &'static str) -> Outcome {
    Outcome::Denied(Denial { errno, value, by: Some(rule), judge: Judge::Supervisor })
}

/// Denied by Landlock, since no rule permits what `value` names.
const fn fenced(value: &'static str) -> Outcome {
    Outcome::Denied(Denial { errno: "EACCES", value, by: None, judge: Judge::Landlock })
}

/// All slides with policies, in the talk's order.
pub const SLIDES: &[Slide] = &[
    file_access::TYPICAL_SHELL,
    file_access::RESTRICTED_SHELL,
    programs::PROGRAM_EXECUTION,
    programs::INHERITED_EXECUTION,
    network::GAIM,
    network::WEB_BROWSER,
    network::WEB_SERVER,
];

/// What came of an attempt.
#[derive(Debug)]
pub struct Seen {
    /// What the program wrote, and its status.
    pub finished: Finished,
    /// The audit records of the container.
    pub audit: Vec<Record>,
}

impl Slide {
    /// Makes an attempt in a container of its own.
    ///
    /// # Errors
    /// The engine does not do what it must.
    pub fn play(&self, engine: &Engine, attempt: &Attempt) -> Result<Seen> {
        let container = engine
            .container("debian")
            .policy(self.policy)
            .options(self.options.iter().copied())
            .sees(&place::fixtures(), "/fixtures")
            .command(attempt.command.iter().copied());
        match self.network {
            Network::None => Ok(container.run()?.into()),
            Network::Peer => Ok(container.network_of(&network::peer(engine)?).run()?.into()),
            Network::Serves => network::serve(engine, container.start()?),
        }
    }

    /// The policy's rules as they stand on the slide.
    ///
    /// # Errors
    /// The file cannot be read, or has no mark where the slide begins.
    pub fn rules(&self) -> Result<Vec<Rule>> {
        let rules: Vec<_> = self.all_rules()?.into_iter().filter(|rule| rule.on_slide).collect();
        ensure!(!rules.is_empty(), "{} does not say where the slide begins", self.policy);
        Ok(rules)
    }

    /// Every rule of the policy's file; continued lines are joined.
    fn all_rules(&self) -> Result<Vec<Rule>> {
        let file = place::workspace().join(format!("examples/talk/{}.policy", self.policy));
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let (mut rules, mut on_slide) = (Vec::new(), false);
        let mut lines = text.lines().map(str::trim).zip(1..);
        while let Some((line, number)) = lines.next() {
            // The slide ends with the paragraph.
            on_slide = (on_slide && !line.is_empty()) || line == "# As on the slide:";
            if !line.starts_with("native-") {
                continue;
            }
            let mut text = line.to_owned();
            while let Some(begun) = text.strip_suffix('\\') {
                text = format!("{begun}{}", lines.next().map_or("", |(line, _)| line));
            }
            rules.push(Rule { text, line: number, on_slide });
        }
        Ok(rules)
    }

    /// `FILE:LINE` of a rule.
    fn place(&self, rule: &str) -> Result<String> {
        let rules = self.all_rules()?;
        let rule = rules
            .iter()
            .find(|one| one.text == rule)
            .with_context(|| format!("{rule:?} does not stand in {}", self.policy))?;
        Ok(format!("{}.policy:{}", self.policy, rule.line))
    }
}

/// A rule in a policy's file.
#[derive(Debug)]
pub struct Rule {
    /// The rule, on one line.
    pub text: String,
    /// Where it begins.
    pub line: usize,
    on_slide: bool,
}

impl Attempt {
    /// Checks what came of it.
    ///
    /// # Errors
    /// It is not what must come of it; the error shows everything that was seen.
    pub fn judge(&self, slide: &Slide, seen: &Seen) -> Result<()> {
        let judged = match self.outcome {
            Outcome::Permitted(text) => seen.permitted(text),
            Outcome::Denied(denial) => seen.denied(slide, &denial),
        };
        judged.with_context(|| format!("{}\naudit: {:#?}", seen.finished.summary(), seen.audit))
    }
}

impl Seen {
    fn permitted(&self, text: &str) -> Result<()> {
        ensure!(
            self.finished.status == 0,
            "it must work, but ended with status {}",
            self.finished.status
        );
        ensure!(self.finished.summary().contains(text), "it must show {text:?}");
        Ok(())
    }

    fn denied(&self, slide: &Slide, denial: &Denial) -> Result<()> {
        let text = message(denial.errno);
        ensure!(
            self.finished.summary().contains(text),
            "it must fail with {} ({text})",
            denial.errno
        );
        if denial.judge == Judge::Landlock {
            ensure!(
                self.record(denial.value).is_none(),
                "Landlock must deny it, not the supervisor"
            );
            return Ok(());
        }
        let record = self
            .record(denial.value)
            .with_context(|| format!("no record of {:?}", denial.value))?;
        ensure!(
            record.errno.as_deref() == Some(denial.errno),
            "the record must say {}",
            denial.errno
        );
        let place = match denial.by {
            None => None,
            Some(rule) => Some(slide.place(rule)?),
        };
        let named =
            record.rule.as_deref().map(|rule| rule.rsplit('/').next().unwrap_or(rule).to_owned());
        ensure!(named == place, "the record must name {place:?}, but names {named:?}");
        Ok(())
    }

    /// The denial of a call with this value among its arguments.
    #[must_use]
    pub fn record(&self, value: &str) -> Option<&Record> {
        self.audit.iter().find(|record| {
            record.decision == "deny" && record.arguments.values().any(|one| one == value)
        })
    }

    /// The error that the program complained about, if any.
    #[must_use]
    pub fn complaint(&self) -> Option<&'static str> {
        let text = self.finished.summary();
        ERRORS.iter().find(|(_, message)| text.contains(message)).map(|(name, _)| *name)
    }
}

impl From<Output> for Seen {
    fn from(output: Output) -> Self {
        Self { finished: output.finished, audit: output.audit }
    }
}

/// Errors that policies of the talk give, as programs show them (strerror(3)).
const ERRORS: [(&str, &str); 2] =
    [("EPERM", "Operation not permitted"), ("EACCES", "Permission denied")];

fn message(errno: &str) -> &'static str {
    ERRORS
        .iter()
        .find(|(name, _)| *name == errno)
        .map_or("an error that the talk does not use", |(_, text)| text)
}

/// What a running container has shown so far.
fn so_far(running: &Running<'_>, status: i32) -> Result<Seen> {
    let finished = Finished { status, stdout: running.logs()?, stderr: String::new() };
    Ok(Seen { finished, audit: running.audit()? })
}

/// The name of the policy files that the slides use.
///
/// # Errors
/// The folder cannot be read.
pub fn policies() -> Result<Vec<String>> {
    let files = runtime::policies()?;
    Ok(files
        .iter()
        .filter(|file| file.parent().is_some_and(|folder| folder.ends_with("talk")))
        .map(|file| runtime::policy_name(file))
        .collect())
}
