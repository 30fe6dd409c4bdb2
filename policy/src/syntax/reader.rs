//! Cuts a text into logical lines: comments off, continued lines joined.

use crate::diagnostic::Span;

/// One logical line. A blank line has an empty text and no comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// What the line says, without white space around it.
    pub(super) text: Span,
    /// From `#` to the end of the line.
    pub(super) comment: Option<Span>,
}

/// The logical lines of a text.
pub(super) struct Lines<'s> {
    text: &'s [u8],
    at: usize,
}

impl<'s> Lines<'s> {
    pub(super) fn new(text: &'s [u8]) -> Self {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        Self { text, at: if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 } }
    }

    /// Where the statement that starts here ends: at a comment, or at a line end that nothing continues.
    ///
    /// A `#` in a string is text, and one after `-` belongs to a name (`native-#43`).
    fn end_of_statement(&self) -> usize {
        let mut at = self.at;
        let mut in_string = false;
        while let Some(&byte) = self.text.get(at) {
            match byte {
                b'\n' => return at,
                b'"' => in_string = !in_string,
                b'\\' if in_string && self.text.get(at + 1).is_some_and(|&next| next != b'\n') => {
                    at += 1;
                }
                b'\\' if !in_string => {
                    if let Some(next) = continuation(self.text, at) {
                        at = next;
                        continue;
                    }
                }
                b'#' if !in_string && !self.text[self.at..at].ends_with(b"-") => return at,
                _ => {}
            }
            at += 1;
        }
        at
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if self.at >= self.text.len() {
            return None;
        }
        let end = self.end_of_statement();
        let rest = &self.text[end..];
        let line_end = end + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let text = trim(self.text, Span { start: self.at, end });
        let comment = trim(self.text, Span { start: end, end: line_end });
        self.at = line_end + 1;
        Some(Line { text, comment: (comment.start < comment.end).then_some(comment) })
    }
}

/// The byte after `\`, white space and line feed, if that is what stands here.
fn continuation(text: &[u8], at: usize) -> Option<usize> {
    let after = text.get(at + 1..).filter(|_| text[at] == b'\\')?;
    let blanks = after.iter().take_while(|&&byte| is_blank(byte)).count();
    (after.get(blanks) == Some(&b'\n')).then_some(at + 1 + blanks + 1)
}

/// White space inside a line: blank, tab, carriage return, form feed, vertical tab.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\x0c' | b'\x0b')
}

/// The first byte from `at` on, before `end`, that is neither white space nor part of a continuation.
pub(super) fn skip_blanks(text: &[u8], mut at: usize, end: usize) -> usize {
    let text = &text[..end];
    while let Some(&byte) = text.get(at) {
        at = match continuation(text, at) {
            Some(next) => next,
            None if is_blank(byte) => at + 1,
            None => break,
        };
    }
    at
}

/// The span without white space and continuations at its ends.
pub(super) fn trim(text: &[u8], span: Span) -> Span {
    let start = skip_blanks(text, span.start, span.end);
    let mut end = span.end;
    while end > start {
        // Within a statement a line feed stands only after the `\` that continues it.
        match text[end - 1] {
            b'\n' => end = start + trimmed_length(&text[start..end - 1]).saturating_sub(1),
            byte if is_blank(byte) => end -= 1,
            _ => break,
        }
    }
    Span { start, end }
}

fn trimmed_length(text: &[u8]) -> usize {
    text.iter().rposition(|&byte| !is_blank(byte)).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(&str, Option<&str>)> {
        let part = |span: Span| &text[span.start..span.end];
        Lines::new(text.as_bytes()).map(|line| (part(line.text), line.comment.map(part))).collect()
    }

    #[test]
    fn comments_and_white_space_are_cut() {
        assert_eq!(
            read(" a b \t# c # d \r\n\n#e"),
            [("a b", Some("# c # d")), ("", None), ("", Some("#e"))]
        );
    }

    #[test]
    fn a_hash_in_a_string_or_a_name_is_no_comment() {
        assert_eq!(read(r##"x "a#b\"#c" # d"##), [(r##"x "a#b\"#c""##, Some("# d"))]);
        assert_eq!(read("native-#43: permit"), [("native-#43: permit", None)]);
        assert_eq!(read(r##""a\\"#b"##), [(r#""a\\""#, Some("#b"))]);
    }

    #[test]
    fn a_backslash_before_the_line_end_continues() {
        assert_eq!(read("a \\ \r\n\tb\nc"), [("a \\ \r\n\tb", None), ("c", None)]);
        assert_eq!(read("a \\\n\\\n\nb"), [("a", None), ("b", None)]);
        assert_eq!(read("a \\ b\n"), [("a \\ b", None)]);
    }

    #[test]
    fn nothing_continues_in_a_string_or_a_comment() {
        assert_eq!(read("\"a\\\nb"), [("\"a\\", None), ("b", None)]);
        assert_eq!(read("a # c \\\nb"), [("a", Some("# c \\")), ("b", None)]);
    }

    #[test]
    fn the_last_line_may_lack_its_end() {
        assert_eq!(read("a"), [("a", None)]);
        assert_eq!(read("a \\"), [("a \\", None)]);
        assert_eq!(read("\u{feff}a"), [("a", None)]);
        assert_eq!(read(""), []);
    }
}
