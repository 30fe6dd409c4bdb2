//! Reading and printing, on trees and texts that nobody wrote by hand.

use policy::ast::{
    Action, Expression, File, Identity, Operator, PermitFlag, PolicyText, Predicate,
    PredicateSubject, Relation, RuleText, Spanned, Statement, Test,
};
use policy::comments::Comments;
use policy::diagnostic::{Paint, Span, render};
use policy::{Source, parse, parse_template, print};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

proptest! {
    #[test]
    fn a_printed_tree_is_read_as_the_same_tree(tree in file()) {
        let printed = print::file(&tree, &Comments::default());
        let read = parse(&Source::new("printed", printed.clone()));
        let read = read.map_err(|errors| TestCaseError::fail(format!("{errors:?}")))?;
        prop_assert_eq!(without_spans(&read.tree), without_spans(&tree));
        prop_assert_eq!(print::file(&read.tree, &read.comments), printed);
    }

    #[test]
    fn what_is_read_survives_printing_with_its_comments(text in policy_text()) {
        let read = parse(&Source::new("text", text.clone()));
        let read = read.map_err(|errors| TestCaseError::fail(format!("{errors:?}")))?;
        let printed = print::file(&read.tree, &read.comments);
        for comment in ["# remark", "# again", "# why"] {
            let count = |text: &[u8]| String::from_utf8_lossy(text).matches(comment).count();
            prop_assert_eq!(count(&printed), count(&text));
        }
        let again = parse(&Source::new("printed", printed.clone()));
        let again = again.map_err(|errors| TestCaseError::fail(format!("{errors:?}")))?;
        prop_assert_eq!(without_spans(&again.tree), without_spans(&read.tree));
        prop_assert_eq!(print::file(&again.tree, &again.comments), printed);
    }

    #[test]
    fn no_bytes_upset_the_reader(bytes in vec(any::<u8>(), 0..300)) {
        show_everything(bytes);
    }

    #[test]
    fn no_words_upset_the_reader(text in soup()) {
        show_everything(text);
    }
}

/// Renders all findings: each must stand within the text.
fn show_everything(text: Vec<u8>) {
    let source = Source::new("x", text);
    let end = source.text().len();
    for findings in [parse(&source).err(), parse_template(&source).err()].into_iter().flatten() {
        for finding in findings {
            assert!(finding.span.start <= finding.span.end && finding.span.end <= end);
            assert!(render(&source, &finding, Paint::default()).ends_with('\n'));
        }
    }
}

/// The tree as text, places cut out.
fn without_spans(tree: &File) -> String {
    let text = format!("{tree:?}");
    let mut parts = text.split("Span { start: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once('}').map_or("", |(_, rest)| rest))
}

/// Policies as people might write them.
fn policy_text() -> impl Strategy<Value = Vec<u8>> {
    let lines = select(vec![
        "",
        "  \t",
        "# remark",
        "\t# remark \\",
        "Policy: /bin/x, Emulation: native # again",
        "POLICY:*/y,Emulation:native",
        "Include: base # why",
        "native-open: permit",
        " native-open:(true)->deny[ENOENT]log# remark",
        "native-read: filename eq \"\u{e9}#\\\"\\\\\" and \\  ",
        "native-kill: not \\",
        "native-#43: ask, if group != 0",
    ]);
    let continued = |line: &str| line.trim_end().ends_with('\\') && !line.contains("# remark");
    let end = select(vec!["\n", "\r\n"]);
    vec((lines, end), 0..30).prop_map(move |lines| {
        let mut text = String::from("Policy: /bin/x, Emulation: native\n");
        for (line, end) in lines {
            text.extend([line, end]);
            if continued(line) {
                text.extend(["\tfilename sub \"\" then permit", end]);
            }
        }
        text.into_bytes()
    })
}

/// Texts that look a little like policies.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let words = select(vec![
        "Policy: /bin/x, Emulation: native\n",
        "Template: x, Emulation: native, Description: y\n",
        "\nnative-open: ",
        "Include: base",
        "detached",
        "filename",
        "[1] eq ",
        "\"a\"",
        "\"",
        "\\",
        "\\ \r\n\t",
        "\n",
        "#",
        " and ",
        "not ",
        "(",
        ")",
        "->",
        " then ",
        "permit",
        "[inherit]",
        " log",
        " as ",
        "root:0",
        ", if user = ",
        "true",
        "\0",
        "\u{e9}",
        "-",
        ":",
        ",",
    ]);
    vec(words, 0..40).prop_map(|words| words.concat().into_bytes())
}

