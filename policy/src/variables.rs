//! `$HOME`, `$USER` and `$CWD` in the texts of rules.

use crate::ast::Operator;
use crate::matcher::quote;

/// The names of the variables, without the dollar sign.
pub(crate) const NAMES: [&str; 3] = ["HOME", "USER", "CWD"];

/// Replaces every variable by its value, as a text that means only itself to the operator: a home
/// folder with a `*` in its name, which a hostile image could bring, opens nothing.
///
/// # Errors
/// The name of a variable that has no value.
pub(crate) fn expand(
    text: &[u8],
    operator: Operator,
    value: impl Fn(&str) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        // As in the original, a dollar sign keeps the one behind it from starting a variable.
        if let Some(after) = after.strip_prefix(b"$").filter(|_| first == b'$') {
            out.extend_from_slice(b"$$");
            rest = after;
        } else if let Some((name, after)) = variable(rest) {
            out.extend(quote(operator, &value(name).ok_or(name)?));
            rest = after;
        } else {
            out.push(first);
            rest = after;
        }
    }
    Ok(out)
}

/// A variable at the start of the text, and what follows it, which is neither letter nor digit.
fn variable(text: &[u8]) -> Option<(&'static str, &[u8])> {
    let text = text.strip_prefix(b"$")?;
    NAMES.iter().find_map(|name| {
        let after = text.strip_prefix(name.as_bytes())?;
        let ends = !after.first().is_some_and(u8::is_ascii_alphanumeric);
        ends.then_some((*name, after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str, operator: Operator) -> Result<String, &'static str> {
        let value = |name: &str| match name {
            "HOME" => Some(b"/h/$USER*".to_vec()),
            "USER" => Some(b"ann".to_vec()),
            _ => None,
        };
        expand(text.as_bytes(), operator, value).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn variables_end_where_no_letter_or_digit_follows() {
        let cases = [
            ("$HOME_x", "/h/$USER*_x"),
            ("$HOMEX ${HOME} $$HOME", "$HOMEX ${HOME} $$HOME"),
            ("a$USER/$USER", "aann/ann"),
            ("$", "$"),
            ("$FOO$USER", "$FOOann"),
        ];
        for (text, expected) in cases {
            assert_eq!(expanded(text, Operator::Eq).unwrap(), expected);
        }
    }

    #[test]
    fn values_are_no_patterns() {
        assert_eq!(expanded("$HOME/*", Operator::Match).unwrap(), "/h/$USER\\*/*");
        assert_eq!(expanded("^$HOME", Operator::Re).unwrap(), "^/h/\\$USER\\*");
    }

    #[test]
    fn a_variable_without_value_is_named() {
        assert_eq!(expanded("$CWD/x", Operator::Eq), Err("CWD"));
    }
}
