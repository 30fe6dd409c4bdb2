//! Warns where a string's escape takes away the backslash that a pattern was to get.

use super::Checked;
use crate::ast::{Operator, Test};
use crate::diagnostic::{Code, Diagnostic, Span};

pub(super) fn check(checked: &Checked<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (test, _) in checked.tests() {
        let written = checked.source.bytes(test.text.span);
        if let Some((at, escaped)) = lost(test, written) {
            let start = test.text.span.start + at;
            let character = char::from(escaped);
            let message =
                format!("the string takes the backslash away: `\\{character}` is `{character}`");
            let help = format!("write `\\\\{character}` for a backslash and `{character}`");
            let finding =
                Diagnostic::new(Code::LostBackslash, Span { start, end: start + 2 }, message);
            findings.push(finding.help(help));
        }
    }
    findings
}

/// The first escape of a string that was hardly meant as one: where it stands, and what it escapes.
fn lost(test: &Test, written: &[u8]) -> Option<(usize, u8)> {
    let mut at = 0;
    let mut after_backslash = false;
    while let Some(&byte) = written.get(at) {
        if byte != b'\\' {
            (at, after_backslash) = (at + 1, false);
            continue;
        }
        let escaped = *written.get(at + 1)?;
        // In `\\\[` the pattern has its backslash already; the second escape is only needless.
        if !after_backslash && is_lost(test.operator, escaped) {
            return Some((at, escaped));
        }
        (at, after_backslash) = (at + 2, escaped == b'\\');
    }
    None
}

fn is_lost(operator: Operator, escaped: u8) -> bool {
    match escaped {
        b'n' | b'r' => false,
        _ if escaped.is_ascii_alphanumeric() => true,
        _ => match operator {
            Operator::Re => b".[]()*+?{}|^$".contains(&escaped),
            Operator::Match => b"*?[]".contains(&escaped),
            _ => false,
        },
    }
}
