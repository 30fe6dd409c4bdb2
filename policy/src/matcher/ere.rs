//! POSIX extended regular expressions (regex(7)), rewritten for the `regex` crate, whose matching
//! takes linear time.
//!
//! The rewriting makes every byte that is not an operator of POSIX a literal, so nothing of the
//! crate's own syntax can be reached. What POSIX leaves undefined is refused (a repetition of
//! nothing or of a repetition, an unknown escape), and so are back-references and collating
//! elements, which the crate has no counterpart for. The escapes `\w \W \s \S \b \B` mean what they
//! mean in the GNU C library, for ASCII.

use regex::bytes::{Regex, RegexBuilder};

use super::BadPattern;

/// Enough for any pattern a person writes; a repetition of repetitions grows beyond.
const COMPILED_SIZE: usize = 1 << 17;
/// The lazy automaton of each pattern.
const CACHE_SIZE: usize = 1 << 16;

pub(super) fn compile(pattern: &[u8]) -> Result<Regex, BadPattern> {
    let regex = RegexBuilder::new(&Rewriter::new(pattern).rewrite()?)
        .unicode(false)
        .dot_matches_new_line(true)
        .size_limit(COMPILED_SIZE)
        .dfa_size_limit(CACHE_SIZE)
        .build()?;
    Ok(regex)
}

struct Rewriter<'p> {
    pattern: &'p [u8],
    at: usize,
    out: String,
    /// What a repetition would repeat.
    before: Before,
}

#[derive(PartialEq, Eq)]
enum Before {
    Nothing,
    Atom,
    Repetition,
}

impl<'p> Rewriter<'p> {
    fn new(pattern: &'p [u8]) -> Self {
        Self { pattern, at: 0, out: String::new(), before: Before::Nothing }
    }

    fn rewrite(mut self) -> Result<String, BadPattern> {
        while let Some(byte) = self.next() {
            self.before = match byte {
                b'(' => self.emit("(?:", Before::Nothing),
                b'|' => self.emit("|", Before::Nothing),
                b')' => self.emit(")", Before::Atom),
                b'^' => self.emit("^", Before::Nothing),
                b'$' => self.emit("$", Before::Nothing),
                b'.' => self.emit(".", Before::Atom),
                b'*' | b'+' | b'?' => {
                    self.repeatable()?;
                    self.out.push(char::from(byte));
                    Before::Repetition
                }
                b'{' => self.interval()?,
                b'[' => self.bracket()?,
                b'\\' => self.escape()?,
                _ => self.literal(byte),
            };
        }
        Ok(self.out)
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.pattern.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, expected: &[u8]) -> bool {
        let found = self.pattern[self.at..].starts_with(expected);
        self.at += if found { expected.len() } else { 0 };
        found
    }

    fn error(&self, what: &'static str) -> BadPattern {
        BadPattern::Syntax { what, at: self.at.saturating_sub(1) }
    }

    fn emit(&mut self, text: &str, before: Before) -> Before {
        self.out.push_str(text);
        before
    }

    fn literal(&mut self, byte: u8) -> Before {
        self.out.push_str(&format!("\\x{byte:02x}"));
        Before::Atom
    }

    fn repeatable(&self) -> Result<(), BadPattern> {
        match self.before {
            Before::Atom => Ok(()),
            Before::Nothing => Err(self.error("nothing to repeat")),
            Before::Repetition => Err(self.error("a repetition of a repetition")),
        }
    }

    /// `{2}`, `{2,}`, `{2,3}`.
    fn interval(&mut self) -> Result<Before, BadPattern> {
        self.repeatable()?;
        let length = self.pattern[self.at..].iter().position(|byte| *byte == b'}');
        let inner = length.map(|length| &self.pattern[self.at..self.at + length]);
        let text = inner.and_then(|inner| std::str::from_utf8(inner).ok()).unwrap_or_default();
        let number =
            |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let valid = match text.split_once(',') {
            Some((low, high)) => number(low) && (high.is_empty() || number(high)),
            None => number(text),
        };
        if !valid {
            return Err(self.error("a broken interval"));
        }
        self.at += text.len() + 1;
        self.out.push_str(&format!("{{{text}}}"));
        Ok(Before::Repetition)
    }

