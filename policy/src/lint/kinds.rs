//! Warns of comparisons of numbers with texts that no number has, and with operators that look at
//! digits.

use super::Checked;
use crate::ast::{Operator, Test};
use crate::condition::Comparison;
use crate::diagnostic::{Code, Diagnostic};
use crate::matcher::literal_glob;
use crate::registry::Kind;
use crate::suggest;

pub(super) fn check(checked: &Checked<'_>) -> Vec<Diagnostic> {
    checked.tests().filter_map(|(test, kinds)| finding(test, &kinds)).collect()
}

/// The names of some arguments are numbers in one call and texts in another; about them nothing is
/// said.
fn finding(test: &Test, kinds: &[Kind]) -> Option<Diagnostic> {
    let [kind] = *kinds else { return None };
    if !kind.is_number() {
        return None;
    }
    wrong_operator(test, kind).or_else(|| never_printed(test, kind))
}

fn wrong_operator(test: &Test, kind: Kind) -> Option<Diagnostic> {
    let bare = matches!(kind, Kind::Uid | Kind::Gid | Kind::Fd | Kind::Decimal | Kind::Hex);
    let wild = literal_glob(&test.text.value).is_none();
    let wrong = match test.operator {
        Operator::Inpath => true,
        Operator::Match => bare && wild,
        Operator::Sub | Operator::Nsub | Operator::Re => bare,
        Operator::Eq | Operator::Neq => false,
    };
    let (name, operator) = (&test.argument.value, test.operator.name());
    let message = format!("`{name}` is a number, and `{operator}` compares its digits");
    let help = "`eq` and `neq` compare a whole number; write one rule for each";
    wrong.then(|| Diagnostic::new(Code::WrongOperator, test.text.span, message).help(help))
}

fn never_printed(test: &Test, kind: Kind) -> Option<Diagnostic> {
    let literal = matches!(test.operator, Operator::Eq | Operator::Neq);
    // `eq` with wildcards has a finding of its own.
    if literal && test.text.value.iter().any(|byte| b"*?".contains(byte))
        || is_possible(test, kind)?
    {
        return None;
    }
    let negative = matches!(test.operator, Operator::Neq | Operator::Nsub);
    let message = match negative {
        true => format!("`{}` never has this text, so this always holds", test.argument.value),
        false => format!("`{}` never has this text, so this never holds", test.argument.value),
    };
    let finding = Diagnostic::new(Code::NeverPrinted, test.text.span, message);
    Some(match meant(kind, &test.text.value) {
        Some(text) => finding.help(format!("did you mean `{text}`?")),
        None => finding,
    })
}

/// Whether some number has a text that the operator finds, as far as that can be told.
fn is_possible(test: &Test, kind: Kind) -> Option<bool> {
    let text = &test.text.value;
    match (test.operator, literal_glob(text)) {
        (Operator::Eq | Operator::Neq, _) => Some(kind.number_of(text).is_some()),
        // No number's text has a slash, so that `match` looks at all of it.
        (Operator::Match, Some(name)) => {
            let printed = kind.number_of(&name).map(|number| kind.print(u64::from(number)));
            Some(printed.is_some_and(|printed| printed.as_bytes() == name))
        }
        _ => {
            let positive = match test.operator {
                Operator::Nsub => Operator::Sub,
                operator => operator,
            };
            let comparison = Comparison::new("", None, positive, vec![text.clone()]).ok()?;
            let numbers = comparison.numbers(kind)?;
            // Of flags the set says which bits are looked at: none.
            Some(if numbers.inside { !numbers.members.is_empty() } else { numbers.mask != 0 })
        }
    }
}

/// The text that the author probably had in mind.
fn meant(kind: Kind, text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let printed = |number: u32| {
        String::from_utf8_lossy(kind.print(u64::from(number)).as_bytes()).into_owned()
    };
    if let Some(number) = number(kind, text) {
        return Some(printed(number));
    }
    // The flags with a name are single bits.
    let known: Vec<String> = (0..=64).chain((7..32).map(|bit| 1 << bit)).map(printed).collect();
    let tail = text.to_ascii_uppercase();
    let ends = known.iter().find(|name| tail.len() > 2 && name.ends_with(&tail));
    let near = || suggest::nearest(text, known.iter().map(String::as_str)).map(str::to_owned);
    ends.cloned().or_else(near)
}

/// A number in another notation than the one in which this kind is printed.
fn number(kind: Kind, text: &str) -> Option<u32> {
    match (text.strip_prefix("0x"), kind) {
        (Some(digits), _) => u32::from_str_radix(digits, 16).ok(),
        (None, Kind::Mode) => {
            u32::from_str_radix(text, 8).ok().filter(|mode| *mode == mode & kind.mask())
        }
        (None, _) => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_probably_meant() {
        for (kind, text, expected) in [
            (Kind::Signal, "KILL", Some("SIGKILL")),
            (Kind::Signal, "SIGTREM", Some("SIGTERM")),
            (Kind::Signal, "9", Some("SIGKILL")),
            (Kind::Mode, "0644", Some("644")),
            (Kind::Hex, "21522", Some("0x5412")),
            (Kind::OpenFlags, "O_RDONLY", None),
            (Kind::Protection, "PROT_EXEC|PROT_READ", None),
            (Kind::SocketDomain, "inet", Some("AF_INET")),
            (Kind::Uid, "0070", Some("70")),
            (Kind::CloneFlags, "NEWUSER", Some("CLONE_NEWUSER")),
            (Kind::PrctlOption, "PR_SET_NO_NEW_PRIV", Some("PR_SET_NO_NEW_PRIVS")),
        ] {
            assert_eq!(meant(kind, text.as_bytes()).as_deref(), expected, "{kind:?} {text}");
        }
    }
}
