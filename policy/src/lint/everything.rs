//! Warns of patterns that hold for every value, and of `match "/"`, which holds for one only.

use super::Checked;
use crate::ast::{Operator, Test};
use crate::diagnostic::{Code, Diagnostic};
use crate::registry::Kind;

pub(super) fn check(checked: &Checked<'_>) -> Vec<Diagnostic> {
    checked.tests().filter_map(|(test, kinds)| finding(test, &kinds)).collect()
}

fn finding(test: &Test, kinds: &[Kind]) -> Option<Diagnostic> {
    let text = test.text.value.as_slice();
    let files = kinds == [Kind::Filename];
    if files && test.operator == Operator::Match && text == b"/" {
        let message = "`match \"/\"` is the root folder alone, not what is below it";
        let finding = Diagnostic::new(Code::RootAlone, test.text.span, message);
        return Some(finding.help("for all files write `true`; for the folder alone, `eq \"/\"`"));
    }
    let (always, holds) = match test.operator {
        Operator::Match => (matches_all(text, files), "holds for every value"),
        Operator::Re => (searches_all(text), "holds for every value"),
        Operator::Sub => (text.is_empty(), "holds for every value"),
        Operator::Nsub => (text.is_empty(), "never holds"),
        Operator::Eq | Operator::Neq | Operator::Inpath => return None,
    };
    let message = format!("this comparison {holds}");
    let help = "if that is meant, `true` says so";
    always.then(|| Diagnostic::new(Code::MatchesAll, test.text.span, message).help(help))
}

/// File names are absolute, and a pattern may match a leading part, be it the empty one before the
/// first slash.
fn matches_all(pattern: &[u8], files: bool) -> bool {
    let mut short = pattern.to_vec();
    short.dedup_by(|one, other| *one == b'*' && one == other);
    match short.as_slice() {
        b"*" => true,
        b"" | b"/*" | b"*/*" => files,
        _ => false,
    }
}

/// A regular expression that is found in every text. Anchors are understood at the ends only;
/// whatever else has one, or an escape, is taken for meant.
fn searches_all(pattern: &[u8]) -> bool {
    let (start, rest) = pattern.strip_prefix(b"^").map_or((false, pattern), |rest| (true, rest));
    let (end, rest) = rest.strip_suffix(b"$").map_or((false, rest), |rest| (true, rest));
    if rest.iter().any(|byte| b"^$\\[".contains(byte)) {
        return false;
    }
    match (start, end) {
        (true, true) => rest == b".*",
        (false, false) => alternatives(rest).any(matches_nothing),
        _ => !rest.contains(&b'|') && matches_nothing(rest),
    }
}

fn alternatives(pattern: &[u8]) -> impl Iterator<Item = &[u8]> {
    let flat = !pattern.contains(&b'(');
    pattern.split(move |byte| flat && *byte == b'|')
}

/// Plain characters, each of them optional: the empty text is matched.
fn matches_nothing(pattern: &[u8]) -> bool {
    pattern.len().is_multiple_of(2)
        && pattern.chunks(2).all(|pair| !b"()|*?+{}".contains(&pair[0]) && b"*?".contains(&pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regexes_that_are_found_everywhere() {
        for pattern in ["", ".*", "^", "$", "^.*$", "^.*", ".*$", "a*", "a*b?", "x|", "x|.*"] {
            assert!(searches_all(pattern.as_bytes()), "{pattern}");
        }
        for pattern in [".", ".+", "^$", "^a*$", "a*b", "^x|", "(a|)b", "\\.*", "[*]*", "^/tmp/.*"]
        {
            assert!(!searches_all(pattern.as_bytes()), "{pattern}");
        }
    }

    #[test]
    fn globs_that_match_everywhere() {
        assert!(
            ["", "*", "**", "/*", "/**", "*/*"].iter().all(|p| matches_all(p.as_bytes(), true))
        );
        assert!(["/", "?", "/*/*", "*a"].iter().all(|p| !matches_all(p.as_bytes(), true)));
        assert!(matches_all(b"*", false) && !matches_all(b"", false) && !matches_all(b"/*", false));
    }
}
