//! Parses what stands after the colon of a rule, by recursive descent.

use crate::ast::{
    Action, Expression, Identity, Operator, PermitFlag, Predicate, PredicateSubject, Spanned, Test,
};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::errno::{self, Errno};
use crate::lexer::{Keyword, Lexer, Token, TokenKind, meant_keyword, unescape};

/// The right side of a rule.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) condition: Expression,
    pub(crate) plain: bool,
    pub(crate) action: Spanned<Action>,
    pub(crate) log: bool,
    pub(crate) identity: Option<Identity>,
    pub(crate) predicate: Option<Predicate>,
}

type Parsed<T> = Result<T, Diagnostic>;

/// Parses the rule at `span`. Warnings are appended to `warnings`.
pub(crate) fn parse(text: &[u8], span: Span, warnings: &mut Vec<Diagnostic>) -> Parsed<Body> {
    let mut lexer = Lexer::new(text, span);
    let token = lexer.token()?;
    Parser { text, lexer, token, depth: 0, warnings }.body()
}

struct Parser<'s, 'w> {
    text: &'s [u8],
    lexer: Lexer<'s>,
    /// The token that is looked at; nothing before it is needed any more.
    token: Token,
    depth: usize,
    warnings: &'w mut Vec<Diagnostic>,
}

