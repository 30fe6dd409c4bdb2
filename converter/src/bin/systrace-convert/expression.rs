//! A call as people write it, `openat("/etc/shadow", O_RDONLY)`, and the event that it stands for.
//!
//! The arguments are those that rules can test, in the order in which the registry lists them.

use anyhow::{Context, bail};
use policy::registry::names::{Named, meaning};
use policy::registry::{self, Form, FormId, FormTest, Kind, Parameter, Source};

/// A written argument.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Text(Vec<u8>),
    Number(String),
}

/// An argument's value, as `policy::Value` but owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    Absent,
    Number(u64),
    Text(Vec<u8>),
}

/// The form of a call that was meant, and its values.
#[derive(Debug, PartialEq, Eq)]
pub struct Attempt {
    pub form: FormId,
    pub values: Vec<Argument>,
}

/// Reads a call.
pub fn parse(text: &str) -> anyhow::Result<Attempt> {
    let (name, rest) =
        text.trim().split_once('(').context("a call is written NAME(ARGUMENT, …)")?;
    let list = rest.trim_end().strip_suffix(')').context("the call does not end with `)`")?;
    let words = words(list)?;
    let forms = forms(name.trim())?;
    forms.iter().find_map(|form| attempt(*form, &words)).with_context(|| {
        let mut shapes: Vec<_> = forms.iter().map(|form| shape(form.form())).collect();
        shapes.dedup();
        format!("{name} takes ({})", shapes.join(") or ("))
    })
}

/// The forms that the name reaches; a call of today before the old names.
fn forms(name: &str) -> anyhow::Result<Vec<FormId>> {
    if let Some(call) = registry::call_named(name) {
        return Ok(call.form_ids().collect());
    }
    match meaning(name) {
        Named::Forms(forms) => Ok(forms),
        Named::Alias(_) => bail!("{name} stands for many calls: name one of them"),
        Named::Nothing => bail!("Linux has no {name}"),
        Named::Unknown => bail!("no call is named {name}"),
    }
}

fn shape(form: &Form) -> String {
    form.parameters.iter().map(|parameter| parameter.name).collect::<Vec<_>>().join(", ")
}

/// Cuts at commas that stand outside of strings.
fn words(list: &str) -> anyhow::Result<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = list.trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(inside) => string(inside)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (Word::Number(rest[..end].trim().to_owned()), &rest[end..])
            }
        };
        words.push(word);
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) if !next.trim().is_empty() => next.trim_start(),
            None if after.is_empty() => "",
            _ => bail!("arguments are separated by single commas"),
        };
    }
    Ok(words)
}

/// Reads on after a quote: the text, and what follows the closing quote.
fn string(text: &str) -> anyhow::Result<(Word, &str)> {
    let mut bytes = Vec::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        let character = match character {
            '"' => return Ok((Word::Text(bytes), &text[at + 1..])),
            '\\' => characters.next().map_or('\\', |(_, escaped)| escaped),
            other => other,
        };
        bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
    }
    bail!("a string is not closed")
}

/// The words as values of this form; none if they do not fit or select another form.
fn attempt(form: FormId, words: &[Word]) -> Option<Attempt> {
    let parameters = form.form().parameters;
    if words.len() > parameters.len() {
        return None;
    }
    let values: Option<Vec<_>> = parameters
        .iter()
        .enumerate()
        .map(|(at, parameter)| value(parameter, words.get(at)))
        .collect();
    let attempt = Attempt { form, values: values? };
    form.form().when.iter().all(|test| attempt.passes(test)).then_some(attempt)
}

fn value(parameter: &Parameter, word: Option<&Word>) -> Option<Argument> {
    match (parameter.kind.is_number(), word) {
        (true, None) => Some(Argument::Number(0)),
        (false, None) => Some(Argument::Absent),
        (true, Some(Word::Number(text))) => number(parameter.kind, text).map(Argument::Number),
        (false, Some(Word::Text(text))) => Some(Argument::Text(text.clone())),
        _ => None,
    }
}

impl Attempt {
    fn passes(&self, test: &FormTest) -> bool {
        match *test {
            FormTest::Register { argument, mask, equals } => {
                self.register(argument) & mask == equals
            }
            FormTest::OpenHow { mask, equals, .. } => self.open_how() & mask == equals,
            FormTest::EmptyPath(_) => {
                !self.values.iter().any(|value| matches!(value, Argument::Text(t) if !t.is_empty()))
            }
        }
    }

    /// What is in a register: a pointer that is not null where a text was given.
    fn register(&self, argument: u8) -> u64 {
        let mut parameters = self.form.form().parameters.iter().zip(&self.values);
        parameters
            .find_map(|(parameter, value)| match (parameter.source, value) {
                (Source::Register(at), Argument::Number(number)) if at == argument => Some(*number),
                (Source::SocketAddress { address, .. }, Argument::Text(_))
                    if address == argument =>
                {
                    Some(1)
                }
                _ => None,
            })
            .unwrap_or_default()
    }

    fn open_how(&self) -> u64 {
        let mut parameters = self.form.form().parameters.iter().zip(&self.values);
        parameters
            .find_map(|(parameter, value)| match (parameter.source, value) {
                (Source::OpenHow { offset: 0, .. }, Argument::Number(number)) => Some(*number),
                _ => None,
            })
            .unwrap_or_default()
    }
}

