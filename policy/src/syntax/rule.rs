//! Parses what stands after the colon of a rule.

use super::condition;
use super::cursor::Cursor;
use super::lexer::{Keyword, TokenKind};
use crate::ast::{Action, Expression, Identity, PermitFlag, Predicate, PredicateSubject, Spanned};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::errno::{self, Errno};

/// The right side of a rule.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) condition: Expression,
    pub(super) plain: bool,
    pub(super) action: Spanned<Action>,
    pub(super) log: bool,
    pub(super) identity: Option<Identity>,
    pub(super) predicate: Option<Predicate>,
}

/// Parses the rule at `span`. Warnings are appended to `warnings`.
pub(super) fn parse(
    text: &[u8],
    span: Span,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Body, Diagnostic> {
    let cursor = &mut Cursor::new(text, span)?;
    refuse_answers(cursor)?;
    let plain = at_action(cursor);
    let condition = if plain {
        Expression::True(Span::at(cursor.span().start))
    } else {
        let condition = condition::parse(cursor)?;
        cursor.expect(TokenKind::Keyword(Keyword::Then), "`then`")?;
        condition
    };
    let action = action(cursor, warnings)?;
    let log = cursor.take(TokenKind::Keyword(Keyword::Log))?.is_some();
    let identity = identity(cursor)?;
    let predicate = predicate(cursor)?;
    if cursor.kind() != TokenKind::End {
        let order =
            "after the action come, in this order: `log`, `as USER:GROUP`, `, if user = NAME`";
        return Err(cursor.unexpected("the end of the rule").help(order));
    }
    Ok(Body { condition, plain, action, log, identity, predicate })
}

/// `permit-now` and `deny-now` answer a question; they are words to the lexer.
fn refuse_answers(cursor: &Cursor) -> Result<(), Diagnostic> {
    let plain = match cursor.written() {
        b"permit-now" => "permit",
        b"deny-now" => "deny",
        _ => return Ok(()),
    };
    let message = "an answer for this one time cannot stand in a policy";
    Err(Diagnostic::new(Code::NotRemembered, cursor.span(), message)
        .help(format!("write `{plain}`")))
}

fn at_action(cursor: &Cursor) -> bool {
    use Keyword::{Ask, Deny, Permit};
    matches!(cursor.kind(), TokenKind::Keyword(Permit | Deny | Ask))
}

fn action(
    cursor: &mut Cursor,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Spanned<Action>, Diagnostic> {
    refuse_answers(cursor)?;
    if !at_action(cursor) {
        return Err(cursor.unexpected("`permit`, `deny` or `ask`"));
    }
    let keyword = cursor.kind();
    let start = cursor.advance()?;
    let flag = flag(cursor)?;
    let span = flag.as_ref().map_or(start, |(_, brackets)| start.to(*brackets));
    let word = flag.map(|(word, _)| word);
    let value = match keyword {
        TokenKind::Keyword(Keyword::Permit) => Action::Permit(permit_flag(word)?),
        TokenKind::Keyword(Keyword::Deny) => Action::Deny(error_name(word, warnings)?),
        _ => ask(word.as_ref(), warnings),
    };
    Ok(Spanned { value, span })
}

/// `[ WORD ]`, and the place of both brackets.
fn flag(cursor: &mut Cursor) -> Result<Option<(Spanned<String>, Span)>, Diagnostic> {
    let Some(open) = cursor.take(TokenKind::OpenIndex)? else { return Ok(None) };
    let word = cursor.word("a word")?;
    let close = cursor.expect(TokenKind::CloseIndex, "`]`")?;
    Ok(Some((word, open.to(close))))
}

fn permit_flag(word: Option<Spanned<String>>) -> Result<PermitFlag, Diagnostic> {
    let Some(Spanned { value: word, span }) = word else { return Ok(PermitFlag::None) };
    match word.to_ascii_lowercase().as_str() {
        "inherit" => Ok(PermitFlag::Inherit),
        "detach" => Ok(PermitFlag::Detach),
        _ => Err(Diagnostic::new(Code::PermitFlag, span, format!("`permit` has no flag `{word}`"))
            .help("write `permit[inherit]` or `permit[detach]`")),
    }
}

fn error_name(
    word: Option<Spanned<String>>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Option<String>, Diagnostic> {
    let Some(Spanned { value: name, span }) = word else { return Ok(None) };
    if Errno::from_name(&name).is_none() {
        let message = format!("no error is called `{name}`");
        return Err(Diagnostic::new(Code::UnknownErrno, span, message)
            .help("the names are those of errno(3), such as `eacces`"));
    }
    if errno::is_foreign(&name) {
        let message = format!("Linux has no `{name}`: the call fails with EPERM");
        warnings.push(Diagnostic::new(Code::ForeignErrno, span, message));
    }
    Ok(Some(name))
}

fn ask(word: Option<&Spanned<String>>, warnings: &mut Vec<Diagnostic>) -> Action {
    if let Some(Spanned { value, span }) = word {
        let message = format!("`{value}` has no effect on `ask`");
        warnings.push(Diagnostic::new(Code::AskFlag, *span, message));
    }
    Action::Ask
}

fn identity(cursor: &mut Cursor) -> Result<Option<Identity>, Diagnostic> {
    let Some(start) = cursor.take(TokenKind::Keyword(Keyword::As))? else { return Ok(None) };
    let user = match cursor.kind() {
        TokenKind::Colon => None,
        _ => Some(cursor.principal("a user, or `:` and a group")?),
    };
    let group = match cursor.take(TokenKind::Colon)? {
        Some(_) => Some(cursor.principal("a group")?),
        None => None,
    };
    let last = group.as_ref().or(user.as_ref()).map_or(start, |last| last.span);
    let [user, group] = [user, group].map(|name| name.map(|name| name.value));
    Ok(Some(Identity { user, group, span: start.to(last) }))
}

fn predicate(cursor: &mut Cursor) -> Result<Option<Predicate>, Diagnostic> {
    if cursor.take(TokenKind::Comma)?.is_none() {
        return Ok(None);
    }
    let start = cursor.expect(TokenKind::Keyword(Keyword::If), "`if`")?;
    let subject = match cursor.kind() {
        TokenKind::Keyword(Keyword::User) => PredicateSubject::User,
        TokenKind::Keyword(Keyword::Group) => PredicateSubject::Group,
        _ => return Err(cursor.unexpected("`user` or `group`")),
    };
    cursor.advance()?;
    let TokenKind::Relation(relation) = cursor.kind() else {
        return Err(cursor.unexpected("`=`, `!=`, `<` or `>`"));
    };
    cursor.advance()?;
    let name = cursor.principal("a name or a number")?;
    let span = start.to(name.span);
    Ok(Some(Predicate { subject, relation, name: name.value, span }))
}