fn file() -> impl Strategy<Value = File> {
    let policy = (vec(statement(), 0..5), "[a-z0-9]{1,8}", option::of(Just(Span::default())));
    vec(policy, 1..4).prop_map(|policies| {
        let policies = policies.into_iter().enumerate();
        let policies = policies.map(|(number, (statements, emulation, detached))| PolicyText {
            program: spanned(format!("/bin/my program {number}")),
            emulation: spanned(emulation),
            detached,
            statements,
            span: Span::default(),
        });
        File { policies: policies.collect() }
    })
}

fn statement() -> impl Strategy<Value = Statement> {
    let include = "[a-z][a-z.-]{0,8}".prop_map(|name| Statement::Include(spanned(name)));
    prop_oneof![1 => include, 5 => rule().prop_map(|rule| Statement::Rule(Box::new(rule)))]
}

fn rule() -> impl Strategy<Value = RuleText> {
    let head = ("(#[0-9]|[a-z_])[a-z_-]{0,8}(-#[0-9])?", condition(), any::<bool>());
    let tail = (action(), any::<bool>(), option::of(identity()), option::of(predicate()));
    (head, tail).prop_map(|((call, condition, plain), (action, log, identity, predicate))| {
        let condition = if plain { Expression::True(Span::default()) } else { condition };
        let (call, action) = (spanned(call), spanned(action));
        RuleText { call, condition, plain, action, log, identity, predicate, span: Span::default() }
    })
}

/// Conditions as the parser builds them: an `and`, `or` or `not` stands on the left of another only in parentheses.
fn condition() -> impl Strategy<Value = Expression> {
    let nowhere = Span::default();
    let leaf = prop_oneof![Just(Expression::True(nowhere)), test().prop_map(Expression::Test)];
    leaf.prop_recursive(6, 40, 2, move |inner| {
        let operand = inner.clone().prop_map(move |inner| match inner {
            Expression::And(..) | Expression::Or(..) | Expression::Not(..) => {
                Expression::Group(Box::new(inner), nowhere)
            }
            simple => simple,
        });
        let pair = (operand.prop_map(Box::new), inner.clone().prop_map(Box::new));
        prop_oneof![
            pair.clone().prop_map(|(left, right)| Expression::And(left, right)),
            pair.prop_map(|(left, right)| Expression::Or(left, right)),
            inner.clone().prop_map(move |inner| Expression::Not(Box::new(inner), nowhere)),
            inner.prop_map(move |inner| Expression::Group(Box::new(inner), nowhere)),
        ]
    })
}

fn test() -> impl Strategy<Value = Test> {
    use Operator::{Eq, Inpath, Match, Neq, Nsub, Re, Sub};
    let text = vec(any::<u8>().prop_filter("no NUL", |&byte| byte != 0), 0..12);
    let operator = select(vec![Match, Eq, Neq, Sub, Nsub, Inpath, Re]);
    (name(), option::of(0..10_u8), operator, text).prop_map(|(argument, index, operator, text)| {
        Test { argument: spanned(argument), index, operator, text: spanned(text) }
    })
}

fn action() -> impl Strategy<Value = Action> {
    use PermitFlag::{Detach, Inherit, None};
    prop_oneof![
        select(vec![None, Inherit, Detach]).prop_map(Action::Permit),
        option::of(select(vec!["eperm", "ENOENT", "EWOULDBLOCK"]))
            .prop_map(|name| Action::Deny(name.map(str::to_owned))),
        Just(Action::Ask),
    ]
}

fn identity() -> impl Strategy<Value = Identity> {
    (option::of(name()), option::of(name())).prop_map(|(user, group)| {
        let user = if group.is_none() { user.or(Some("root".to_owned())) } else { user };
        Identity { user, group, span: Span::default() }
    })
}

fn predicate() -> impl Strategy<Value = Predicate> {
    use Relation::{Equal, Greater, Less, NotEqual};
    let subject = select(vec![PredicateSubject::User, PredicateSubject::Group]);
    let relation = select(vec![Equal, NotEqual, Less, Greater]);
    let name = prop_oneof![name(), any::<u32>().prop_map(|number| number.to_string())];
    (subject, relation, name).prop_map(|(subject, relation, name)| Predicate {
        subject,
        relation,
        name,
        span: Span::default(),
    })
}

/// Words that are no keywords.
fn name() -> impl Strategy<Value = String> {
    "[A-Z_][A-Za-z0-9_./-]{0,8}[a-z0-9$]"
}

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned { value, span: Span::default() }
}