    fn escape(&mut self) -> Result<Before, BadPattern> {
        match self.next() {
            None => Err(self.error("a backslash at the end")),
            Some(byte @ (b'w' | b'W' | b's' | b'S')) => {
                self.out.extend(['\\', char::from(byte)]);
                Ok(Before::Atom)
            }
            Some(byte @ (b'b' | b'B')) => {
                self.out.extend(['\\', char::from(byte)]);
                Ok(Before::Nothing)
            }
            Some(b'1'..=b'9') => Err(self.error("a back-reference")),
            Some(byte) if byte.is_ascii_alphanumeric() => Err(self.error("an unknown escape")),
            Some(byte) => Ok(self.literal(byte)),
        }
    }

    /// `[…]`. Inside, backslashes mean themselves, and a `]` in the first place is a member.
    fn bracket(&mut self) -> Result<Before, BadPattern> {
        self.out.push('[');
        if self.take(b"^") {
            self.out.push('^');
        }
        let mut first = true;
        while first || !self.take(b"]") {
            first = false;
            if self.take(b"[:") {
                self.named_class()?;
            } else {
                self.range()?;
            }
        }
        self.out.push(']');
        Ok(Before::Atom)
    }

    fn named_class(&mut self) -> Result<(), BadPattern> {
        const NAMES: [&str; 12] = [
            "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
            "space", "upper", "xdigit",
        ];
        let rest = &self.pattern[self.at..];
        let known = |name: &&&str| rest.starts_with(format!("{name}:]").as_bytes());
        let name = NAMES.iter().find(known).ok_or_else(|| self.error("an unknown class"))?;
        self.at += name.len() + 2;
        self.out.push_str(&format!("[:{name}:]"));
        Ok(())
    }

    fn range(&mut self) -> Result<(), BadPattern> {
        let low = self.member()?;
        let rest = &self.pattern[self.at..];
        self.out.push_str(&format!("\\x{low:02x}"));
        if rest.starts_with(b"-") && !rest.starts_with(b"-]") {
            self.at += 1;
            let high = self.member()?;
            if high < low {
                return Err(self.error("an empty range"));
            }
            self.out.push_str(&format!("-\\x{high:02x}"));
        }
        Ok(())
    }

    fn member(&mut self) -> Result<u8, BadPattern> {
        if self.take(b"[.") || self.take(b"[=") || self.take(b"[:") {
            return Err(self.error("a collating element"));
        }
        self.next().ok_or_else(|| self.error("a bracket that is not closed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, value: &str) -> bool {
        compile(pattern.as_bytes()).unwrap().is_match(value.as_bytes())
    }

    #[test]
    fn posix_syntax_is_understood() {
        let cases = [
            ("^/home/[a-z]+/", "/home/ann/x", true),
            ("a\\.b", "a.b", true),
            ("a\\.b", "axb", false),
            ("^(a|b){2,3}$", "abab", false),
            ("^(a|b){2,3}$", "aba", true),
            ("[]x]", "]", true),
            ("[^]x]", "]", false),
            ("[\\d]", "\\", true),
            ("[\\d]", "7", false),
            ("[a&&b]", "&", true),
            ("[[:digit:]_-]", "-", true),
            ("x~#y", "x~#y", true),
            ("a.c", "a\nc", true),
            ("a$", "a\n", false),
            ("", "anything", true),
            ("()", "x", true),
            ("\\bcat\\b", "a cat.", true),
            ("B", "/a/b/c", false),
        ];
        for (pattern, value, expected) in cases {
            assert_eq!(matches(pattern, value), expected, "{pattern} {value}");
        }
        let bytes = compile(b"^\xff+$").unwrap();
        assert!(bytes.is_match(b"\xff\xff") && !bytes.is_match("ÿ".as_bytes()));
    }

    #[test]
    fn what_posix_leaves_undefined_is_refused() {
        let refused = [
            "*a",
            "a**",
            "a+?",
            "(?i)a",
            "a{",
            "a{,3}",
            "a{x}",
            "a\\",
            "(a)\\1",
            "\\d",
            "\\x41",
            "[a",
            "[z-a]",
            "[[:word:]]",
            "[[.a.]]",
            "(a",
            "a)",
            "^*",
            "a|*b",
            "(a{999}){999}",
        ];
        for pattern in refused {
            assert!(compile(pattern.as_bytes()).is_err(), "{pattern}");
        }
    }
}
