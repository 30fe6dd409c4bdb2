//! Conditions over the arguments of a call.

use crate::ast::Operator;
use crate::matcher::{BadPattern, Matcher};
use crate::registry::{Kind, NumberSet};

/// A condition over the arguments of a call.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Always.
    True,
    /// One comparison.
    Test(Comparison),
    /// Negation.
    Not(Box<Condition>),
    /// Both.
    And(Box<Condition>, Box<Condition>),
    /// Either.
    Or(Box<Condition>, Box<Condition>),
}

impl Condition {
    /// The truth of the condition, given that of its comparisons, which are asked from left to
    /// right and no further than needed. The right sides of `and` and `or`, where conditions grow,
    /// cost no stack; the parser bounds the depth of the rest.
    pub fn holds(&self, test: &mut impl FnMut(&Comparison) -> bool) -> bool {
        let mut rest = self;
        loop {
            rest = match rest {
                Self::True => return true,
                Self::Test(comparison) => return test(comparison),
                Self::Not(inner) => return !inner.holds(test),
                Self::And(left, right) if left.holds(test) => right,
                Self::And(..) => return false,
                Self::Or(left, _) if left.holds(test) => return true,
                Self::Or(_, right) => right,
            }
        }
    }

    /// Whether one of the comparisons, wherever it stands, has a property.
    pub fn any(&self, property: &mut impl FnMut(&Comparison) -> bool) -> bool {
        let mut rest = self;
        loop {
            rest = match rest {
                Self::True => return false,
                Self::Test(comparison) => return property(comparison),
                Self::Not(inner) => inner,
                Self::And(left, right) | Self::Or(left, right) => {
                    if left.any(property) {
                        return true;
                    }
                    right
                }
            }
        }
    }

    /// The file names for which the condition holds, if it only asks whether the first `filename` is one of some names or lies
    /// below one of some folders. Variables that have no value yet are part of the names.
    #[must_use]
    pub fn file_names(&self) -> Option<Vec<FileName>> {
        match self {
            Self::Test(test) if test.argument == "filename" && test.index.unwrap_or(0) == 0 => {
                test.file_names()
            }
            Self::Or(left, right) => Some([left.file_names()?, right.file_names()?].concat()),
            _ => None,
        }
    }

    /// The same condition with other comparisons.
    ///
    /// # Errors
    /// The first error of `change`.
    pub(crate) fn try_map<E>(
        &self,
        change: &mut impl FnMut(&Comparison) -> Result<Comparison, E>,
    ) -> Result<Self, E> {
        Ok(match self {
            Self::True => Self::True,
            Self::Test(comparison) => Self::Test(change(comparison)?),
            Self::Not(inner) => Self::Not(Box::new(inner.try_map(change)?)),
            Self::And(left, right) => {
                Self::And(Box::new(left.try_map(change)?), Box::new(right.try_map(change)?))
            }
            Self::Or(left, right) => {
                Self::Or(Box::new(left.try_map(change)?), Box::new(right.try_map(change)?))
            }
        })
    }
}

/// A file name, or a folder with everything in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileName {
    /// This name and no other.
    Only(Vec<u8>),
    /// This name and those of all that lies below it.
    Tree(Vec<u8>),
}

impl FileName {
    /// The name itself.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        match self {
            Self::Only(name) | Self::Tree(name) => name,
        }
    }
}

/// `argument[index] operator text`, ready to be asked.
#[derive(Debug, Clone)]
pub struct Comparison {
    argument: String,
    index: Option<u8>,
    operator: Operator,
    /// The text as written, then other spellings of the same file name.
    texts: Vec<Vec<u8>>,
    /// One for each text.
    matchers: Vec<Matcher>,
}

