//! When one condition holds wherever another does. The answer "yes" is proven; "no" may only mean
//! that no proof was found.
//!
//! Texts are compared as they stand in the policy. A container replaces variables and follows
//! symbolic links in them: what holds for variables is kept apart, links are not looked at.

use crate::ast::Operator;
use crate::condition::{Comparison, Condition};
use crate::matcher::literal_glob;
use crate::registry::{Kind, Parameter};
use crate::variables::NAMES;

/// The arguments that the rules of one list see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Arguments(Vec<(&'static str, Kind)>);

impl Arguments {
    pub(super) fn of(parameters: &[Parameter]) -> Self {
        Self(parameters.iter().map(|parameter| (parameter.name, parameter.kind)).collect())
    }

    /// The kind of the value that a comparison is about; none if there is no such argument. In each
    /// form, arguments of one name are of one kind.
    pub(super) fn kind(&self, test: &Comparison) -> Option<Kind> {
        let mut named = self.0.iter().filter(|(name, _)| *name == test.argument());
        named.nth(usize::from(test.index().unwrap_or(0))).map(|(_, kind)| *kind)
    }

    /// The condition holds for no call with these arguments.
    pub(super) fn exclude(&self, condition: &Condition) -> bool {
        match condition {
            Condition::True | Condition::Not(_) => false,
            Condition::Test(test) => match self.kind(test) {
                None => true,
                Some(kind) => values(test, kind).is_some_and(|values| values.is_empty()),
            },
            Condition::And(left, right) => self.exclude(left) || self.exclude(right),
            Condition::Or(left, right) => self.exclude(left) && self.exclude(right),
        }
    }
}

/// Looks for proofs, and gives up after so many steps: hostile conditions have exponentially many
/// ways to be compared.
pub(super) struct Prover<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) steps: u32,
}

impl Prover<'_> {
    /// Wherever `later` holds, `earlier` does.
    pub(super) fn implies(&mut self, later: &Condition, earlier: &Condition) -> bool {
        let Some(left) = self.steps.checked_sub(1) else { return false };
        self.steps = left;
        match (later, earlier) {
            (_, Condition::True) => true,
            (Condition::Or(one, other), _) => {
                self.implies(one, earlier) && self.implies(other, earlier)
            }
            (_, Condition::And(one, other)) => {
                self.implies(later, one) && self.implies(later, other)
            }
            (Condition::And(one, other), _)
                if self.implies(one, earlier) || self.implies(other, earlier) =>
            {
                true
            }
            (_, Condition::Or(one, other)) => {
                self.implies(later, one) || self.implies(later, other)
            }
            (Condition::Not(later), Condition::Not(earlier)) => self.implies(earlier, later),
            (Condition::Test(later), Condition::Test(earlier)) => self.test_implies(later, earlier),
            (Condition::Test(later), Condition::Not(earlier)) => match &**earlier {
                Condition::Test(earlier) => self.test_excludes(later, earlier),
                _ => false,
            },
            _ => false,
        }
    }

    /// The kind of value, if both look at the same one. Where one of them holds the value is there.
    fn common(&self, one: &Comparison, other: &Comparison) -> Option<Kind> {
        let same = one.argument() == other.argument()
            && one.index().unwrap_or(0) == other.index().unwrap_or(0);
        same.then(|| self.arguments.kind(one))?
    }

    fn test_implies(&self, later: &Comparison, earlier: &Comparison) -> bool {
        let Some(kind) = self.common(later, earlier) else { return false };
        if later.operator() == earlier.operator() && later.text() == earlier.text() {
            return true;
        }
        if has_variable(later) || has_variable(earlier) {
            return covered_name(earlier).is_some()
                && folder(later, kind).is_some_and(|folder| earlier.holds(kind, &folder));
        }
        if let Some(values) = values(later, kind) {
            return values.iter().all(|value| earlier.holds(kind, value));
        }
        pattern_implies(later, earlier, kind)
    }

    /// Where `later` holds, `earlier` does not.
    fn test_excludes(&self, later: &Comparison, earlier: &Comparison) -> bool {
        let Some(kind) = self.common(later, earlier) else { return false };
        if has_variable(later) || has_variable(earlier) {
            return false;
        }
        if let Some(values) = values(later, kind) {
            return !values.iter().any(|value| earlier.holds(kind, value));
        }
        // What lies in both folders lies in the longer one, which then lies in the shorter.
        match (covered_name(later), covered_name(earlier)) {
            (Some(one), Some(other)) => !earlier.holds(kind, &one) && !later.holds(kind, &other),
            _ => false,
        }
    }
}

