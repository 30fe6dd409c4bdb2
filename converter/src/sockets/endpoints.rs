//! From a comparison with the text of an address to a set of addresses and ports.
//!
//! The text of an internet address is `inet-[ADDRESS]:PORT` ([`policy::sockaddr`]). It has one `]`, no slash, and the
//! address is in canonical form; what is said here of patterns rests on that. A pattern of which it cannot be said exactly
//! which addresses fit, or that might fit the name of a UNIX socket, is left to somebody who sees texts.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use policy::ast::Operator;
use policy::condition::Comparison;
use policy::sockaddr::needs_scope;

/// Internet addresses and ports: those with an address of the lists and a port of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// IPv4 addresses.
    pub v4: Vec<RangeInclusive<u32>>,
    /// IPv6 addresses, by their 32-bit words; never one that stands for an IPv4 address.
    pub v6: Vec<[RangeInclusive<u32>; 4]>,
    /// Ports.
    pub ports: Vec<RangeInclusive<u16>>,
}

/// More runs of ports than this are no range that anybody meant.
const MOST_RUNS: usize = 16;
const ANY: RangeInclusive<u32> = 0..=u32::MAX;

impl Endpoints {
    const NONE: Self = Self { v4: Vec::new(), v6: Vec::new(), ports: Vec::new() };

    /// The addresses for which a positive comparison with one text holds; `None` if that is not exactly known.
    #[must_use]
    pub fn of(operator: Operator, text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        match operator {
            Operator::Eq | Operator::Neq => Self::equal(&text.to_ascii_lowercase()),
            Operator::Match => Self::matching(&Pattern::read(text)?),
            _ => None,
        }
    }

    /// The sets of all spellings of a comparison.
    #[must_use]
    pub fn all_of(test: &Comparison) -> Option<Vec<Self>> {
        test.texts().iter().map(|text| Self::of(test.operator(), text)).collect()
    }

    /// No address is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty() || (self.v4.is_empty() && self.v6.is_empty())
    }

    fn equal(text: &str) -> Option<Self> {
        // No other text than that of an internet address begins so (`print_sockaddr`).
        let rest = text.strip_prefix("inet-")?;
        let parts = rest.strip_prefix('[').and_then(|rest| rest.split_once("]:"));
        let Some((address, port)) = parts else { return Some(Self::NONE) };
        let ports = exactly(port);
        Self::at(address).map(|at| Self { ports, ..at })
    }

    /// One address with any port.
    fn at(text: &str) -> Option<Self> {
        if let Ok(v4) = text.parse::<Ipv4Addr>() {
            return Some(Self { v4: vec![v4.to_bits()..=v4.to_bits()], ..Self::NONE });
        }
        let (address, scope) = match text.split_once('%') {
            Some((address, scope)) => (address, Some(scope)),
            None => (text, None),
        };
        let Ok(v6) = address.parse::<Ipv6Addr>() else { return Some(Self::NONE) };
        match scope {
            // Programs do not see the scope.
            _ if needs_scope(v6) => None,
            // Of other addresses the kernel ignores it, and it is not printed; nor is another spelling.
            None if v6.to_string() == address && v6.to_ipv4_mapped().is_none() => {
                Some(Self { v6: vec![words(v6).map(|word| word..=word)], ..Self::NONE })
            }
            _ => Some(Self::NONE),
        }
    }

    fn matching(pattern: &Pattern) -> Option<Self> {
        let before = pattern.pieces.first()?.strip_prefix("inet-")?;
        let (address, ports) = match (&pattern.pieces[1..], before.split_once("]:")) {
            ([], Some((address, port))) => (Part::Whole(address), exactly(port)),
            // The star is in the port.
            ([end], Some((address, start))) => (Part::Whole(address), between(start, end)?),
            _ if before.contains(']') => return None,
            // Without a star it is the whole text.
            ([], None) => return Some(Self::NONE),
            // The one star reaches over the address or begins in it; what follows ends the text.
            ([end], None) => (Part::Start(before), ending(end)?),
            ([middle, end], None) => match middle.strip_prefix("]:") {
                Some(start) => (Part::Start(before), between(start, end)?),
                // A colon stands before the port of every text; of others in front of it nothing is asked.
                None if middle == ":" && is_number(end) => (Part::Start(before), between("", end)?),
                None => return None,
            },
            _ => return None,
        };
        address.read().map(|at| Self { ports, ..at })
    }

    fn any() -> Self {
        Self { v4: vec![ANY], v6: vec![[ANY; 4]], ..Self::NONE }
    }

    /// Those whose text starts so.
    fn starting(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::any());
        }
        Some(Self { v4: v4_starting(text), v6: v6_starting(text)?, ..Self::NONE })
    }
}