/// Flags of open(2) by their C names.
const OPEN_FLAGS: &[(&str, i32)] = &[
    ("O_RDONLY", libc::O_RDONLY),
    ("O_WRONLY", libc::O_WRONLY),
    ("O_RDWR", libc::O_RDWR),
    ("O_APPEND", libc::O_APPEND),
    ("O_CLOEXEC", libc::O_CLOEXEC),
    ("O_CREAT", libc::O_CREAT),
    ("O_DIRECTORY", libc::O_DIRECTORY),
    ("O_EXCL", libc::O_EXCL),
    ("O_NOCTTY", libc::O_NOCTTY),
    ("O_NOFOLLOW", libc::O_NOFOLLOW),
    ("O_NONBLOCK", libc::O_NONBLOCK),
    ("O_PATH", libc::O_PATH),
    ("O_TMPFILE", libc::O_TMPFILE),
    ("O_TRUNC", libc::O_TRUNC),
];

/// A number as in C, or by the text that rules know it by.
fn number(kind: Kind, text: &str) -> Option<u64> {
    let c = match text.strip_prefix('0') {
        Some(hex) if hex.starts_with(['x', 'X']) => u64::from_str_radix(&hex[1..], 16).ok(),
        Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8).ok(),
        _ => None,
    };
    c.or_else(|| kind.number_of(text.as_bytes()).map(u64::from))
        .or_else(|| (kind == Kind::OpenFlags).then(|| open_flags(text))?)
        .or_else(|| kind.is_flags().then(|| flags(kind, text))?)
        .or_else(|| text.parse::<i64>().ok().map(i64::cast_unsigned))
}

/// In any order.
fn flags(kind: Kind, text: &str) -> Option<u64> {
    let bits = text.split('|').map(|name| kind.number_of(name.trim().as_bytes()));
    bits.map(|bit| bit.map(u64::from)).try_fold(0, |flags, bit| Some(flags | bit?))
}

fn open_flags(text: &str) -> Option<u64> {
    let flag = |name: &str| OPEN_FLAGS.iter().find(|(known, _)| *known == name.trim());
    let flags: Option<Vec<_>> = text.split('|').map(flag).collect();
    let bits = flags?.into_iter().fold(0, |bits, (_, bit)| bits | bit);
    u64::try_from(bits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (&'static str, Vec<Argument>) {
        let attempt = parse(text).unwrap_or_else(|error| panic!("{text}: {error:#}"));
        (attempt.form.call().name, attempt.values)
    }

    #[test]
    fn arguments_are_those_that_rules_test() {
        let path = Argument::Text(b"/etc/a \"b\"".to_vec());
        let call = parsed(r#"openat("/etc/a \"b\"", O_WRONLY|O_CREAT)"#);
        assert_eq!(call, ("openat", vec![path, Argument::Number(0o101)]));
        assert_eq!(parsed("kill(\"/bin/sh\", SIGKILL)").1[1], Argument::Number(9));
        assert_eq!(parsed("fchmod(3, 0644)").1, [Argument::Number(3), Argument::Number(0o644)]);
        assert_eq!(parsed("getppid()"), ("getppid", vec![]));
        assert_eq!(parsed("prctl(PR_SET_NO_NEW_PRIVS)").1, [Argument::Number(38)]);
        assert_eq!(parsed("mprotect(PROT_EXEC | PROT_READ)").1, [Argument::Number(5)]);
        assert_eq!(parsed("socket(AF_INET, SOCK_RAW, 1)").1[2], Argument::Number(1));
        let call = parsed(r#"memfd_create("code", MFD_ALLOW_SEALING|MFD_CLOEXEC)"#);
        let name = Argument::Text(b"code".to_vec());
        assert_eq!(call, ("memfd_create", vec![name, Argument::Number(3)]));
    }

    #[test]
    fn values_choose_the_form() {
        let aliases = |text| {
            let attempt = parse(text).expect("a call");
            attempt.form.form().aliases.iter().map(|usage| usage.alias.name()).collect::<Vec<_>>()
        };
        assert_eq!(aliases(r#"open("/a", O_RDONLY)"#), ["fsread"]);
        assert_eq!(aliases(r#"open("/a", O_RDONLY|O_CREAT)"#), ["fsread", "fswrite"]);
        assert_eq!(aliases(r#"openat2("/a", O_RDWR)"#), ["fswrite"]);
        let names = |text| parse(text).expect("a call").form.form().names;
        assert!(names("clone(CLONE_NEWUSER|CLONE_VM)").contains(&"unshare"));
        assert!(names("clone(CLONE_VM|CLONE_VFORK)").contains(&"fork"));
        assert_eq!(parsed("setsockopt(SOL_SOCKET, SO_MARK)").1[1], Argument::Number(36));
        assert_eq!(parsed("setsockopt(SOL_TCP, 18)").1[1], Argument::Number(18));
        assert!(parse("setsockopt(SOL_TCP, SO_MARK)").is_err());
    }

    #[test]
    fn what_is_no_call_is_refused() {
        for (text, part) in [
            ("open", "NAME(ARGUMENT"),
            ("open(", "`)`"),
            ("opne()", "no call is named opne"),
            ("fsread(\"/a\")", "many calls"),
            ("open(\"/a)", "not closed"),
            ("getppid(1)", "getppid takes ()"),
            ("socket(1,,2)", "socket takes"),
            ("socket(1,)", "commas"),
            ("open(3)", "(filename, oflags)"),
        ] {
            let error = format!("{:#}", parse(text).expect_err(text));
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