/// For comparisons that hold for more values than can be listed.
fn pattern_implies(later: &Comparison, earlier: &Comparison, kind: Kind) -> bool {
    let contains = |text: &[u8], part: &[u8]| memchr::memmem::find(text, part).is_some();
    match (earlier.operator(), later.operator()) {
        // What matches a folder matches all that lies in it.
        (Operator::Match, _)
            if folder(later, kind).is_some_and(|name| earlier.holds(kind, &name)) =>
        {
            true
        }
        (Operator::Match, Operator::Match) => continues(later.text(), earlier.text()),
        (Operator::Neq, _) if kind == Kind::Filename => !later.holds(kind, earlier.text()),
        (Operator::Sub, Operator::Sub) => contains(later.text(), earlier.text()),
        (Operator::Sub, _) => {
            folder(later, kind).is_some_and(|name| contains(&name, earlier.text()))
        }
        (Operator::Nsub, Operator::Nsub) => contains(earlier.text(), later.text()),
        _ => false,
    }
}

/// The longer pattern is the shorter one, a slash, and more. A bracket or a backslash of the
/// shorter could reach into the rest.
fn continues(longer: &[u8], shorter: &[u8]) -> bool {
    let rest = longer.strip_prefix(shorter);
    rest.is_some_and(|rest| rest.starts_with(b"/"))
        && !shorter.contains(&b'[')
        && !shorter.contains(&b'\\')
}

/// `$HOME`, `$USER` or `$CWD` may stand in the text, so that it is not known yet.
fn has_variable(test: &Comparison) -> bool {
    may_change(test.text())
}

fn may_change(text: &[u8]) -> bool {
    let dollars = text.iter().enumerate().filter(|(_, byte)| **byte == b'$').map(|(at, _)| at + 1);
    dollars.into_iter().any(|at| NAMES.iter().any(|name| text[at..].starts_with(name.as_bytes())))
}

/// Inside a name, a backslash before a variable would be taken for one before its value.
fn is_settled(text: &[u8]) -> bool {
    !may_change(text) || !text.contains(&b'\\')
}

/// `match` without wildcards: the name that it covers with all below it.
pub(super) fn covered_name(test: &Comparison) -> Option<Vec<u8>> {
    let name = (test.operator() == Operator::Match).then(|| literal_glob(test.text()))?;
    name.filter(|_| is_settled(test.text()))
}

/// A name that every value for which the comparison holds is, or lies below.
pub(super) fn folder(test: &Comparison, kind: Kind) -> Option<Vec<u8>> {
    let text = test.text();
    match test.operator() {
        Operator::Eq if kind == Kind::Filename => Some(text.to_vec()),
        Operator::Eq => values(test, kind)?.pop(),
        Operator::Match => covered_name(test).or_else(|| {
            let first = text.iter().position(|byte| b"*?[\\".contains(byte))?;
            let slash = text[..first].iter().rposition(|byte| *byte == b'/')?;
            Some(text[..slash].to_vec())
        }),
        _ => None,
    }
}

/// More components than a name has that a person wrote.
const MOST_COMPONENTS: usize = 64;

