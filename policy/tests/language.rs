//! The examples of LANGUAGE.md are what they say: good, broken, or warned about.

use policy::{Diagnostic, Source, parse, parse_template};

const LANGUAGE: &str = include_str!("../LANGUAGE.md");

/// Fenced blocks: line, mark, text.
fn blocks() -> Vec<(usize, &'static str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, &str, String)> = None;
    for (number, line) in LANGUAGE.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(mark), None) => open = Some((number + 1, mark, String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, _, text))) => text.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    blocks
}

/// The findings about an example; rules without a header get one.
fn findings(mark: &str, text: &str) -> Vec<Diagnostic> {
    if mark == "systrace,template" {
        let parsed = parse_template(&Source::new("example", text));
        return parsed.map_or_else(|findings| findings, |parsed| parsed.warnings);
    }
    let header = if text.contains("Policy:") { "" } else { "Policy: /bin/x, Emulation: native\n" };
    let parsed = parse(&Source::new("example", format!("{header}{text}")));
    parsed.map_or_else(|findings| findings, |parsed| parsed.warnings)
}

#[test]
fn examples_are_what_they_are_marked_as() {
    let mut seen = 0;
    for (line, mark, text) in blocks() {
        let found = findings(mark, &text);
        let fits = match mark {
            "systrace" | "systrace,template" => found.is_empty(),
            "systrace,warning" => !found.is_empty() && !found.iter().any(Diagnostic::is_error),
            "systrace,error" => found.iter().any(Diagnostic::is_error),
            _ => continue,
        };
        assert!(fits, "LANGUAGE.md:{line}: {found:?}");
        seen += 1;
    }
    assert!(seen >= 7, "only {seen} examples were found");
}
