//! Findings, written for people, for programs and for services that review code.

mod github;
mod json;
mod sarif;

use std::io::{IsTerminal, Write};

use clap::ValueEnum;
use converter::load;
use policy::{Diagnostic, Source, Span};
use serde_json::Value;

use crate::cli::paint;

/// A file and what is to be said about it.
#[derive(Debug)]
pub struct Checked {
    pub source: Source,
    pub findings: Vec<Diagnostic>,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// With the lines that they speak of.
    Text,
    /// One JSON document.
    Json,
    /// Annotations of a GitHub workflow.
    Github,
    /// SARIF 2.1.0, as code scanning services read it.
    Sarif,
}

impl Format {
    pub fn write(self, all: &[Checked], out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::Text => {
                let paint = paint(std::io::stdout().is_terminal());
                for Checked { source, findings } in all {
                    write!(out, "{}", load::shown(source, findings, paint))?;
                }
            }
            Self::Json => document(&json::document(all), out)?,
            Self::Github => write!(out, "{}", github::annotations(all))?,
            Self::Sarif => document(&sarif::document(all), out)?,
        }
        Ok(())
    }
}

fn document(document: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(out, "{}", serde_json::to_string_pretty(document)?)?;
    Ok(())
}

/// Where a span begins and ends: lines from 1, columns in characters from 1, the end one past the
/// last character.
struct Region {
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

impl Region {
    fn of(source: &Source, span: Span) -> Self {
        let (start, end) = (source.position(span.start), source.position(span.end));
        let (line, column) = (start.line, start.column);
        Self { line, column, end_line: end.line, end_column: end.column }
    }
}

#[cfg(test)]
mod tests {
    use policy::{Code, Diagnostic, Source, Span};

    use super::Checked;

    /// A finding on the second line of a file with an odd name.
    pub(super) fn example() -> Checked {
        let source = Source::new("a,b:c.policy", "one\n\u{e9}two\nthree\n");
        let span = |start, end| Span { start, end };
        let finding = Diagnostic::new(Code::Unreachable, span(6, 9), "100% never\ndecides");
        let finding = finding.label(span(0, 3), "decided here").help("move it");
        Checked { source, findings: vec![finding] }
    }
}