/// All values for which the comparison holds, if they can be listed; perhaps others, too.
fn values(test: &Comparison, kind: Kind) -> Option<Vec<Vec<u8>>> {
    let text = test.text();
    if has_variable(test) {
        return None;
    }
    match test.operator() {
        Operator::Eq if kind.is_number() => {
            let printed = |number| kind.print(u64::from(number)).as_bytes().to_vec();
            Some(kind.number_of(text).map(printed).into_iter().collect())
        }
        // Of other texts `eq` does not look at the case of letters.
        Operator::Eq if kind == Kind::Filename || !text.iter().any(u8::is_ascii_alphabetic) => {
            Some(vec![text.to_vec()])
        }
        // No path is printed so that it could be taken for one of these, in whatever case.
        Operator::Eq if kind == Kind::SocketAddress => {
            let lower = text.to_ascii_lowercase();
            lower.starts_with(b"inet-").then(|| vec![lower])
        }
        Operator::Inpath => {
            let slashes =
                || text.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
            if slashes().count() > MOST_COMPONENTS {
                return None;
            }
            let above = slashes().chain([text.len()]).map(|end| text[..end].to_vec());
            let above = above.filter(|name| name.len() > 1);
            Some(above.chain((!text.is_empty()).then(|| b"/".to_vec())).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::forms;
    use crate::variables;

    fn condition(test: (&str, Operator, &str)) -> Condition {
        let (argument, operator, text) = test;
        Condition::Test(Comparison::new(argument, None, operator, vec![text.into()]).unwrap())
    }

    fn implies(
        argument: &'static str,
        kind: Kind,
        later: (Operator, &str),
        earlier: (Operator, &str),
    ) -> bool {
        let arguments = Arguments(vec![(argument, kind)]);
        let [later, earlier] =
            [later, earlier].map(|(operator, text)| condition((argument, operator, text)));
        Prover { arguments: &arguments, steps: 100 }.implies(&later, &earlier)
    }

    #[test]
    fn names_imply_the_folders_above() {
        use Operator::{Eq, Inpath, Match, Neq, Nsub, Re, Sub};
        let files = |later, earlier| implies("filename", Kind::Filename, later, earlier);
        for (later, earlier) in [
            ((Eq, "/tmp/a"), (Match, "/tmp")),
            ((Match, "/tmp/a"), (Match, "/tmp")),
            ((Match, "/tmp/*.c"), (Match, "/tmp")),
            ((Match, "/home/u"), (Match, "/home/*")),
            ((Match, "/home/*/x"), (Match, "/home/*")),
            ((Match, "/home/x*"), (Match, "/ho*")),
            ((Match, "$HOME/x"), (Match, "$HOME")),
            ((Match, "/a"), (Neq, "/b")),
            ((Sub, "abc"), (Sub, "b")),
            ((Nsub, "b"), (Nsub, "abc")),
            ((Inpath, "/a/b"), (Inpath, "/a/b/c")),
            ((Eq, "/a.c"), (Re, "\\.c$")),
            ((Match, "/tmp/x"), (Sub, "mp")),
        ] {
            assert!(files(later, earlier), "{later:?} {earlier:?}");
        }
        for (later, earlier) in [
            ((Match, "/tmpfoo"), (Match, "/tmp")),
            ((Match, "/tmp"), (Match, "/tmp/a")),
            ((Match, "/tmp*"), (Match, "/tmp")),
            ((Eq, "$HOME"), (Match, "$*")),
            ((Eq, "$HOME"), (Neq, "/root")),
            ((Match, "/a"), (Neq, "/a/b")),
            ((Match, "[/x]/y"), (Match, "[")),
            ((Sub, "b"), (Sub, "abc")),
        ] {
            assert!(!files(later, earlier), "{later:?} {earlier:?}");
        }
    }

    /// The comparison as it is in a container.
    fn bound(test: &Comparison) -> Comparison {
        let value = |name: &str| Some(if name == "USER" { b"u".to_vec() } else { b"/h".to_vec() });
        let text = variables::expand(test.text(), test.operator(), value).unwrap();
        Comparison::new(test.argument(), None, test.operator(), vec![text]).unwrap()
    }

    /// Every comparison with one of the texts against every other: what is proven holds for all
    /// values. The result is how much was proven.
    fn prove_all(kind: Kind, texts: &[&str], values: &[&str]) -> usize {
        let arguments = Arguments(vec![("x", kind)]);
        let new = |operator: &Operator, text: &str| {
            Comparison::new("x", None, *operator, vec![text.into()]).ok()
        };
        let tests = Operator::ALL.iter().flat_map(|o| texts.iter().filter_map(move |t| new(o, t)));
        let holding = tests.map(|test| {
            let bound = bound(&test);
            let holds: Vec<_> = values.iter().map(|v| bound.holds(kind, v.as_bytes())).collect();
            (test, holds)
        });
        let (tests, holding): (Vec<_>, Vec<_>) = holding.unzip();
        let prover = Prover { arguments: &arguments, steps: 1 };
        let mut proven = 0;
        for (later, later_holds) in tests.iter().zip(&holding) {
            for (earlier, earlier_holds) in tests.iter().zip(&holding) {
                let implies = prover.test_implies(later, earlier);
                let excludes = prover.test_excludes(later, earlier);
                proven += usize::from(implies) + usize::from(excludes);
                for ((value, later_holds), holds) in
                    values.iter().zip(later_holds).zip(earlier_holds)
                {
                    let wrong = *later_holds && (implies && !holds || excludes && *holds);
                    assert!(!wrong, "{value}: {later:?} {earlier:?}");
                }
            }
        }
        proven
    }

    #[test]
    fn what_is_proven_of_file_names_is_so() {
        let texts = [
            "",
            "/",
            "*",
            "/*",
            "/tmp",
            "/tmp/",
            "/tmp/a",
            "/tmp/a/b",
            "/tmp/*",
            "/tmp/*/b",
            "/tmp/a*",
            "/t?p",
            "/[t]mp",
            "[/t]",
            "[",
            "/tmp/\\*",
            "/tmp\\",
            "tmp",
            "tm",
            "a",
            "$HOME",
            "$HOME/x",
            "$HOME*",
            "$$HOME",
            "$*",
            "\\$HOME",
            "/h",
            "/h/x",
            "/h/*",
            "/tmp/$USER",
            "/tmp/u",
            "p$",
        ];
        let values = [
            "", "/", "/tmp", "/tmp/a", "/tmp/a/b", "/tmp/ab", "/tmpfoo", "/tmp/*", "/tmp\\",
            "/TMP", "/h", "/h/x", "/h/x/y", "/h/u", "/hx", "/h*", "/tmp/u", "$$HOME", "/t", "/xmp",
            "tmp", "[", "[/t]", "$x", "/a", "/b/tmp/a",
        ];
        assert!(prove_all(Kind::Filename, &texts, &values) > 1000);
        assert!(prove_all(Kind::Text, &texts, &values) > 1000);
    }

    #[test]
    fn what_is_proven_of_addresses_and_numbers_is_so() {
        let texts = [
            "inet-*",
            "inet-*:53",
            "inet-[127.0.0.1]:53",
            "INET-[127.0.0.1]:53",
            "inet-\\[127.*\\]:53",
            "/run",
            "/run/x",
            "/RUN/x",
            "@bus",
            "",
            ":53",
            "53",
            "-53",
        ];
        let values = [
            "inet-[127.0.0.1]:53",
            "inet-[127.0.0.1]:80",
            "inet-[::1]:53",
            "/run",
            "/run/x",
            "/RUN/X",
            "@bus",
            "./INET-[127.0.0.1]:53",
            "",
        ];
        assert!(prove_all(Kind::SocketAddress, &texts, &values) > 200);
        let texts = [
            "SIGTERM",
            "sigterm",
            "SIG*",
            "SIGTERM/x",
            "TERM",
            "<unknown>: 5",
            "KILL",
            "",
            "*",
            "I",
        ];
        let values: Vec<_> = (0..70)
            .map(|n| String::from_utf8_lossy(Kind::Signal.print(n).as_bytes()).into_owned())
            .collect();
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        assert!(prove_all(Kind::Signal, &texts, &values) > 200);
    }

    #[test]
    fn letters_of_other_texts_may_be_in_any_case() {
        use Operator::{Eq, Match};
        let address = |later, earlier| implies("sockaddr", Kind::SocketAddress, later, earlier);
        assert!(address((Eq, "inet-[127.0.0.1]:53"), (Match, "inet-*:53")));
        assert!(!address((Eq, "/run/x"), (Match, "/run")));
        assert!(!implies("string", Kind::Text, (Eq, "/run/x"), (Match, "/run")));
        assert!(implies("prot", Kind::Protection, (Eq, "prot_read"), (Match, "PROT_R*")));
    }

    #[test]
    fn arguments_of_one_name_are_of_one_kind() {
        for form in forms() {
            let parameters = form.form().parameters;
            for one in parameters {
                let same = parameters.iter().filter(|other| other.name == one.name);
                assert!(
                    same.into_iter().all(|other| other.kind == one.kind),
                    "{}",
                    form.call().name
                );
            }
        }
    }
}
