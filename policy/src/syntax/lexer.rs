//! Cuts a rule into tokens.

use super::reader::skip_blanks;
use crate::ast::{Operator, Relation};
use crate::diagnostic::{Code, Diagnostic, Span};

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// What a token is. The text of words, numbers and strings is in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word,
    Number,
    /// A string with its quotes; [`unescape`] gives its text.
    Text,
    Keyword(Keyword),
    Relation(Relation),
    Open,
    Close,
    OpenIndex,
    CloseIndex,
    Colon,
    Comma,
    End,
}

/// The reserved words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Permit,
    Deny,
    Ask,
    And,
    Or,
    Not,
    True,
    Then,
    Log,
    As,
    If,
    User,
    Group,
    Operator(Operator),
}

/// The reserved words that are no operators.
const KEYWORDS: &[(&str, Keyword)] = &[
    ("permit", Keyword::Permit),
    ("deny", Keyword::Deny),
    ("ask", Keyword::Ask),
    ("and", Keyword::And),
    ("or", Keyword::Or),
    ("not", Keyword::Not),
    ("true", Keyword::True),
    ("then", Keyword::Then),
    ("log", Keyword::Log),
    ("as", Keyword::As),
    ("if", Keyword::If),
    ("user", Keyword::User),
    ("group", Keyword::Group),
];

/// Everything else that means something, longer marks before those that they start with.
const MARKS: &[(&str, TokenKind)] = &[
    ("->", TokenKind::Keyword(Keyword::Then)),
    ("!=", TokenKind::Relation(Relation::NotEqual)),
    ("=", TokenKind::Relation(Relation::Equal)),
    ("<", TokenKind::Relation(Relation::Less)),
    (">", TokenKind::Relation(Relation::Greater)),
    ("(", TokenKind::Open),
    (")", TokenKind::Close),
    ("[", TokenKind::OpenIndex),
    ("]", TokenKind::CloseIndex),
    (":", TokenKind::Colon),
    (",", TokenKind::Comma),
];

impl Keyword {
    fn read(word: &[u8]) -> Option<Self> {
        let operator = Operator::ALL.iter().find(|operator| operator.name().as_bytes() == word);
        let keyword = KEYWORDS.iter().find(|(name, _)| name.as_bytes() == word);
        operator.copied().map(Self::Operator).or(keyword.map(|&(_, keyword)| keyword))
    }
}

/// The keyword that a word would be in lower case, if it is not.
pub(super) fn meant_keyword(word: &[u8]) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    Keyword::read(&lower).filter(|_| lower != word)?;
    String::from_utf8(lower).ok()
}

/// The tokens of one rule.
pub(super) struct Lexer<'s> {
    text: &'s [u8],
    at: usize,
}

impl<'s> Lexer<'s> {
    /// The part of `text` that `span` covers.
    pub(super) fn new(text: &'s [u8], span: Span) -> Self {
        Self { text: &text[..span.end], at: span.start }
    }

    /// The next token; [`TokenKind::End`] for ever after the last one.
    pub(super) fn token(&mut self) -> Result<Token, Diagnostic> {
        let start = skip_blanks(self.text, self.at, self.text.len());
        let (kind, end) = match self.text.get(start) {
            None => (TokenKind::End, start),
            Some(b'"') => (TokenKind::Text, self.end_of_string(start)?),
            Some(b'0'..=b'9') => (TokenKind::Number, self.run(start, |byte| byte.is_ascii_digit())),
            Some(b'_' | b'$' | b'a'..=b'z' | b'A'..=b'Z') => self.word(start),
            Some(_) => self.mark(start)?,
        };
        self.at = end;
        Ok(Token { kind, span: Span { start, end } })
    }

    fn run(&self, start: usize, belongs: impl Fn(u8) -> bool) -> usize {
        let rest = &self.text[start..];
        start + rest.iter().position(|&byte| !belongs(byte)).unwrap_or(rest.len())
    }