/// `match` without brackets and question marks: literal pieces with stars between them.
struct Pattern {
    pieces: Vec<String>,
}

impl Pattern {
    fn read(text: &str) -> Option<Self> {
        let mut pieces = vec![String::new()];
        let (mut characters, mut star) = (text.chars(), false);
        while let Some(character) = characters.next() {
            let literal = match character {
                '*' if star => continue,
                '*' => {
                    star = true;
                    pieces.push(String::new());
                    continue;
                }
                '?' | '[' => return None,
                '\\' => characters.next()?,
                other => other,
            };
            star = false;
            pieces.last_mut()?.push(literal);
        }
        Some(Self { pieces })
    }
}

/// What a pattern says of the address, from behind `inet-`.
enum Part<'p> {
    Whole(&'p str),
    Start(&'p str),
}

impl Part<'_> {
    fn read(&self) -> Option<Endpoints> {
        match self {
            Self::Whole(text) => match text.strip_prefix('[') {
                Some(address) => Endpoints::at(address),
                None => Some(Endpoints::NONE),
            },
            Self::Start("") => Some(Endpoints::any()),
            Self::Start(text) => match text.strip_prefix('[') {
                Some(address) => Endpoints::starting(address),
                None => Some(Endpoints::NONE),
            },
        }
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The port that is printed so.
fn exactly(text: &str) -> Vec<RangeInclusive<u16>> {
    let port = text.parse::<u16>().ok().filter(|port| port.to_string() == text);
    port.map(|port| port..=port).into_iter().collect()
}

/// The ports of texts that end so.
fn ending(end: &str) -> Option<Vec<RangeInclusive<u16>>> {
    if let Some(port) = end.strip_prefix("]:") {
        return Some(exactly(port));
    }
    match end.strip_prefix(':') {
        Some(port) if is_number(port) => Some(exactly(port)),
        // Nothing that is asked of the address.
        None if is_number(end) => between("", end),
        _ => None,
    }
}

/// The ports that start and end so, as runs.
fn between(start: &str, end: &str) -> Option<Vec<RangeInclusive<u16>>> {
    if start.is_empty() && end.is_empty() {
        return Some(vec![0..=u16::MAX]);
    }
    let mut runs: Vec<RangeInclusive<u16>> = Vec::new();
    let fits = |text: &str| text.strip_prefix(start).is_some_and(|rest| rest.ends_with(end));
    for port in (0..=u16::MAX).filter(|port| fits(&port.to_string())) {
        match runs.last_mut() {
            Some(run) if run.end().checked_add(1) == Some(port) => *run = *run.start()..=port,
            _ => runs.push(port..=port),
        }
    }
    (runs.len() <= MOST_RUNS).then_some(runs)
}

/// Whole numbers in front, then what the next one starts with.
fn v4_starting(text: &str) -> Vec<RangeInclusive<u32>> {
    let mut numbers: Vec<&str> = text.split('.').collect();
    let start = numbers.pop().unwrap_or_default();
    let known: Option<Vec<u8>> = numbers.iter().map(|number| octet(number)).collect();
    let Some(known) = known.filter(|known| known.len() < 4) else { return Vec::new() };
    let shift = 24 - 8 * known.len();
    let base = known.iter().fold(0_u32, |base, octet| base << 8 | u32::from(*octet));
    let base = u64::from(base) << (shift + 8);
    let fitting = (0..=u8::MAX).filter(|octet| octet.to_string().starts_with(start));
    let ranges = fitting.map(|octet| {
        let first = base | u64::from(octet) << shift;
        first as u32..=(first | ((1 << shift) - 1)) as u32
    });
    joined(ranges)
}

/// A number as it is printed.
fn octet(text: &str) -> Option<u8> {
    text.parse::<u8>().ok().filter(|octet| octet.to_string() == text)
}

fn joined(ranges: impl Iterator<Item = RangeInclusive<u32>>) -> Vec<RangeInclusive<u32>> {
    let mut all: Vec<RangeInclusive<u32>> = Vec::new();
    for range in ranges {
        match all.last_mut() {
            Some(last) if last.end().checked_add(1) == Some(*range.start()) => {
                *last = *last.start()..=*range.end();
            }
            _ => all.push(range),
        }
    }
    all
}

/// The same for IPv6. A group that is 0 may be left out of the text, together with its neighbours; a pattern that
/// depends on how many of them are is not told.
fn v6_starting(text: &str) -> Option<Vec<[RangeInclusive<u32>; 4]>> {
    if text.contains(|character: char| !matches!(character, '0'..='9' | 'a'..='f' | ':')) {
        // A dot, or a letter that no address has.
        return if text.contains('%') { None } else { Some(Vec::new()) };
    }
    let mut groups: Vec<&str> = text.split(':').collect();
    let start = groups.pop().unwrap_or_default();
    let known: Option<Vec<u16>> = groups.iter().map(|text| group(text)).collect();
    let known = known.filter(|known| known.len() < 8)?;
    let mut fitting = Vec::new();
    if start.is_empty() {
        fitting.push((known.clone(), 16 * known.len() as u32));
    } else {
        group(start)?;
        for more in 0..=4_usize.checked_sub(start.len())? {
            let value = u16::from_str_radix(start, 16).ok()? << (4 * more);
            let mut groups = known.clone();
            groups.push(value);
            fitting.push((groups, 16 * known.len() as u32 + 16 - 4 * more as u32));
        }
    }
    Some(fitting.iter().map(|(groups, bits)| network(groups, *bits)).collect())
}

/// A group that is not 0, as it is printed.
fn group(text: &str) -> Option<u16> {
    let number = u16::from_str_radix(text, 16).ok()?;
    (number != 0 && format!("{number:x}") == text).then_some(number)
}

/// The addresses whose first bits are those of the groups.
fn network(groups: &[u16], bits: u32) -> [RangeInclusive<u32>; 4] {
    let mut all = [0; 8];
    all[..groups.len()].copy_from_slice(groups);
    let first = words(Ipv6Addr::from(all));
    std::array::from_fn(|at| {
        let known = bits.saturating_sub(32 * at as u32).min(32);
        let free = u32::MAX.checked_shr(known).unwrap_or(0);
        first[at]..=first[at] | free
    })
}

/// An address as four numbers.
#[must_use]
pub fn words(address: Ipv6Addr) -> [u32; 4] {
    let bits = address.to_bits();
    std::array::from_fn(|at| (bits >> (96 - 32 * at)) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(text: &str) -> Option<Vec<String>> {
        let found = Endpoints::of(Operator::Match, text.as_bytes())?;
        let show = |range: &RangeInclusive<u32>| {
            let [first, last] = [*range.start(), *range.end()].map(Ipv4Addr::from);
            format!("{first}-{last}")
        };
        Some(found.v4.iter().map(show).collect())
    }

    #[test]
    fn prefixes_of_numbers_are_ranges() {
        let of = |text| v4(text).expect("it can be told").join(" ");
        assert_eq!(of(r"inet-\[10.*\]:443"), "10.0.0.0-10.255.255.255");
        assert_eq!(
            of(r"inet-\[192.168.1*\]:443"),
            "192.168.1.0-192.168.1.255 192.168.10.0-192.168.19.255 192.168.100.0-192.168.199.255"
        );
        assert_eq!(of(r"inet-\[10.0.0.1\]:*"), "10.0.0.1-10.0.0.1");
        assert_eq!(of("inet-*:443"), "0.0.0.0-255.255.255.255");
        assert_eq!(of(r"inet-\[010.*\]:443"), "");
        assert_eq!(of(r"inet-\[300.*\]:443"), "");
    }

    #[test]
    fn what_cannot_be_told_is_left() {
        for text in [
            "inet-[10.*]:443",
            r"inet-\[10.*.1\]:443",
            r"inet-\[fe80::*\]:443",
            r"inet-\[::*\]:443",
            "inet-*.1]:443",
            "inet-*::]:1",
            "/run/*",
            "*",
            "family(*",
            "inet-*:4?",
            "",
        ] {
            assert_eq!(Endpoints::of(Operator::Match, text.as_bytes()), None, "{text}");
        }
        for text in ["/run/x", "@x", "family(0)", "inet-[fe80::1]:80", "inet-[fe80::1%2]:80"] {
            assert_eq!(Endpoints::of(Operator::Eq, text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn texts_that_no_address_has_fit_none() {
        for text in [
            "inet-*",
            "inet-[::0]:80",
            "inet-[::1]:080",
            "inet-[::ffff:1.2.3.4]:80",
            "inet-[::1%2]:80",
            "inet-x",
        ] {
            let found = Endpoints::of(Operator::Eq, text.as_bytes());
            assert!(found.is_some_and(|found| found.is_empty()), "{text}");
        }
    }
}
