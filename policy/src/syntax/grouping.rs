//! Warns where `and`, `or` and `not` share a level without parentheses: their rank is not what most readers expect.

use super::print;
use crate::ast::Expression;
use crate::diagnostic::{Code, Diagnostic};

/// One warning for each level of a condition that mixes them, up to a bound.
pub(super) fn check(condition: &Expression) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    check_level(condition, &mut warnings);
    warnings.truncate(Diagnostic::MOST_OF_A_RULE);
    warnings
}

/// What occurs on one level, which a parenthesis ends.
#[derive(Default)]
struct Level {
    and: bool,
    or: bool,
    /// A `not` whose operand is a whole `and` or `or`.
    wide_not: bool,
}

fn check_level(condition: &Expression, warnings: &mut Vec<Diagnostic>) {
    let mut level = Level::default();
    look(condition, &mut level, warnings);
    if (level.and && level.or) || level.wide_not {
        let message = "`and`, `or` and `not` have one rank and group to the right";
        warnings.push(
            Diagnostic::new(Code::MixedOperators, condition.span(), message)
                .help(advice(condition)),
        );
    }
}

/// The condition as it is understood, unless it is too long for a help text.
fn advice(condition: &Expression) -> String {
    const LONGEST: usize = 200;
    let span = condition.span();
    if span.end - span.start > LONGEST {
        return "write the parentheses that you mean".to_owned();
    }
    let explicit = print::grouped(condition);
    format!("it means `{}`: write the parentheses", String::from_utf8_lossy(&explicit))
}

fn look(condition: &Expression, level: &mut Level, warnings: &mut Vec<Diagnostic>) {
    match condition {
        Expression::True(_) | Expression::Test(_) => {}
        Expression::Group(inner, _) => check_level(inner, warnings),
        Expression::Not(inner, _) => {
            level.wide_not |= matches!(**inner, Expression::And(..) | Expression::Or(..));
            look(inner, level, warnings);
        }
        Expression::And(left, right) | Expression::Or(left, right) => {
            level.and |= matches!(condition, Expression::And(..));
            level.or |= matches!(condition, Expression::Or(..));
            look(left, level, warnings);
            look(right, level, warnings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use crate::diagnostic::Code;
    use crate::source::Source;

    /// The help texts of the warnings about one condition, cut down to the condition in them.
    fn meant(condition: &str) -> Vec<String> {
        let text = format!("Policy: p, Emulation: native\nnative-open: {condition} then permit\n");
        let parsed = parse(&Source::new("p", text)).unwrap();
        let mixed = parsed.warnings.iter().filter(|w| w.code == Code::MixedOperators);
        mixed.map(|w| w.help.as_ref().unwrap().split('`').nth(1).unwrap().to_owned()).collect()
    }

    #[test]
    fn mixtures_are_shown_with_their_parentheses() {
        assert_eq!(meant(r#"a eq "" and true or true"#), [r#"a eq "" and (true or true)"#]);
        assert_eq!(meant("not true and true"), ["not (true and true)"]);
        assert_eq!(meant("not true or not true and true"), ["not (true or not (true and true))"]);
        assert_eq!(meant("( true or true and true ) or true"), ["true or (true and true)"]);
    }

    #[test]
    fn one_operator_or_parentheses_are_fine() {
        for condition in [
            "true and true and true",
            "not true",
            "not not true",
            "true and not true",
            "( true and true ) or true",
            "( not true ) and true",
            "not ( true and true )",
        ] {
            assert!(meant(condition).is_empty(), "{condition}");
        }
    }
}