impl Comparison {
    /// A comparison with a text or with any of several spellings of it.
    ///
    /// # Errors
    /// A text of the operator `re` is no POSIX extended regular expression.
    pub fn new(
        argument: &str,
        index: Option<u8>,
        operator: Operator,
        texts: Vec<Vec<u8>>,
    ) -> Result<Self, BadPattern> {
        let matchers = texts.iter().map(|text| Matcher::new(operator, text));
        let matchers = matchers.collect::<Result<_, _>>()?;
        Ok(Self { argument: argument.to_ascii_lowercase(), index, operator, texts, matchers })
    }

    /// The argument's name, in lower case.
    #[must_use]
    pub fn argument(&self) -> &str {
        &self.argument
    }

    /// Which of the valid arguments of that name; none: the first.
    #[must_use]
    pub fn index(&self) -> Option<u8> {
        self.index
    }

    /// The operator.
    #[must_use]
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The text as written, variables expanded where they are known.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.texts[0]
    }

    /// The text and its other spellings: a positive operator holds if it does for one of them.
    #[must_use]
    pub fn texts(&self) -> &[Vec<u8>] {
        &self.texts
    }

    /// Whether the comparison holds for the text of a value of this kind.
    #[must_use]
    pub fn holds(&self, kind: Kind, value: &[u8]) -> bool {
        let negated = matches!(self.operator, Operator::Neq | Operator::Nsub);
        self.matchers.iter().any(|matcher| matcher.holds(kind, value)) != negated
    }

    /// The numbers for which the comparison holds, if values of this kind are numbers and the set
    /// can be told.
    #[must_use]
    pub fn numbers(&self, kind: Kind) -> Option<NumberSet> {
        if !kind.is_number() {
            return None;
        }
        if let Some(set) = kind.numbers_where(|text| self.holds(kind, text)) {
            return Some(set);
        }
        let inside = match self.operator {
            Operator::Eq => true,
            Operator::Neq => false,
            Operator::Sub | Operator::Nsub => return self.numbers_containing(kind),
            _ => return None,
        };
        let mut members: Vec<_> =
            self.texts.iter().filter_map(|text| kind.number_of(text)).collect();
        members.sort_unstable();
        Some(NumberSet { mask: kind.mask(), members, inside })
    }

    fn numbers_containing(&self, kind: Kind) -> Option<NumberSet> {
        let [part] = &self.texts[..] else { return None };
        let set = kind.numbers_containing(part)?;
        let inside = set.inside == (self.operator == Operator::Sub);
        Some(NumberSet { inside, ..set })
    }

    fn file_names(&self) -> Option<Vec<FileName>> {
        if !matches!(self.operator, Operator::Match | Operator::Eq) {
            return None;
        }
        let name = |matcher: &Matcher| match matcher {
            Matcher::Whole(name) => Some(FileName::Only(name.clone())),
            Matcher::Under(name) => Some(FileName::Tree(name.clone())),
            _ => None,
        };
        self.matchers.iter().map(name).collect()
    }

    pub(crate) fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(operator: Operator, text: &str) -> Comparison {
        Comparison::new("X", None, operator, vec![text.into()]).unwrap()
    }

    #[test]
    fn numbers_agree_with_texts() {
        let operators = [
            Operator::Eq,
            Operator::Neq,
            Operator::Match,
            Operator::Sub,
            Operator::Nsub,
            Operator::Re,
        ];
        let texts = [
            "ro",
            "RW",
            "w*",
            "70",
            "-1",
            "sock_stream",
            "PROT_NONE",
            "644",
            "0x5412",
            "",
            "CLONE_NEWUSER",
            "CLONE_NEW",
            "CLONE_VM|CLONE_FS",
            "0",
            "|",
            "0x1",
            "TIME",
            "S",
            "1",
            "PR_SET",
            "pr_set_name",
            "SIG",
            "<",
            "DONT",
            "AF_",
            "INET",
            "BOGUS",
        ];
        let kinds = [
            Kind::OpenFlags,
            Kind::Mode,
            Kind::Uid,
            Kind::SocketDomain,
            Kind::SocketType,
            Kind::Signal,
            Kind::Protection,
            Kind::Hex,
            Kind::CloneFlags,
            Kind::UnshareFlags,
            Kind::MemfdFlags,
            Kind::PrctlOption,
            Kind::Advice,
        ];
        let few = [0, 1, 2, 3, 10, 15, 70, 0o644, 0o1101, 0o2_000_001, 0x5412, 0x1000_0100];
        let bits = (0..32).map(|bit| 1 << bit);
        let numbers = || few.into_iter().chain(bits.clone()).chain([0x7e02_0000, 0xffff_ffff]);
        let mut told = 0;
        for (operator, text) in operators.iter().flat_map(|o| texts.iter().map(move |t| (*o, t))) {
            if operator == Operator::Re && text.contains('*') {
                continue;
            }
            let comparison = comparison(operator, text);
            for kind in kinds {
                let Some(set) = comparison.numbers(kind) else { continue };
                for number in numbers() {
                    let holds = comparison.holds(kind, kind.print(number).as_bytes());
                    assert_eq!(
                        set.contains(number),
                        holds,
                        "{operator:?} {text} {kind:?} {number}"
                    );
                    told += 1;
                }
            }
        }
        assert!(told > 1000);
    }

    #[test]
    fn file_names_are_told_where_the_condition_is_about_them_alone() {
        let test = |operator, text: &str| {
            Box::new(Condition::Test(
                Comparison::new("filename", None, operator, vec![text.into()]).unwrap(),
            ))
        };
        let either = Condition::Or(test(Operator::Match, "/a"), test(Operator::Eq, "/b*"));
        let names = [FileName::Tree(b"/a".into()), FileName::Only(b"/b*".into())];
        assert_eq!(either.file_names().as_deref(), Some(&names[..]));
        for other in [
            Condition::True,
            Condition::Not(test(Operator::Eq, "/a")),
            *test(Operator::Match, "/a/*"),
            *test(Operator::Neq, "/a"),
            *test(Operator::Sub, "/a"),
            Condition::Test(comparison(Operator::Eq, "/a")),
        ] {
            assert_eq!(other.file_names(), None);
        }
    }

    #[test]
    fn texts_have_no_numbers() {
        assert_eq!(comparison(Operator::Eq, "/a").numbers(Kind::Filename), None);
    }

    #[test]
    fn parts_of_names_are_told_where_nothing_else_has_them() {
        let told = |kind, part| comparison(Operator::Sub, part).numbers(kind);
        let user = NumberSet { mask: 0x1000_0000, members: vec![0], inside: false };
        assert_eq!(told(Kind::CloneFlags, "CLONE_NEWUSER"), Some(user));
        let bounding = NumberSet { mask: u32::MAX, members: vec![23, 24], inside: true };
        assert_eq!(told(Kind::PrctlOption, "CAPBSET"), Some(bounding));
        assert!(told(Kind::Signal, "SIG").is_some_and(|set| !set.contains(5) && set.contains(9)));
        // Numbers without a name may have these in their texts.
        assert_eq!(told(Kind::SocketDomain, "AF"), None);
        assert_eq!(told(Kind::PrctlOption, "1"), None);
        assert_eq!(told(Kind::CloneFlags, "0x"), None);
        assert_eq!(told(Kind::CloneFlags, "VM|CLONE"), None);
    }

    #[test]
    fn evaluation_stops_where_the_answer_is_known() {
        let test = |text| Box::new(Condition::Test(comparison(Operator::Eq, text)));
        let condition = Condition::Or(test("a"), Box::new(Condition::And(test("b"), test("c"))));
        let mut asked = Vec::new();
        let mut answer = |comparison: &Comparison| {
            asked.push(comparison.text().to_vec());
            false
        };
        assert!(!condition.holds(&mut answer));
        assert_eq!(asked, [b"a", b"b"]);
    }
}
