//! `make demo`: runs real programs under every policy of the talk and shows what each rule permits and denies.
#![forbid(unsafe_code)]

use anyhow::Result;
use std::io::{IsTerminal as _, Write as _, stdout};
use std::process::ExitCode;
use std::time::Instant;
use tests::Engine;
use tests::talk::{Attempt, Denial, Judge, Outcome, SLIDES, Seen, Slide};

fn main() -> ExitCode {
    match run() {
        Ok(tally) if tally.unexpected == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Tally> {
    let started = Instant::now();
    let ink = Ink { colours: stdout().is_terminal() };
    print!("\nstarting a private Docker engine with systrace-shim as a runtime …");
    stdout().flush()?;
    let engine = Engine::start()?;
    println!(" {:.0} s", started.elapsed().as_secs_f64());
    let mut tally = Tally::default();
    for slide in SLIDES {
        show(slide, &engine, &ink, &mut tally)?;
    }
    print!("\nstopping the engine …");
    stdout().flush()?;
    drop(engine);
    println!(" nothing is left running or mounted");
    println!("\n{}", tally.summary(started));
    Ok(tally)
}

/// One slide: its title, its rules, and under each rule what was tried.
fn show(slide: &Slide, engine: &Engine, ink: &Ink, tally: &mut Tally) -> Result<()> {
    println!("\n{}   examples/talk/{}.policy", ink.bold(slide.title), slide.policy);
    let mut rule = "";
    for attempt in slide.attempts {
        if attempt.rule != rule {
            rule = attempt.rule;
            println!("\n  {}", ink.bold(rule));
        }
        print!("    {:<44}", attempt.what);
        stdout().flush()?;
        let seen = slide.play(engine, attempt)?;
        let judged = attempt.judge(slide, &seen);
        println!("{}", line(attempt, &seen, ink));
        tally.add(attempt, judged.is_ok());
        if let Err(error) = judged {
            println!("{}", ink.red(&format!("    UNEXPECTED: {}", error.root_cause())));
        }
    }
    Ok(())
}

/// What came of an attempt, and what the audit log says about it.
fn line(attempt: &Attempt, seen: &Seen, ink: &Ink) -> String {
    if seen.finished.status == 0 {
        return ink.green("permitted");
    }
    let result = ink.red(&format!("denied {:<7}", seen.complaint().unwrap_or("?")));
    let value = match attempt.outcome {
        Outcome::Denied(denial) => denial.value,
        Outcome::Permitted(_) => "",
    };
    let Some(record) = seen.record(value) else {
        return match attempt.outcome {
            Outcome::Denied(Denial { judge: Judge::Landlock, .. }) => {
                format!("{result} by Landlock")
            }
            _ => format!("{result} no audit record"),
        };
    };
    let rule = record.rule.as_deref().map(|rule| rule.rsplit('/').next().unwrap_or(rule));
    let by = rule.or(record.reason.as_deref()).unwrap_or("no reason given");
    format!("{result} {} {value} ({by})", record.call)
}

#[derive(Debug, Default)]
struct Tally {
    permitted: u32,
    denied: u32,
    unexpected: u32,
}

impl Tally {
    fn add(&mut self, attempt: &Attempt, as_expected: bool) {
        match attempt.outcome {
            _ if !as_expected => self.unexpected += 1,
            Outcome::Permitted(_) => self.permitted += 1,
            Outcome::Denied(_) => self.denied += 1,
        }
    }

    fn summary(&self, started: Instant) -> String {
        let Self { permitted, denied, unexpected } = self;
        let verdict = match unexpected {
            0 => "all as the rules say".to_owned(),
            some => format!("{some} NOT as the rules say"),
        };
        format!(
            "{} policies, {} attempts: {permitted} permitted, {denied} denied, {verdict}. {:.0} s.",
            SLIDES.len(),
            permitted + denied + unexpected,
            started.elapsed().as_secs_f64(),
        )
    }
}

/// Colours, if somebody looks.
struct Ink {
    colours: bool,
}

impl Ink {
    fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn green(&self, text: &str) -> String {
        self.paint("32", text)
    }

    fn red(&self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