impl<'s> Parser<'s, '_> {
    fn body(mut self) -> Parsed<Body> {
        self.refuse_answers()?;
        let plain = self.at_action();
        let condition = if plain {
            Expression::True(Span::at(self.token.span.start))
        } else {
            let condition = self.expression()?;
            self.expect(TokenKind::Keyword(Keyword::Then), "`then`")?;
            condition
        };
        let action = self.action()?;
        let log = self.take(TokenKind::Keyword(Keyword::Log))?.is_some();
        let identity = self.identity()?;
        let predicate = self.predicate()?;
        if self.token.kind != TokenKind::End {
            return Err(self.unexpected("the end of the rule").help(
                "after the action come, in this order: `log`, `as USER:GROUP`, `, if user = NAME`",
            ));
        }
        Ok(Body { condition, plain, action, log, identity, predicate })
    }

    /// `permit-now` and `deny-now` answer a question; they are words to the lexer.
    fn refuse_answers(&self) -> Parsed<()> {
        let plain = match self.slice(self.token.span) {
            b"permit-now" => "permit",
            b"deny-now" => "deny",
            _ => return Ok(()),
        };
        let message = "an answer for this one time cannot stand in a policy";
        Err(Diagnostic::new(Code::NotRemembered, self.token.span, message)
            .help(format!("write `{plain}`")))
    }

    fn at_action(&self) -> bool {
        use Keyword::{Ask, Deny, Permit};
        matches!(self.token.kind, TokenKind::Keyword(Permit | Deny | Ask))
    }

    /// `not`, `and` and `or` have one rank and group to the right.
    fn expression(&mut self) -> Parsed<Expression> {
        self.depth += 1;
        if self.depth > Expression::MAX_DEPTH {
            let message = format!("more than {} levels in one condition", Expression::MAX_DEPTH);
            return Err(Diagnostic::new(Code::Depth, self.token.span, message)
                .help("write several rules: the first one that matches decides"));
        }
        let left = self.operand()?;
        let expression = match self.token.kind {
            TokenKind::Keyword(Keyword::And) => {
                self.advance()?;
                Expression::And(Box::new(left), Box::new(self.expression()?))
            }
            TokenKind::Keyword(Keyword::Or) => {
                self.advance()?;
                Expression::Or(Box::new(left), Box::new(self.expression()?))
            }
            _ => left,
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn operand(&mut self) -> Parsed<Expression> {
        let start = self.token.span;
        match self.token.kind {
            TokenKind::Keyword(Keyword::True) => {
                self.advance()?;
                Ok(Expression::True(start))
            }
            TokenKind::Keyword(Keyword::Not) => {
                self.advance()?;
                let inner = self.expression()?;
                let span = start.to(inner.span());
                Ok(Expression::Not(Box::new(inner), span))
            }
            TokenKind::Open => {
                self.advance()?;
                let inner = self.expression()?;
                let close = self.expect(TokenKind::Close, "`)`, `and` or `or`")?;
                Ok(Expression::Group(Box::new(inner), start.to(close)))
            }
            TokenKind::Word => self.test().map(Expression::Test),
            _ => Err(self.unexpected("a condition or an action")),
        }
    }

    fn test(&mut self) -> Parsed<Test> {
        let argument = self.word()?;
        let index = self.index()?;
        let operator = self.operator(argument.span)?;
        let quoted = self.token.span;
        if self.token.kind == TokenKind::Number {
            let number = String::from_utf8_lossy(self.slice(quoted));
            let help = format!("values are compared as text: write `\"{number}\"`");
            return Err(self.unexpected("a string").help(help));
        }
        self.expect(TokenKind::Text, "a string")?;
        let text = Spanned { value: unescape(self.slice(quoted)), span: quoted };
        Ok(Test { argument, index, operator, text })
    }

    fn index(&mut self) -> Parsed<Option<u8>> {
        if self.take(TokenKind::OpenIndex)?.is_none() {
            return Ok(None);
        }
        let number = self.expect(TokenKind::Number, "a number")?;
        let digits = String::from_utf8_lossy(self.slice(number));
        let index = digits
            .parse()
            .ok()
            .filter(|index| *index <= 9)
            .ok_or_else(|| Diagnostic::new(Code::Index, number, "an index is 0 to 9"))?;
        self.expect(TokenKind::CloseIndex, "`]`")?;
        Ok(Some(index))
    }

    fn operator(&mut self, argument: Span) -> Parsed<Operator> {
        if let TokenKind::Keyword(Keyword::Operator(operator)) = self.token.kind {
            self.advance()?;
            return Ok(operator);
        }
        let unexpected = self.unexpected("an operator: match, eq, neq, sub, nsub, inpath or re");
        Err(match (meant_keyword(self.slice(argument)), self.token.kind) {
            (Some(keyword), _) => unexpected.help(lower_case(keyword)),
            (None, TokenKind::Relation(_)) => unexpected.help("`eq` and `neq` compare texts"),
            _ => unexpected,
        })
    }

    fn action(&mut self) -> Parsed<Spanned<Action>> {
        self.refuse_answers()?;
        let keyword = self.token;
        if !self.at_action() {
            return Err(self.unexpected("`permit`, `deny` or `ask`"));
        }
        self.advance()?;
        let flag = self.flag()?;
        let span = flag.as_ref().map_or(keyword.span, |(_, whole)| keyword.span.to(*whole));
        let flag = flag.map(|(word, _)| word);
        let value = match keyword.kind {
            TokenKind::Keyword(Keyword::Permit) => Action::Permit(permit_flag(flag)?),
            TokenKind::Keyword(Keyword::Deny) => Action::Deny(self.error_name(flag)?),
            _ => self.ask(flag.as_ref()),
        };
        Ok(Spanned { value, span })
    }

    /// `[ WORD ]`, and the span with its brackets.
    fn flag(&mut self) -> Parsed<Option<(Spanned<String>, Span)>> {
        let Some(open) = self.take(TokenKind::OpenIndex)? else { return Ok(None) };
        let word = self.word()?;
        let close = self.expect(TokenKind::CloseIndex, "`]`")?;
        Ok(Some((word, open.to(close))))
    }

    fn error_name(&mut self, flag: Option<Spanned<String>>) -> Parsed<Option<String>> {
        let Some(Spanned { value: name, span }) = flag else { return Ok(None) };
        if Errno::from_name(&name).is_none() {
            let message = format!("no error is called `{name}`");
            return Err(Diagnostic::new(Code::UnknownErrno, span, message)
                .help("the names are those of errno(3), such as `eacces`"));
        }
        if errno::is_foreign(&name) {
            let message = format!("Linux has no `{name}`: the call fails with EPERM");
            self.warnings.push(Diagnostic::new(Code::ForeignErrno, span, message));
        }
        Ok(Some(name))
    }

    fn ask(&mut self, flag: Option<&Spanned<String>>) -> Action {
        if let Some(flag) = flag {
            let message = format!("`{}` has no effect on `ask`", flag.value);
            self.warnings.push(Diagnostic::new(Code::AskFlag, flag.span, message));
        }
        Action::Ask
    }

    fn identity(&mut self) -> Parsed<Option<Identity>> {
        let Some(start) = self.take(TokenKind::Keyword(Keyword::As))? else { return Ok(None) };
        let user = match self.token.kind {
            TokenKind::Colon => None,
            _ => Some(self.name_or_number("a user or `:` and a group")?),
        };
        let group = match self.take(TokenKind::Colon)? {
            Some(_) => Some(self.name_or_number("a group")?),
            None => None,
        };
        let last = group.as_ref().or(user.as_ref()).map_or(start, |last| last.span);
        let [user, group] = [user, group].map(|name| name.map(|name| name.value));
        Ok(Some(Identity { user, group, span: start.to(last) }))
    }

    fn predicate(&mut self) -> Parsed<Option<Predicate>> {
        if self.take(TokenKind::Comma)?.is_none() {
            return Ok(None);
        }
        let start = self.expect(TokenKind::Keyword(Keyword::If), "`if`")?;
        let subject = match self.token.kind {
            TokenKind::Keyword(Keyword::User) => PredicateSubject::User,
            TokenKind::Keyword(Keyword::Group) => PredicateSubject::Group,
            _ => return Err(self.unexpected("`user` or `group`")),
        };
        self.advance()?;
        let TokenKind::Relation(relation) = self.token.kind else {
            return Err(self.unexpected("`=`, `!=`, `<` or `>`"));
        };
        self.advance()?;
        let name = self.name_or_number("a name or a number")?;
        let span = start.to(name.span);
        Ok(Some(Predicate { subject, relation, name: name.value, span }))
    }

    fn name_or_number(&mut self, expected: &str) -> Parsed<Spanned<String>> {
        if self.token.kind != TokenKind::Number {
            return if self.token.kind == TokenKind::Word {
                self.word()
            } else {
                Err(self.unexpected(expected))
            };
        }
        let number = self.token.span;
        self.advance()?;
        let digits = String::from_utf8_lossy(self.slice(number)).into_owned();
        if digits.parse::<u32>().is_err() {
            let message = "a user or group number has 32 bits";
            return Err(Diagnostic::new(Code::NumberTooLarge, number, message));
        }
        Ok(Spanned { value: digits, span: number })
    }

    fn word(&mut self) -> Parsed<Spanned<String>> {
        let span = self.expect(TokenKind::Word, "a word")?;
        Ok(Spanned { value: String::from_utf8_lossy(self.slice(span)).into_owned(), span })
    }

    fn slice(&self, span: Span) -> &'s [u8] {
        &self.text[span.start..span.end]
    }

    fn advance(&mut self) -> Parsed<()> {
        self.token = self.lexer.token()?;
        Ok(())
    }

    fn take(&mut self, kind: TokenKind) -> Parsed<Option<Span>> {
        let span = self.token.span;
        let found = self.token.kind == kind;
        if found {
            self.advance()?;
        }
        Ok(found.then_some(span))
    }

    fn expect(&mut self, kind: TokenKind, expected: &str) -> Parsed<Span> {
        match self.take(kind)? {
            Some(span) => Ok(span),
            None => Err(self.unexpected(expected)),
        }
    }

    fn unexpected(&self, expected: &str) -> Diagnostic {
        let span = self.token.span;
        let written = self.slice(span);
        let found = match self.token.kind {
            TokenKind::End => "the end of the rule".to_owned(),
            TokenKind::Text => "a string".to_owned(),
            TokenKind::Keyword(_) => format!("the keyword `{}`", String::from_utf8_lossy(written)),
            _ => format!("`{}`", String::from_utf8_lossy(written)),
        };
        let message = format!("expected {expected}, found {found}");
        let unexpected = Diagnostic::new(Code::Unexpected, span, message);
        match meant_keyword(written).filter(|keyword| keyword.as_bytes() != written) {
            Some(keyword) => unexpected.help(lower_case(keyword)),
            None => unexpected,
        }
    }
}

fn lower_case(keyword: &str) -> String {
    format!("keywords are lower case: `{keyword}`")
}

fn permit_flag(flag: Option<Spanned<String>>) -> Parsed<PermitFlag> {
    let Some(Spanned { value: word, span }) = flag else { return Ok(PermitFlag::None) };
    match word.to_ascii_lowercase().as_str() {
        "inherit" => Ok(PermitFlag::Inherit),
        "detach" => Ok(PermitFlag::Detach),
        _ => Err(Diagnostic::new(Code::PermitFlag, span, format!("`permit` has no flag `{word}`"))
            .help("write `permit[inherit]` or `permit[detach]`")),
    }
}
