//! Warns of `$NAME` and `${NAME}` that look like variables and are none.

use std::collections::BTreeMap;

use super::Checked;
use crate::ast::Operator;
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::suggest;
use crate::variables::NAMES;

/// One finding for each name, where it first stands.
pub(super) fn check(checked: &Checked<'_>) -> Vec<Diagnostic> {
    let mut first: BTreeMap<String, Span> = BTreeMap::new();
    for (test, _) in checked.tests() {
        // In a regular expression a dollar sign is an anchor.
        if test.operator != Operator::Re {
            for name in strangers(&test.text.value) {
                first.entry(name).or_insert(test.text.span);
            }
        }
    }
    first.into_iter().map(|(name, span)| finding(&name, span)).collect()
}

fn finding(name: &str, span: Span) -> Diagnostic {
    let message = format!("`{name}` is no variable: it stands for itself");
    let bare = name.trim_matches(['$', '{', '}']);
    let known = suggest::nearest(bare, NAMES).map(|known| format!("write `${known}`"));
    let help = known.unwrap_or_else(|| "the variables are $HOME, $USER and $CWD".to_owned());
    Diagnostic::new(Code::UnknownVariable, span, message).help(help)
}

/// What looks like a variable: a dollar sign and a name in capitals, with or without braces.
fn strangers(text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let dollars = text.iter().enumerate().filter(|(_, byte)| **byte == b'$');
    for (at, _) in dollars {
        let rest = &text[at + 1..];
        let (braced, inner) = rest.strip_prefix(b"{").map_or((false, rest), |inner| (true, inner));
        let named =
            |byte: &&u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b'_';
        let length = inner.iter().take_while(named).count();
        let name = String::from_utf8_lossy(&inner[..length]);
        let closed = !braced || inner.get(length) == Some(&b'}');
        if length < 2 || !closed || !braced && is_known(&name) {
            continue;
        }
        found.push(if braced { format!("${{{name}}}") } else { format!("${name}") });
    }
    found
}

/// A variable's name ends before what is neither letter nor digit, such as `_`.
fn is_known(name: &str) -> bool {
    NAMES.iter().any(|known| {
        name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_variable_and_is_none() {
        let names = |text: &str| strangers(text.as_bytes());
        assert_eq!(names("${WRKDIR}/x$TMPDIR.$HOMES"), ["${WRKDIR}", "$TMPDIR", "$HOMES"]);
        assert_eq!(names("${HOME}"), ["${HOME}"]);
        assert!(names("$HOME/$USER_x/$CWD a$ $x ${a} $$ ${HOME").is_empty());
    }
}
