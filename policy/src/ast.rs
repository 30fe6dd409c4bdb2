//! The written form of a policy file: what the author typed, with spans, nothing looked up.
//!
//! Grammar: `LANGUAGE.md`. Users, files, calls and regular expressions are only names here; a later
//! pass gives them their meaning.

use crate::diagnostic::Span;

/// A whole file: one or more policies, in order of appearance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The policies. A header that repeats a name re-opens the earlier policy: its statements are appended there.
    pub policies: Vec<PolicyText>,
}

/// `Policy: NAME, Emulation: EMU` and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// The program: an absolute path, or `*/name` for any folder.
    pub program: Spanned<String>,
    /// `native`, `linux64`, …: the prefix of every rule.
    pub emulation: Spanned<String>,
    /// The statement `detached`: the program runs unsupervised.
    pub detached: Option<Span>,
    /// `Include:` lines and rules, in order.
    pub statements: Vec<Statement>,
    /// Where the header stands.
    pub span: Span,
}

/// `Template: NAME, Emulation: EMU, Description: TEXT` and the rules that follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateText {
    /// The name that `Include:` uses.
    pub name: Spanned<String>,
    /// The prefix of every rule.
    pub emulation: Spanned<String>,
    /// What the template is for.
    pub description: Spanned<String>,
    /// The rules, in order; a template includes nothing.
    pub rules: Vec<RuleText>,
    /// Where the header stands.
    pub span: Span,
}

/// One line under a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// `Include: NAME`: rules of a template for the calls that this policy has no rule for.
    Include(Spanned<String>),
    /// `EMU-NAME: RULE`.
    Rule(Box<RuleText>),
}

impl Statement {
    /// The template's name, or the whole rule.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Include(name) => name.span,
            Self::Rule(rule) => rule.span,
        }
    }
}

/// One rule as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    /// The call or alias, without the emulation: `fsread`, `connect`.
    pub call: Spanned<String>,
    /// The condition; a plain `permit` or `deny` has [`Expression::True`] and `plain` set.
    pub condition: Expression,
    /// The rule was written in the plain form (`native-close: permit`), not as `true then permit`.
    pub plain: bool,
    /// What happens when the condition holds.
    pub action: Spanned<Action>,
    /// `log`.
    pub log: bool,
    /// `as user:group`.
    pub identity: Option<Identity>,
    /// `, if user = root`.
    pub predicate: Option<Predicate>,
    /// The whole rule from the emulation to its last character.
    pub span: Span,
}

/// `permit`, `deny` or `ask`, with what stands in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The call is performed.
    Permit(PermitFlag),
    /// The call fails with the named errno; `None` is EPERM, the default.
    Deny(Option<String>),
    /// The user is asked.
    Ask,
}

/// What a permitted `execve` does with the policy of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermitFlag {
    /// The new program's own policy applies.
    None,
    /// `[inherit]`: the process keeps its policy.
    Inherit,
    /// `[detach]`: the process is released.
    Detach,
}

/// A condition. `and`, `or` and `not` share one level and group to the right. At most [`Expression::MAX_DEPTH`] deep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// `true`.
    True(Span),
    /// `argument[index] operator "text"`.
    Test(Test),
    /// `not E`.
    Not(Box<Expression>, Span),
    /// `E and E`.
    And(Box<Expression>, Box<Expression>),
    /// `E or E`.
    Or(Box<Expression>, Box<Expression>),
    /// `( E )`: kept so that printing gives back what was written.
    Group(Box<Expression>, Span),
}

impl Expression {
    /// How many levels an expression may have: what walks over expressions may recurse.
    pub const MAX_DEPTH: usize = 256;

    /// The comparisons, from left to right.
    #[must_use]
    pub fn tests(&self) -> Vec<&Test> {
        let mut tests = Vec::new();
        self.collect_tests(&mut tests);
        tests
    }

    fn collect_tests<'e>(&'e self, tests: &mut Vec<&'e Test>) {
        match self {
            Self::True(_) => {}
            Self::Test(test) => tests.push(test),
            Self::Not(inner, _) | Self::Group(inner, _) => inner.collect_tests(tests),
            Self::And(left, right) | Self::Or(left, right) => {
                left.collect_tests(tests);
                right.collect_tests(tests);
            }
        }
    }

    /// From its first character to its last.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::True(span) | Self::Not(_, span) | Self::Group(_, span) => *span,
            Self::Test(test) => test.argument.span.to(test.text.span),
            Self::And(left, right) | Self::Or(left, right) => left.span().to(right.span()),
        }
    }
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// The argument's name as typed; names compare without regard to case.
    pub argument: Spanned<String>,
    /// `[k]`, 0 to 9.
    pub index: Option<u8>,
    /// The operator.
    pub operator: Operator,
    /// The text after the escapes were taken out, variables still in it. Bytes: a policy need not be UTF-8.
    pub text: Spanned<Vec<u8>>,
}

/// The comparison operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `match`: fnmatch(3) with `FNM_PATHNAME | FNM_LEADING_DIR`.
    Match,
    /// `eq`: the whole text.
    Eq,
    /// `neq`.
    Neq,
    /// `sub`: the text occurs in the value.
    Sub,
    /// `nsub`.
    Nsub,
    /// `inpath`: the value is the text itself or a folder above it.
    Inpath,
    /// `re`: POSIX extended regular expression, unanchored.
    Re,
}

impl Operator {
    /// Every operator.
    pub const ALL: &'static [Self] =
        &[Self::Match, Self::Eq, Self::Neq, Self::Sub, Self::Nsub, Self::Inpath, Self::Re];

    /// The keyword that names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Eq => "eq",
            Self::Neq => "neq",
            Self::Sub => "sub",
            Self::Nsub => "nsub",
            Self::Inpath => "inpath",
            Self::Re => "re",
        }
    }
}

/// `as user`, `as user:group`, `as :group`: names or numbers, resolved in the container later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// User name or number.
    pub user: Option<String>,
    /// Group name or number.
    pub group: Option<String>,
    /// From `as` to the last name.
    pub span: Span,
}

/// `if user = root`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// Which of the caller's two numbers is compared.
    pub subject: PredicateSubject,
    /// How.
    pub relation: Relation,
    /// A name of the container's passwd or group file, or a number.
    pub name: String,
    /// From `if` to the name.
    pub span: Span,
}

/// `user` or `group`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PredicateSubject {
    /// The real user id.
    User,
    /// The real group id.
    Group,
}

/// `=`, `!=`, `<`, `>`, on signed 32-bit numbers as in the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `>`
    Greater,
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}
