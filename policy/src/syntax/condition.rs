//! Parses conditions by recursive descent; the depth has a limit.

use super::cursor::{Cursor, lower_case};
use super::lexer::{Keyword, TokenKind, meant_keyword, unescape};
use crate::ast::{Expression, Operator, Spanned, Test};
use crate::diagnostic::{Code, Diagnostic, Span};

/// Parses the condition that starts at the cursor.
pub(super) fn parse(cursor: &mut Cursor) -> Result<Expression, Diagnostic> {
    expression(cursor, Expression::MAX_DEPTH)
}

/// `not`, `and` and `or` have one rank and group to the right.
fn expression(cursor: &mut Cursor, depth: usize) -> Result<Expression, Diagnostic> {
    let Some(depth) = depth.checked_sub(1) else { return Err(too_deep(cursor.span())) };
    let left = operand(cursor, depth)?;
    let join = match cursor.kind() {
        TokenKind::Keyword(Keyword::And) => Expression::And,
        TokenKind::Keyword(Keyword::Or) => Expression::Or,
        _ => return Ok(left),
    };
    cursor.advance()?;
    Ok(join(Box::new(left), Box::new(expression(cursor, depth)?)))
}

fn operand(cursor: &mut Cursor, depth: usize) -> Result<Expression, Diagnostic> {
    match cursor.kind() {
        TokenKind::Keyword(Keyword::True) => cursor.advance().map(Expression::True),
        TokenKind::Keyword(Keyword::Not) => {
            let start = cursor.advance()?;
            let inner = expression(cursor, depth)?;
            let span = start.to(inner.span());
            Ok(Expression::Not(Box::new(inner), span))
        }
        TokenKind::Open => {
            let start = cursor.advance()?;
            let inner = expression(cursor, depth)?;
            let end = cursor.expect(TokenKind::Close, "`)`, `and` or `or`")?;
            Ok(Expression::Group(Box::new(inner), start.to(end)))
        }
        TokenKind::Word => test(cursor).map(Expression::Test),
        _ => Err(cursor.unexpected("a condition or an action")),
    }
}

fn too_deep(span: Span) -> Diagnostic {
    let message = format!("more than {} levels in one condition", Expression::MAX_DEPTH);
    Diagnostic::new(Code::Depth, span, message)
        .help("write several rules: the first one that matches decides")
}

fn test(cursor: &mut Cursor) -> Result<Test, Diagnostic> {
    let argument = cursor.word("an argument")?;
    let index = index(cursor)?;
    let operator = operator(cursor, argument.span)?;
    if cursor.kind() == TokenKind::Number {
        let number = String::from_utf8_lossy(cursor.written());
        let help = format!("values are compared as text: write `\"{number}\"`");
        return Err(cursor.unexpected("a string").help(help));
    }
    let span = cursor.expect(TokenKind::Text, "a string")?;
    Ok(Test {
        argument,
        index,
        operator,
        text: Spanned { value: unescape(cursor.slice(span)), span },
    })
}

fn index(cursor: &mut Cursor) -> Result<Option<u8>, Diagnostic> {
    if cursor.take(TokenKind::OpenIndex)?.is_none() {
        return Ok(None);
    }
    let number = cursor.expect(TokenKind::Number, "a number")?;
    let digits = String::from_utf8_lossy(cursor.slice(number));
    let Some(index) = digits.parse().ok().filter(|index| *index <= 9) else {
        return Err(Diagnostic::new(Code::Index, number, "an index is 0 to 9"));
    };
    cursor.expect(TokenKind::CloseIndex, "`]`")?;
    Ok(Some(index))
}

fn operator(cursor: &mut Cursor, argument: Span) -> Result<Operator, Diagnostic> {
    if let TokenKind::Keyword(Keyword::Operator(operator)) = cursor.kind() {
        cursor.advance()?;
        return Ok(operator);
    }
    let unexpected = cursor.unexpected("an operator: match, eq, neq, sub, nsub, inpath or re");
    Err(match (meant_keyword(cursor.slice(argument)), cursor.kind()) {
        (Some(keyword), _) => unexpected.help(lower_case(&keyword)),
        (None, TokenKind::Relation(_)) => unexpected.help("`eq` and `neq` compare texts"),
        _ => unexpected,
    })
}
