//! What a Systrace policy is and means: text → [`ast`] → [`Policy`]; [`Policy::evaluate`] gives a [`Decision`].
//!
//! This crate is pure: it opens no file, asks no kernel and knows no container. Whoever needs names of
//! the container resolved (users, `$HOME`, symbolic links) passes an [`Environment`].
#![forbid(unsafe_code)]

pub mod ast;
mod bind;
pub mod condition;
pub mod diagnostic;
pub mod environment;
pub mod errno;
mod evaluate;
pub mod event;
mod lint;
mod lower;
mod matcher;
pub mod program;
pub mod registry;
mod rules;
pub mod sockaddr;
pub mod source;
mod suggest;
mod syntax;
pub mod templates;
mod variables;

pub use bind::BindError;
pub use condition::{Comparison, Condition, FileName};
pub use diagnostic::{Code, Diagnostic, Severity, Span};
pub use environment::Environment;
pub use errno::Errno;
pub use evaluate::{Decision, Verdict};
pub use event::{Event, Subject, Value};
pub use lint::{check, is_template};
pub use lower::{Lowered, compile, lower};
pub use matcher::BadPattern;
pub use program::{Action, FormRules, Policy, PolicySet, Rule, RuleId};
pub use source::Source;
pub use syntax::{Parsed, comments, parse, parse_template, print};
