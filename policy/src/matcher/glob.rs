//! fnmatch(3) with `FNM_PATHNAME | FNM_LEADING_DIR`, in time proportional to pattern × value at
//! most.

use std::collections::HashSet;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone)]
enum Token {
    /// This byte.
    Byte(u8),
    /// `?`: any byte but a slash.
    Any,
    /// `*`: any bytes but slashes.
    Many,
    /// `[…]`: one of these bytes, never a slash.
    Class(Box<ByteSet>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ByteSet([u64; 4]);

/// The bytes of a pattern without special characters, its backslashes taken out.
pub(crate) fn literal(pattern: &[u8]) -> Option<Vec<u8>> {
    let byte = |token: Token| match token {
        Token::Byte(byte) => Some(byte),
        _ => None,
    };
    tokens(pattern).into_iter().map(byte).collect()
}

impl Glob {
    pub(crate) fn new(pattern: &[u8]) -> Self {
        Self { tokens: tokens(pattern) }
    }

    /// The pattern matches the value, or a leading part of it that a slash follows.
    ///
    /// No token but a slash matches a slash, so which slash of the pattern meets which slash of the
    /// value is settled, and only the last `*` that was met is ever worth trying again, up to the
    /// next slash.
    pub(crate) fn matches(&self, value: &[u8]) -> bool {
        let (mut token, mut at) = (0, 0);
        let mut retry = None;
        loop {
            match self.tokens.get(token) {
                None if at == value.len() || value[at] == b'/' => return true,
                Some(Token::Many) => {
                    token += 1;
                    retry = Some((token, at));
                    continue;
                }
                Some(one) if value.get(at).is_some_and(|byte| one.accepts(*byte)) => {
                    token += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            match retry {
                Some((after, from)) if value.get(from).is_some_and(|byte| *byte != b'/') => {
                    retry = Some((after, from + 1));
                    (token, at) = (after, from + 1);
                }
                _ => return false,
            }
        }
    }
}

impl Token {
    fn accepts(&self, byte: u8) -> bool {
        match self {
            Self::Byte(own) => *own == byte,
            Self::Any => byte != b'/',
            Self::Many => false,
            Self::Class(set) => byte != b'/' && set.contains(byte),
        }
    }
}

impl ByteSet {
    const EMPTY: Self = Self([0; 4]);

    fn insert(&mut self, bytes: std::ops::RangeInclusive<u8>) {
        for byte in bytes {
            self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
    }

    fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    fn negated(self) -> Self {
        Self(self.0.map(|word| !word))
    }
}

fn tokens(pattern: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(pattern.len());
    let mut unclosed = Unclosed::default();
    let mut rest = pattern;
    while let Some((&first, after)) = rest.split_first() {
        let (token, after) = match (first, after) {
            (b'?', _) => (Token::Any, after),
            (b'*', _) => (Token::Many, after),
            (b'\\', [escaped, after @ ..]) => (Token::Byte(*escaped), after),
            // As in the BSDs, a bracket that is never closed is a mere character.
            (b'[', _) => match class(after, &mut unclosed) {
                Some((set, after)) => (Token::Class(Box::new(set)), after),
                None => (Token::Byte(b'['), after),
            },
            _ => (Token::Byte(first), after),
        };
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// How much of a pattern is left where a bracket is known never to be closed. What follows a member
/// does not depend on the members before it, so no place is looked at twice for nothing.
type Unclosed = HashSet<usize>;

/// What stands between the brackets, and what follows them. A `]` in the first place is a member.
fn class<'t>(text: &'t [u8], unclosed: &mut Unclosed) -> Option<(ByteSet, &'t [u8])> {
    let (negated, mut rest) = match text {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let mut set = ByteSet::EMPTY;
    let mut seen = Vec::new();
    loop {
        if let [b']', after @ ..] = rest
            && !seen.is_empty()
        {
            return Some((if negated { set.negated() } else { set }, after));
        }
        let next = match named_class(rest) {
            _ if !seen.is_empty() && unclosed.contains(&rest.len()) => None,
            Some((accepts, after)) => {
                (0..=255).filter(accepts).for_each(|b| set.insert(b..=b));
                Some(after)
            }
            None => range(rest, &mut set),
        };
        seen.push(rest.len());
        let Some(next) = next else {
            // The first place is no such place: there `]` is a member.
            unclosed.extend(&seen[1..]);
            return None;
        };
        rest = next;
    }
}

/// `a`, `\a` or `a-z` inside the brackets.
fn range<'t>(text: &'t [u8], set: &mut ByteSet) -> Option<&'t [u8]> {
    let (low, rest) = member(text)?;
    if let [b'-', after @ ..] = rest
        && !matches!(after.first(), None | Some(b']'))
    {
        let (high, rest) = member(after)?;
        set.insert(low..=high);
        return Some(rest);
    }
    set.insert(low..=low);
    Some(rest)
}

fn member(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'\\', escaped, rest @ ..] => Some((*escaped, rest)),
        [byte, rest @ ..] => Some((*byte, rest)),
        [] => None,
    }
}

type Accepts = fn(&u8) -> bool;

/// `[:alpha:]` inside the brackets, in the C locale.
fn named_class(text: &[u8]) -> Option<(Accepts, &[u8])> {
    const CLASSES: [(&[u8], Accepts); 12] = [
        (b"alnum", u8::is_ascii_alphanumeric),
        (b"alpha", u8::is_ascii_alphabetic),
        (b"blank", |b| matches!(b, b' ' | b'\t')),
        (b"cntrl", u8::is_ascii_control),
        (b"digit", u8::is_ascii_digit),
        (b"graph", u8::is_ascii_graphic),
        (b"lower", u8::is_ascii_lowercase),
        (b"print", |b| matches!(b, b' '..=b'~')),
        (b"punct", u8::is_ascii_punctuation),
        (b"space", |b| b.is_ascii_whitespace() || *b == 0x0b),
        (b"upper", u8::is_ascii_uppercase),
        (b"xdigit", u8::is_ascii_hexdigit),
    ];
    let inside = text.strip_prefix(b"[:")?;
    CLASSES.iter().find_map(|(name, accepts)| {
        let after = inside.strip_prefix(*name)?.strip_prefix(b":]")?;
        Some((*accepts, after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, value: &str) -> bool {
        Glob::new(pattern.as_bytes()).matches(value.as_bytes())
    }

    #[test]
    fn wildcards_stop_at_slashes() {
        let cases = [
            ("/tmp", "/tmp/a/b", true),
            ("/tmp", "/tmpfoo", false),
            ("/tmp/*", "/tmp", false),
            ("/tmp/*", "/tmp/", true),
            ("/t*p", "/tm/p", false),
            ("/*/c", "/a/b/c", false),
            ("/*/*/c*e", "/a/b/cdeede/x", true),
            ("/*b*b", "/ab/b", false),
            ("*a*b*c", "xaxbxbxc", true),
            ("*a*b*c", "xaxbxbx", false),
            ("", "/a", true),
            ("", "a", false),
            ("/a?", "/a/", false),
            ("/a[/]b", "/a/b", false),
            ("/a[!x]b", "/a/b", false),
        ];
        for (pattern, value, expected) in cases {
            assert_eq!(matches(pattern, value), expected, "{pattern} {value}");
        }
    }

    #[test]
    fn brackets() {
        assert!(matches("[]a]", "]") && matches("[^]a]", "b") && !matches("[!]a]", "a"));
        assert!(matches("[a-c-]", "-") && matches("[\\]]", "]") && matches("[a\\-c]", "-"));
        assert!(matches("[[:digit:]x]", "7") && !matches("[[:digit:]]", "x"));
        assert!(matches("[abc", "[abc") && matches("a\\", "a\\"));
    }

    #[test]
    fn literals_have_no_wildcards() {
        assert_eq!(literal(b"/a\\*b").as_deref(), Some(&b"/a*b"[..]));
        assert_eq!(literal(b"/a*"), None);
        assert_eq!(literal(b"/a[b"), Some(b"/a[b".to_vec()));
    }

    #[test]
    fn brackets_that_are_never_closed_take_no_quadratic_time() {
        for bracket in ["[", "[^", "[a[:alpha:]", "[a-"] {
            let pattern = bracket.repeat(30_000) + "\\]";
            assert!(literal(pattern.as_bytes()).is_some() || bracket.contains(':'), "{bracket}");
        }
    }

    #[test]
    fn hostile_values_take_no_exponential_time() {
        let pattern = "*a".repeat(60) + "b";
        assert!(!matches(&pattern, &"a".repeat(4000)));
    }
}
