//! The place in a rule that the parser has come to.

use super::lexer::{Lexer, Token, TokenKind, meant_keyword};
use crate::ast::Spanned;
use crate::diagnostic::{Code, Diagnostic, Span};

/// A rule's tokens, one of which is looked at.
pub(super) struct Cursor<'s> {
    text: &'s [u8],
    lexer: Lexer<'s>,
    token: Token,
}

impl<'s> Cursor<'s> {
    /// Looks at the first token of the rule at `span`.
    pub(super) fn new(text: &'s [u8], span: Span) -> Result<Self, Diagnostic> {
        let mut lexer = Lexer::new(text, span);
        let token = lexer.token()?;
        Ok(Self { text, lexer, token })
    }

    pub(super) fn kind(&self) -> TokenKind {
        self.token.kind
    }

    pub(super) fn span(&self) -> Span {
        self.token.span
    }

    /// The token as written.
    pub(super) fn written(&self) -> &'s [u8] {
        self.slice(self.token.span)
    }

    pub(super) fn slice(&self, span: Span) -> &'s [u8] {
        &self.text[span.start..span.end]
    }

    /// Goes to the next token; the result is the place of this one.
    pub(super) fn advance(&mut self) -> Result<Span, Diagnostic> {
        let span = self.token.span;
        self.token = self.lexer.token()?;
        Ok(span)
    }

    /// Goes past a token of this kind, if one stands here.
    pub(super) fn take(&mut self, kind: TokenKind) -> Result<Option<Span>, Diagnostic> {
        if self.token.kind == kind { self.advance().map(Some) } else { Ok(None) }
    }

    /// Goes past a token of this kind, which must stand here.
    pub(super) fn expect(&mut self, kind: TokenKind, expected: &str) -> Result<Span, Diagnostic> {
        self.take(kind)?.ok_or_else(|| self.unexpected(expected))
    }

    pub(super) fn word(&mut self, expected: &str) -> Result<Spanned<String>, Diagnostic> {
        let span = self.expect(TokenKind::Word, expected)?;
        Ok(Spanned { value: String::from_utf8_lossy(self.slice(span)).into_owned(), span })
    }

    /// A user or group: a word, or a number of 32 bits.
    pub(super) fn principal(&mut self, expected: &str) -> Result<Spanned<String>, Diagnostic> {
        let Some(span) = self.take(TokenKind::Number)? else { return self.word(expected) };
        let value = String::from_utf8_lossy(self.slice(span)).into_owned();
        if value.parse::<u32>().is_err() {
            let message = "a user or group number has 32 bits";
            return Err(Diagnostic::new(Code::NumberTooLarge, span, message));
        }
        Ok(Spanned { value, span })
    }

    /// The token does not fit here.
    pub(super) fn unexpected(&self, expected: &str) -> Diagnostic {
        let written = self.written();
        let found = match self.token.kind {
            TokenKind::End => "the end of the rule".to_owned(),
            TokenKind::Text => "a string".to_owned(),
            TokenKind::Keyword(_) => format!("the keyword {}", shortened(written)),
            _ => shortened(written),
        };
        let message = format!("expected {expected}, found {found}");
        let unexpected = Diagnostic::new(Code::Unexpected, self.token.span, message);
        match meant_keyword(written) {
            Some(keyword) => unexpected.help(lower_case(&keyword)),
            None => unexpected,
        }
    }
}

pub(super) fn lower_case(keyword: &str) -> String {
    format!("keywords are lower case: `{keyword}`")
}

/// A word for a message that should stay one line.
fn shortened(word: &[u8]) -> String {
    const LONGEST: usize = 40;
    let text = String::from_utf8_lossy(&word[..word.len().min(LONGEST)]);
    format!("`{text}{}`", if word.len() > LONGEST { "…" } else { "" })
}
