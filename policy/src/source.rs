//! The text of one policy file, and where in it a byte stands.

use std::sync::Arc;

use crate::diagnostic::Span;

/// A named text. It is bytes: a policy need not be UTF-8.
#[derive(Debug, Clone)]
pub struct Source {
    name: Arc<str>,
    text: Vec<u8>,
    /// Where each line starts; the first one is 0.
    lines: Vec<usize>,
}

/// A place as people count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1, in characters; a tab counts as one.
    pub column: u32,
}

impl Source {
    /// A source; the name is what diagnostics and audit records call it, usually the file's path.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Vec<u8>>) -> Self {
        let text = text.into();
        let ends = text.iter().enumerate().filter(|&(_, &byte)| byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { name: name.into(), text, lines }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// All of it.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The bytes of a span; the part of it that lies outside of the text is left out.
    #[must_use]
    pub fn bytes(&self, span: Span) -> &[u8] {
        let end = span.end.min(self.text.len());
        &self.text[span.start.min(end)..end]
    }

    /// A span as one printable line, for audit records: `\` at line ends and the indentation after it become one blank.
    #[must_use]
    pub fn quote(&self, span: Span) -> String {
        let text = String::from_utf8_lossy(self.bytes(span));
        let mut quoted = String::with_capacity(text.len());
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                let kept = quoted.trim_end().trim_end_matches('\\').trim_end().len();
                quoted.truncate(kept);
                quoted.push(' ');
            }
            quoted.push_str(if number > 0 { line.trim_start() } else { line });
        }
        quoted.replace(|c: char| c.is_control() && c != '\t', "\u{fffd}")
    }

    /// Line and column of a byte; one past the end is the end.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|&start| start <= offset);
        let before = &self.text[self.lines[line - 1]..offset];
        // As many as a lossy conversion would have, without the copy: lines may be long.
        let characters = before
            .utf8_chunks()
            .map(|chunk| chunk.valid().chars().count() + usize::from(!chunk.invalid().is_empty()));
        let column = characters.sum::<usize>() + 1;
        Position { line: clamp(line), column: clamp(column) }
    }

    /// The span of the line that a byte stands in, without its line end.
    #[must_use]
    pub fn line_of(&self, offset: usize) -> Span {
        let line = self.lines.partition_point(|&start| start <= offset);
        let start = self.lines[line - 1];
        let end = self.lines.get(line).map_or(self.text.len(), |next| next - 1);
        let end = if self.text[start..end].ends_with(b"\r") { end - 1 } else { end };
        Span { start, end }
    }
}

fn clamp(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let source = Source::new("p", "ab\n\té\u{1f600}x\r\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(3), Position { line: 2, column: 1 });
        assert_eq!(source.position(10), Position { line: 2, column: 4 });
        assert_eq!(source.position(999), Position { line: 3, column: 1 });
        assert_eq!(source.bytes(source.line_of(4)), "\té\u{1f600}x".as_bytes());
    }

    #[test]
    fn a_quoted_rule_is_one_line() {
        let source = Source::new("p", "a eq \"b\" \\ \r\n\t then permit");
        assert_eq!(source.quote(Span { start: 0, end: 99 }), "a eq \"b\" then permit");
    }

    #[test]
    fn a_quoted_rule_holds_no_control_characters() {
        let source = Source::new("p", *b"a\x1b[2J\xff");
        assert_eq!(source.quote(Span { start: 0, end: 9 }), "a\u{fffd}[2J\u{fffd}");
    }
}
