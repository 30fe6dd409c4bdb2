//! The operators' patterns, compiled.

mod ere;
mod glob;

use memchr::memmem::Finder;
use regex::bytes::Regex;
use thiserror::Error;

use crate::ast::Operator;
use crate::registry::Kind;

use glob::Glob;

/// A text is no POSIX extended regular expression, or a too large one.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum BadPattern {
    /// What POSIX leaves undefined, or what cannot be matched in linear time.
    #[error("{what} at byte {at} of the pattern")]
    Syntax {
        /// What is wrong.
        what: &'static str,
        /// Where, from 0.
        at: usize,
    },
    /// What the regular expression engine refuses.
    #[error("the pattern cannot be compiled")]
    Engine(#[from] regex::Error),
}

/// A positive pattern; the negative operators turn its answer around.
#[derive(Debug, Clone)]
pub(crate) enum Matcher {
    /// `eq`: the whole text.
    Whole(Vec<u8>),
    /// `match` without special characters: the name, or a folder it lies in.
    Under(Vec<u8>),
    /// `match`.
    Glob(Glob),
    /// `sub`.
    Contains(Box<Finder<'static>>),
    /// `inpath`.
    AboveOf(Vec<u8>),
    /// `re`.
    Regex(Regex),
}

impl Matcher {
    pub(crate) fn new(operator: Operator, text: &[u8]) -> Result<Self, BadPattern> {
        Ok(match operator {
            Operator::Match => match glob::literal(text) {
                Some(literal) => Self::Under(literal),
                None => Self::Glob(Glob::new(text)),
            },
            Operator::Eq | Operator::Neq => Self::Whole(text.to_vec()),
            Operator::Sub | Operator::Nsub => {
                Self::Contains(Box::new(Finder::new(text).into_owned()))
            }
            Operator::Inpath => Self::AboveOf(text.to_vec()),
            Operator::Re => Self::Regex(ere::compile(text)?),
        })
    }

    pub(crate) fn holds(&self, kind: Kind, value: &[u8]) -> bool {
        match self {
            // The original never looks at the case. File names on Linux differ by it; nothing else
            // does.
            Self::Whole(text) if kind == Kind::Filename => value == text,
            Self::Whole(text) => value.eq_ignore_ascii_case(text),
            Self::Under(folder) => is_under(value, folder),
            Self::Glob(glob) => glob.matches(value),
            Self::Contains(finder) => finder.find(value).is_some(),
            Self::AboveOf(path) => is_above(value, path),
            Self::Regex(regex) => regex.is_match(value),
        }
    }
}

/// The path is `folder` or begins with it and a slash.
fn is_under(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

/// `folder` is `path` itself or a folder on the way to it. Of names with one character only `/` is
/// one.
fn is_above(folder: &[u8], path: &[u8]) -> bool {
    match folder {
        [] => false,
        [only] => *only == b'/' && !path.is_empty(),
        _ => is_under(path, folder),
    }
}

/// Whether a `match` pattern is a mere name: then it is that name, without the backslashes.
pub(crate) fn literal_glob(text: &[u8]) -> Option<Vec<u8>> {
    glob::literal(text)
}

/// The text as a pattern that only matches itself, for `match` and `re`; other operators have no
/// special characters.
pub(crate) fn quote(operator: Operator, text: &[u8]) -> Vec<u8> {
    let special: &[u8] = match operator {
        Operator::Match => b"*?[]\\",
        Operator::Re => b".[]()*+?{}|^$\\",
        _ => b"",
    };
    let quoted = |byte: &u8| special.contains(byte).then_some(b'\\').into_iter().chain([*byte]);
    text.iter().flat_map(quoted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operator: Operator, text: &str, value: &str) -> bool {
        Matcher::new(operator, text.as_bytes()).unwrap().holds(Kind::Filename, value.as_bytes())
    }

    #[test]
    fn only_file_names_keep_their_case() {
        let matcher = Matcher::new(Operator::Eq, b"/A").unwrap();
        assert!(!matcher.holds(Kind::Filename, b"/a"));
        assert!(matcher.holds(Kind::Text, b"/a"));
    }

    #[test]
    fn inpath_looks_upwards() {
        for above in ["/", "/a", "/a/b", "/a/b/c"] {
            assert!(holds(Operator::Inpath, "/a/b/c", above), "{above}");
        }
        for other in ["", "/a/b/c/d", "/a/", "/b", "x", "/a/b/"] {
            assert!(!holds(Operator::Inpath, "/a/b/c", other), "{other}");
        }
    }

    #[test]
    fn sub_looks_inside() {
        assert!(holds(Operator::Sub, "b/c", "/a/b/c/d") && holds(Operator::Sub, "", ""));
        assert!(!holds(Operator::Sub, "B", "/a/b"));
    }

    #[test]
    fn quoted_texts_match_themselves_only() {
        let odd = b"/h[o]me/*?\\x.+(y)|{1}^$";
        for operator in [Operator::Match, Operator::Re, Operator::Eq, Operator::Sub] {
            let matcher = Matcher::new(operator, &quote(operator, odd)).unwrap();
            assert!(matcher.holds(Kind::Filename, odd), "{operator:?}");
            assert!(!matcher.holds(Kind::Filename, b"/home/xx.+(y)|{1}^$"), "{operator:?}");
        }
    }
}
