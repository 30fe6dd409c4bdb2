//! Text to tree and back. One pass per file, in the order in which a text goes through them:
//! [`reader`] cuts it into lines, [`header`] tells the lines apart, [`lexer`] and [`cursor`] give the words of a rule to
//! [`rule`] and [`condition`], [`file`] puts policies together, [`grouping`] warns, and [`print`] writes a tree out again.

pub mod comments;
mod condition;
mod cursor;
mod file;
mod grouping;
mod header;
mod lexer;
pub mod print;
mod reader;
mod rule;

pub use file::{Parsed, parse, parse_template};

use crate::diagnostic::Span;

/// The logical lines of a text: what each of them says, and its comment from the `#` on.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = (Span, Option<Span>)> {
    reader::Lines::new(text).map(|line| (line.text, line.comment))
}
