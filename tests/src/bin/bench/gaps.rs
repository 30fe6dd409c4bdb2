//! What could not be measured: it is said on the page, and the rest is measured nevertheless.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// A run ends its last part within this time; a part itself is bounded by its own limit.
const TIME: Duration = Duration::from_secs(400);

/// What is missing from the page, and until when more may be begun.
#[derive(Debug)]
pub struct Gaps {
    end: Instant,
    list: Vec<String>,
}

impl Gaps {
    pub fn new() -> Self {
        Self { end: Instant::now() + TIME, list: Vec::new() }
    }

    /// Measures a part, unless the time is over. A failure is noted.
    pub fn part<T>(&mut self, name: &str, measure: impl FnOnce() -> Result<T>) -> Option<T> {
        let late = || -> Result<()> {
            if Instant::now() > self.end { bail!("the time is over") } else { Ok(()) }
        };
        match late().and_then(|()| measure()) {
            Ok(measured) => Some(measured),
            Err(error) => {
                self.note(format!("{name}: {error:#}"));
                None
            }
        }
    }

    /// Notes what is missing, once.
    pub fn note(&mut self, what: String) {
        if !self.list.contains(&what) {
            println!("not measured: {what}");
            self.list.push(what);
        }
    }

    pub fn list(&self) -> &[String] {
        &self.list
    }
}
