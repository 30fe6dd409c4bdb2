//! How a diagnostic is shown: the only place where lines are quoted and carets drawn.

use std::fmt::Write;

use super::{Diagnostic, Severity, Span};
use crate::source::Source;

/// What stands around the parts of a shown diagnostic, such as colour codes. The default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Paint {
    /// Before `error[…]` and its carets.
    pub error: &'static str,
    /// Before `warning[…]` and its carets.
    pub warning: &'static str,
    /// Before `note` and `help`.
    pub note: &'static str,
    /// After each of them.
    pub reset: &'static str,
}

impl Paint {
    /// Colours of an ANSI terminal (console_codes(4)).
    pub const ANSI: Self =
        Self { error: "\x1b[1;31m", warning: "\x1b[1;33m", note: "\x1b[1;36m", reset: "\x1b[0m" };

    fn severity(self, severity: Severity) -> &'static str {
        match severity {
            Severity::Note => self.note,
            Severity::Warning => self.warning,
            Severity::Error => self.error,
        }
    }
}

/// The diagnostic in one line: `file:line:column: error[SYS001]: message`.
#[must_use]
pub fn headline(source: &Source, diagnostic: &Diagnostic) -> String {
    title(source, diagnostic, Paint::default())
}

/// All findings in one line, for callers that have no more room: the first error, and how many more there are.
#[must_use]
pub fn summary(source: &Source, findings: &[Diagnostic]) -> String {
    let mut errors = findings.iter().filter(|finding| finding.is_error());
    let Some(first) = errors.next() else { return format!("{}: no errors", source.name()) };
    match errors.count() {
        0 => headline(source, first),
        1 => format!("{} (and one more error)", headline(source, first)),
        more => format!("{} (and {more} more errors)", headline(source, first)),
    }
}

/// The diagnostic with the lines that it speaks of; ends with a line feed.
#[must_use]
pub fn render(source: &Source, diagnostic: &Diagnostic, paint: Paint) -> String {
    let mut shown = title(source, diagnostic, paint);
    shown.push('\n');
    let colour = paint.severity(diagnostic.severity());
    shown.push_str(&excerpt(source, diagnostic.span, colour, paint.reset));
    for label in &diagnostic.labels {
        let place = place(source, label.span);
        let _ = writeln!(shown, "{place}: {}note{}: {}", paint.note, paint.reset, label.text);
        shown.push_str(&excerpt(source, label.span, paint.note, paint.reset));
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(shown, "{}help{}: {help}", paint.note, paint.reset);
    }
    shown
}

fn title(source: &Source, diagnostic: &Diagnostic, paint: Paint) -> String {
    let severity = diagnostic.severity();
    let (colour, reset) = (paint.severity(severity), paint.reset);
    let place = place(source, diagnostic.span);
    format!("{place}: {colour}{severity}[{}]{reset}: {}", diagnostic.code, diagnostic.message)
}

fn place(source: &Source, span: Span) -> String {
    let position = source.position(span.start);
    format!("{}:{}:{}", source.name(), position.line, position.column)
}

/// At most this many characters of a line are shown before and after the start of the span.
const WINDOW: usize = 120;
/// Bytes that surely hold them: so the cost of a finding does not depend on the length of its line.
const WINDOW_BYTES: usize = 4 * (WINDOW + 1);

/// The line of the span's start and carets under the part of the span that stands on it.
fn excerpt(source: &Source, span: Span, colour: &str, reset: &str) -> String {
    let line = source.line_of(span.start);
    let start = span.start.min(line.end);
    let marked = Span { start, end: span.end.clamp(start, line.end) };
    let before = last(source.bytes(Span { start: line.start, end: start }));
    let before = tail(&printable(before));
    let under = printable(first(source.bytes(marked)));
    let after = printable(first(source.bytes(Span { start: marked.end, end: line.end })));
    let shown: String = under.chars().chain(after.chars()).take(WINDOW).collect();
    let indent = " ".repeat(before.chars().count());
    let carets = "^".repeat(under.chars().count().clamp(1, WINDOW));
    format!("    {before}{shown}\n    {indent}{colour}{carets}{reset}\n")
}

fn first(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(WINDOW_BYTES)]
}

/// Starts with a character, if the bytes are UTF-8.
fn last(bytes: &[u8]) -> &[u8] {
    let window = &bytes[bytes.len().saturating_sub(WINDOW_BYTES)..];
    let inside = window.iter().take_while(|byte| **byte & 0xc0 == 0x80).count();
    &window[inside..]
}

/// Bytes as a terminal shows them in place: tabs are four blanks, other control characters a replacement.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace('\t', "    ");
    text.replace(char::is_control, "\u{fffd}")
}

fn tail(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(WINDOW);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    fn finding(start: usize, end: usize) -> Diagnostic {
        Diagnostic::new(Code::IllegalCharacter, Span { start, end }, "no such thing")
    }

    #[test]
    fn carets_stand_under_the_span_after_tabs_and_wide_text() {
        let source = Source::new("p", "one\n\té\"x\"\x1b rest\r\n");
        let shown = render(&source, &finding(7, 10), Paint::default());
        assert_eq!(
            shown,
            "p:2:3: error[SYS001]: no such thing\n        é\"x\"\u{fffd} rest\n         ^^^\n"
        );
    }

    #[test]
    fn labels_and_help_follow() {
        let source = Source::new("p", "ab\ncd\n");
        let finding = finding(3, 9).label(Span::at(1), "see here").help("write it otherwise");
        assert_eq!(
            render(&source, &finding, Paint::default()),
            "p:2:1: error[SYS001]: no such thing\n    cd\n    ^^\n\
             p:1:2: note: see here\n    ab\n     ^\nhelp: write it otherwise\n"
        );
    }

    #[test]
    fn a_summary_counts_the_other_errors() {
        let source = Source::new("p", "ab");
        let first = "p:1:1: error[SYS001]: no such thing";
        assert_eq!(summary(&source, &[finding(0, 1)]), first);
        let three = [finding(0, 1), finding(1, 2), finding(1, 2)];
        assert_eq!(summary(&source, &three), format!("{first} (and 2 more errors)"));
        assert_eq!(summary(&source, &[]), "p: no errors");
    }

    #[test]
    fn a_place_at_the_very_end_has_a_caret() {
        let source = Source::new("p", "ab");
        assert!(render(&source, &finding(2, 2), Paint::default()).ends_with("    ab\n      ^\n"));
    }

    #[test]
    fn long_lines_are_cut() {
        let source = Source::new("p", "x".repeat(100_000));
        assert!(render(&source, &finding(50_000, 90_000), Paint::default()).len() < 600);
    }

    #[test]
    fn colours_surround_the_title_and_the_carets() {
        let source = Source::new("p", "ab");
        let shown = render(&source, &finding(0, 1), Paint::ANSI);
        assert!(shown.contains("\x1b[1;31merror[SYS001]\x1b[0m: no such thing"));
        assert!(shown.contains("\x1b[1;31m^\x1b[0m"));
    }
}
