//! `fmt`: the canonical form of policies and templates.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use converter::load;
use policy::{Diagnostic, Source, is_template, parse, parse_template, print};
use similar::TextDiff;

use crate::cli::{Outcome, paint};

#[derive(Debug, Args)]
pub struct Fmt {
    /// Only name the files that would change.
    #[arg(long, conflicts_with = "diff")]
    check: bool,
    /// Only show what would change.
    #[arg(long)]
    diff: bool,
    /// The policy or template files, which are rewritten.
    #[arg(value_name = "POLICY", required = true)]
    paths: Vec<PathBuf>,
}

impl Fmt {
    pub fn run(&self, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome::Fine;
        for path in &self.paths {
            let source = load::read(path)?;
            match formatted(&source) {
                Err(findings) => {
                    let paint = paint(std::io::stderr().is_terminal());
                    eprint!("{}", load::shown(&source, &findings, paint));
                    outcome = Outcome::Findings;
                }
                Ok(text) if text == source.text() => {}
                Ok(_) if self.check => {
                    writeln!(out, "{}", path.display())?;
                    outcome = Outcome::Findings;
                }
                Ok(text) if self.diff => {
                    write!(out, "{}", difference(&source, &text))?;
                    outcome = Outcome::Findings;
                }
                Ok(text) => std::fs::write(path, text)
                    .with_context(|| format!("cannot write {}", path.display()))?,
            }
        }
        Ok(outcome)
    }
}

fn formatted(source: &Source) -> Result<Vec<u8>, Vec<Diagnostic>> {
    if is_template(source) {
        return parse_template(source)
            .map(|parsed| print::template(&parsed.tree, &parsed.comments));
    }
    parse(source).map(|parsed| print::file(&parsed.tree, &parsed.comments))
}

fn difference(source: &Source, text: &[u8]) -> String {
    let [old, new] = [source.text(), text].map(String::from_utf8_lossy);
    let name = source.name();
    let diff = TextDiff::from_lines(&old, &new);
    diff.unified_diff().header(name, &format!("{name} (formatted)")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_the_lines() {
        let source =
            Source::new("x.policy", "Policy: x, Emulation: native\nnative-read:   permit\n");
        let text = formatted(&source).expect("right");
        let shown = difference(&source, &text);
        assert!(shown.contains("-native-read:   permit"), "{shown}");
        assert!(shown.contains("+\tnative-read: permit"), "{shown}");
    }
}