    /// A word or keyword. `-` belongs to words, but not that of an arrow (`true->permit`); `$` only as first or last.
    fn word(&self, start: usize) -> (TokenKind, usize) {
        let mut end = start + 1;
        while let Some(&byte) = self.text.get(end) {
            let arrow = self.text[end..].starts_with(b"->");
            if arrow || !(byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte)) {
                break;
            }
            end += 1;
        }
        end += usize::from(self.text.get(end) == Some(&b'$'));
        let word = &self.text[start..end];
        (Keyword::read(word).map_or(TokenKind::Word, TokenKind::Keyword), end)
    }

    fn mark(&self, start: usize) -> Result<(TokenKind, usize), Diagnostic> {
        let found = MARKS.iter().find(|(mark, _)| self.text[start..].starts_with(mark.as_bytes()));
        let (mark, kind) = found.ok_or_else(|| self.illegal(start))?;
        Ok((*kind, start + mark.len()))
    }

    fn end_of_string(&self, start: usize) -> Result<usize, Diagnostic> {
        let mut at = start + 1;
        while let Some(&byte) = self.text.get(at) {
            match byte {
                b'"' => return self.without_nul(start, at + 1),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        let span = Span { start, end: self.text.len() };
        let open = Diagnostic::new(Code::OpenString, span, "the string is not closed on its line");
        Err(open.help("a string ends with `\"`; inside it write `\\\"` for a quote and `\\\\` for a backslash"))
    }

    fn without_nul(&self, start: usize, end: usize) -> Result<usize, Diagnostic> {
        match self.text[start..end].iter().position(|&byte| byte == 0) {
            Some(nul) => Err(self.illegal(start + nul)),
            None => Ok(end),
        }
    }

    fn illegal(&self, at: usize) -> Diagnostic {
        let rest = &self.text[at..self.text.len().min(at + 4)];
        let character = rest.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
        let span = Span { start: at, end: at + character.map_or(1, char::len_utf8) };
        let shown = character.filter(|character| !character.is_control());
        let message = match shown {
            Some(character) => format!("`{character}` cannot stand here"),
            None => format!("the byte 0x{:02x} cannot stand here", self.text[at]),
        };
        let illegal = Diagnostic::new(Code::IllegalCharacter, span, message);
        match self.text[at] {
            b'\'' => illegal.help("strings stand in double quotes"),
            b';' => illegal.help("a rule ends with its line"),
            b'\\' => illegal.help("a `\\` continues a line only as its last character"),
            b'#' => illegal.help("a comment needs a blank between `-` and `#`"),
            _ => illegal,
        }
    }
}

/// The text of a string token: `\n` and `\r` are line feed and carriage return, `\` before any other byte is that byte.
pub(super) fn unescape(quoted: &[u8]) -> Vec<u8> {
    let mut bytes = quoted[1..quoted.len() - 1].iter().copied();
    let mut text = Vec::with_capacity(bytes.len());
    while let Some(byte) = bytes.next() {
        text.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(other) => other,
                None => byte,
            },
            _ => byte,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lex(text: &str) -> Result<Vec<(TokenKind, &str)>, Diagnostic> {
        let mut lexer = Lexer::new(text.as_bytes(), Span { start: 0, end: text.len() });
        let mut tokens = Vec::new();
        loop {
            let token = lexer.token()?;
            if token.kind == TokenKind::End {
                return Ok(tokens);
            }
            tokens.push((token.kind, &text[token.span.start..token.span.end]));
        }
    }

    fn words(text: &str) -> Vec<&str> {
        lex(text).unwrap().into_iter().map(|(_, word)| word).collect()
    }

    #[test]
    fn words_end_at_parentheses_and_arrows() {
        assert_eq!(words("not(true)->permit"), ["not", "(", "true", ")", "->", "permit"]);
        assert_eq!(words("foo.bar/baz-qux$ $x$y"), ["foo.bar/baz-qux$", "$x$", "y"]);
        assert_eq!(
            words("9x x[01]=<>!=:,"),
            ["9", "x", "x", "[", "01", "]", "=", "<", ">", "!=", ":", ","]
        );
    }

    #[test]
    fn keywords_are_lower_case() {
        assert_eq!(
            lex("eq EQ").unwrap(),
            [(TokenKind::Keyword(Keyword::Operator(Operator::Eq)), "eq"), (TokenKind::Word, "EQ"),]
        );
        assert_eq!(meant_keyword(b"Eq").as_deref(), Some("eq"));
        assert_eq!(meant_keyword(b"eq"), None);
    }

    #[test]
    fn strings_keep_their_bytes() {
        assert_eq!(words(r##"eq"a\"#b"then"##), ["eq", r##""a\"#b""##, "then"]);
        assert_eq!(unescape(br#""\n\r\t\\\"\x""#), b"\n\rt\\\"x");
        assert_eq!(unescape(b"\"\""), b"");
    }

    #[test]
    fn open_strings_and_illegal_characters_are_shown_in_place() {
        let code = |text| lex(text).map_err(|finding| (finding.code, finding.span.start));
        assert_eq!(code("a \"b\\\""), Err((Code::OpenString, 2)));
        assert_eq!(code("a;"), Err((Code::IllegalCharacter, 1)));
        assert_eq!(code("\"a\\\0\""), Err((Code::IllegalCharacter, 3)));
        assert_eq!(lex("é").unwrap_err().message, "`é` cannot stand here");
        assert_eq!(lex("\x1b").unwrap_err().message, "the byte 0x1b cannot stand here");
    }
}
