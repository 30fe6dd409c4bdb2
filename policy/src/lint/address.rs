//! Warns of socket addresses that are not written as rules see them: `inet-[ADDR]:PORT`.

use std::net::{IpAddr, SocketAddr};

use super::Checked;
use crate::ast::{Operator, Test};
use crate::diagnostic::{Code, Diagnostic};
use crate::registry::Kind;

pub(super) fn check(checked: &Checked<'_>) -> Vec<Diagnostic> {
    let addresses = checked.tests().filter(|(_, kinds)| kinds == &[Kind::SocketAddress]);
    addresses.filter_map(|(test, _)| finding(test)).collect()
}

fn finding(test: &Test) -> Option<Diagnostic> {
    let text = std::str::from_utf8(&test.text.value).ok()?;
    let fault = |message: &str, help: String| {
        let finding = Diagnostic::new(Code::NeverPrinted, test.text.span, message);
        Some(finding.help(help))
    };
    if let Some(meant) = bare(text) {
        return fault("no address is printed so", format!("write `{meant}`"));
    }
    match test.operator {
        Operator::Eq | Operator::Neq if is_broken(text) => {
            let help = "an address is `inet-[ADDR]:PORT` in numbers: `inet-[127.0.0.1]:53`";
            fault("no address is printed so", help.to_owned())
        }
        Operator::Match if is_class(text) => {
            let help =
                "`eq` takes brackets as they are; in `match` they are written `\\\\[` and `\\\\]`";
            fault("in a pattern, brackets stand for one of the characters in them", help.to_owned())
        }
        _ => None,
    }
}

/// An address as other programs write it, with or without a port, and how rules see it.
fn bare(text: &str) -> Option<String> {
    let (address, port) = match text.rsplit_once(':') {
        Some((_, port)) if port == "*" => {
            (text.strip_suffix('*').map(|start| format!("{start}0"))?, Some(port))
        }
        _ => (text.to_owned(), None),
    };
    if let Ok(address) = address.parse::<SocketAddr>() {
        let port = port.map_or_else(|| address.port().to_string(), str::to_owned);
        return Some(format!("inet-[{}]:{port}", address.ip()));
    }
    address.parse::<IpAddr>().ok().map(|address| format!("inet-[{address}]:PORT"))
}

/// Begins as an internet address and goes on as none. `eq` with wildcards has a finding of its own.
fn is_broken(text: &str) -> bool {
    let Some(rest) = strip_ignoring_case(text, "inet-") else { return false };
    !rest.contains(['*', '?']) && !is_printed(&rest.to_ascii_lowercase())
}

fn strip_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `[ADDR]:PORT` in the one spelling that is printed.
fn is_printed(rest: &str) -> bool {
    let parts = rest.strip_prefix('[').and_then(|rest| rest.split_once("]:"));
    let Some((address, port)) = parts else { return false };
    let (address, scope) = address.split_once('%').map_or((address, None), |(a, s)| (a, Some(s)));
    let number = |text: &str| text.parse::<u32>().is_ok_and(|number| number.to_string() == text);
    let known = address.parse::<IpAddr>().is_ok_and(|parsed| parsed.to_string() == address);
    known && port.parse::<u16>().is_ok() && number(port) && scope.is_none_or(number)
}

/// `inet-[127.0.0.1]:53` in a pattern: one character of those, where the text has an opening
/// bracket.
fn is_class(pattern: &str) -> bool {
    let inside = pattern.strip_prefix("inet-[").and_then(|rest| rest.split_once(']'));
    inside.is_some_and(|(inside, _)| {
        !inside.is_empty() && !inside.starts_with(['!', '^']) && !inside.contains(['[', '-'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_other_programs_write_them() {
        assert_eq!(bare("127.0.0.1:53").as_deref(), Some("inet-[127.0.0.1]:53"));
        assert_eq!(bare("[::1]:80").as_deref(), Some("inet-[::1]:80"));
        assert_eq!(bare("10.0.0.1:*").as_deref(), Some("inet-[10.0.0.1]:*"));
        assert_eq!(bare("::1").as_deref(), Some("inet-[::1]:PORT"));
        assert!(
            ["/run/x", "inet-*:80", "*:80", "", "@bus", "x:*"]
                .iter()
                .all(|text| bare(text).is_none())
        );
    }

    #[test]
    fn one_spelling_is_printed() {
        for right in
            ["inet-[127.0.0.1]:53", "INET-[FE80::1%2]:0", "/tmp", "inet-*:53", "family(0)", ""]
        {
            assert!(!is_broken(right), "{right}");
        }
        for wrong in [
            "inet-127.0.0.1:53",
            "inet-[localhost]:53",
            "inet-[::1]:080",
            "inet-[0::1]:1",
            "inet-[::1]:70000",
        ] {
            assert!(is_broken(wrong), "{wrong}");
        }
        assert!(
            is_class("inet-[127.0.0.1]:53")
                && !is_class("inet-[[]*")
                && !is_class("inet-\\[1\\]:*")
        );
    }
}
