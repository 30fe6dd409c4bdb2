//! What a Systrace policy is and means: text → [`ast`] → [`Policy`]; [`Policy::evaluate`] gives a [`Decision`].
//!
//! This crate is pure: it opens no file, asks no kernel and knows no container. Whoever needs names of
//! the container resolved (users, `$HOME`, symbolic links) passes an [`Environment`].
#![forbid(unsafe_code)]

pub mod ast;
pub mod comments;
pub mod diagnostic;
pub mod environment;
pub mod errno;
pub mod event;
mod grouping;
mod header;
mod lexer;
mod parser;
pub mod print;
pub mod program;
mod reader;
pub mod registry;
pub mod sockaddr;
mod rule;
pub mod source;

pub use diagnostic::{Code, Diagnostic, Severity, Span};
pub use environment::Environment;
pub use errno::Errno;
pub use event::{Event, Subject, Value};
pub use parser::{Parsed, parse, parse_template};
pub use program::{Decision, Policy, PolicySet, Rule, RuleId, Verdict};
pub use source::Source;
