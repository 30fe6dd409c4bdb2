//! Warns of file names that no call can have: rules see absolute names without `.`, `..`, `//` and
//! a slash at the end.

use super::Checked;
use crate::ast::{Operator, Test};
use crate::diagnostic::{Code, Diagnostic};
use crate::registry::Kind;

pub(super) fn check(checked: &Checked<'_>) -> Vec<Diagnostic> {
    let files = checked.tests().filter(|(_, kinds)| kinds == &[Kind::Filename]);
    files.filter_map(|(test, _)| finding(test)).collect()
}

fn finding(test: &Test) -> Option<Diagnostic> {
    let text = test.text.value.as_slice();
    if contains(text, b"<non-existent filename>") {
        let message = "no name is printed so here: a missing file has the name that it would have";
        return Some(Diagnostic::new(Code::MissingFileText, test.text.span, message));
    }
    if matches!(test.operator, Operator::Sub | Operator::Nsub | Operator::Re) {
        return None;
    }
    if is_relative(test.operator, text) {
        let message = "names are absolute when they are compared, so this one never occurs";
        let finding = Diagnostic::new(Code::RelativePath, test.text.span, message);
        return Some(finding.help(advice(text)));
    }
    let fault = fault(text)?;
    let message = format!("{fault}, so this one never occurs");
    Some(
        Diagnostic::new(Code::UntidyPath, test.text.span, message)
            .help(format!("write `{}`", String::from_utf8_lossy(&tidy(text)))),
    )
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

/// The empty name is what a caller gives that names nothing. A wildcard may stand for the first
/// slash's component.
fn is_relative(operator: Operator, text: &[u8]) -> bool {
    match text.first() {
        None | Some(b'/' | b'$') => false,
        Some(b'*' | b'\\') => operator != Operator::Match,
        Some(_) => true,
    }
}

fn advice(text: &[u8]) -> String {
    let name = String::from_utf8_lossy(text);
    match name.strip_prefix("~/") {
        Some(rest) => format!("write `$HOME/{rest}`"),
        None => format!("write the whole name, such as `/{name}`, or look inside with `sub`"),
    }
}

fn fault(text: &[u8]) -> Option<&'static str> {
    let components: Vec<&[u8]> = text.split(|byte| *byte == b'/').skip(1).collect();
    let (last, inner) = components.split_last()?;
    let has = |name: &[u8]| components.contains(&name);
    if has(b"..") || has(b".") {
        Some("names have no `.` and no `..` left when they are compared")
    } else if inner.contains(&&b""[..]) {
        Some("names have single slashes when they are compared")
    } else if last.is_empty() && text != b"/" {
        Some("names have no slash at the end when they are compared")
    } else {
        None
    }
}

/// The same name as rules see it, as far as its text tells.
fn tidy(text: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut components = text.split(|byte| *byte == b'/');
    let start = components.next().unwrap_or_default();
    for component in components {
        match component {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    let rest = kept.iter().flat_map(|name| [&b"/"[..], name]).collect::<Vec<_>>().concat();
    match [start, &rest].concat() {
        empty if empty.is_empty() => b"/".to_vec(),
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_rules_see_them() {
        for (text, expected) in [
            ("/tmp/", "/tmp"),
            ("//a/./b/../c", "/a/c"),
            ("$HOME/", "$HOME"),
            ("/..", "/"),
            ("/a//*", "/a/*"),
        ] {
            assert!(fault(text.as_bytes()).is_some(), "{text}");
            assert_eq!(String::from_utf8(tidy(text.as_bytes())).unwrap(), expected);
        }
        assert!(
            ["/", "/a", "/a..b/.c", "$HOME", "", "*"].iter().all(|t| fault(t.as_bytes()).is_none())
        );
    }
}
