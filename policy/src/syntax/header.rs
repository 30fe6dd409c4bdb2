//! Reads the lines that are not rules, and the names in all lines.

use super::reader::trim;
use crate::ast::Spanned;
use crate::diagnostic::{Code, Diagnostic, Span};

/// What a line is, told by its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// `Policy:`
    Policy,
    /// `Template:`
    Template,
    /// `Include:`, and where its name stands.
    Include(Span),
    /// `detached`
    Detached,
    /// `EMULATION-CALL: RULE`
    Rule(RuleParts),
}

/// The parts of a rule's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RuleParts {
    pub(super) emulation: Span,
    pub(super) call: Span,
    pub(super) body: Span,
}

impl Opening {
    /// Classifies a line that is not blank.
    pub(super) fn of(text: &[u8], line: Span) -> Result<Self, Diagnostic> {
        if text[line.start..line.end].eq_ignore_ascii_case(b"detached") {
            return Ok(Self::Detached);
        }
        let (head, body) = split(text, line, b':').ok_or_else(|| unknown(line))?;
        match text[head.start..head.end].to_ascii_lowercase().as_slice() {
            b"policy" => Ok(Self::Policy),
            b"template" => Ok(Self::Template),
            b"include" => Ok(Self::Include(body)),
            _ => {
                let (emulation, call) = split(text, head, b'-').ok_or_else(|| unknown(line))?;
                Ok(Self::Rule(RuleParts { emulation, call, body }))
            }
        }
    }
}

fn unknown(line: Span) -> Diagnostic {
    Diagnostic::new(Code::Statement, line, "this line is neither a header nor a rule")
        .help("a rule is `EMULATION-CALL: RULE`, such as `native-read: permit`")
}

/// The values of `Policy: NAME, Emulation: EMU` and the like. Each value ends at the next comma, the last one with the line.
pub(super) fn fields<const N: usize>(
    text: &[u8],
    line: Span,
    names: [&str; N],
) -> Result<[Span; N], Diagnostic> {
    let mut rest = line;
    let mut values = [Span::default(); N];
    for (at, name) in names.iter().enumerate() {
        let broken = || {
            Diagnostic::new(Code::Header, rest, format!("expected `{name}:` and its value"))
                .help(format!("a header is `{}: …`", names.join(": …, ")))
        };
        let (head, value) = split(text, rest, b':').ok_or_else(broken)?;
        if !text[head.start..head.end].eq_ignore_ascii_case(name.as_bytes()) {
            return Err(broken());
        }
        (values[at], rest) = match split(text, value, b',') {
            Some(parts) if at + 1 < N => parts,
            _ => (value, Span::at(line.end)),
        };
    }
    Ok(values)
}

/// What stands before and after the first `mark`, trimmed.
fn split(text: &[u8], span: Span, mark: u8) -> Option<(Span, Span)> {
    let found = text[span.start..span.end].iter().position(|&byte| byte == mark)?;
    let at = span.start + found;
    let before = trim(text, Span { start: span.start, end: at });
    Some((before, trim(text, Span { start: at + 1, end: span.end })))
}

/// Which characters a name may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Program,
    Emulation,
    Call,
    Template,
    Description,
}

impl Name {
    fn noun(self) -> &'static str {
        match self {
            Self::Program => "a program's name",
            Self::Emulation => "an emulation's name",
            Self::Call => "a call's name",
            Self::Template => "a template's name",
            Self::Description => "a description",
        }
    }

    fn allows(self, name: &str) -> bool {
        let all = |allowed: fn(char) -> bool| !name.is_empty() && name.chars().all(allowed);
        match self {
            Self::Program => all(|c| !c.is_control()),
            Self::Description => !name.contains(char::is_control),
            Self::Emulation => all(|c| c.is_ascii_alphanumeric() || c == '_'),
            Self::Call => all(|c| c.is_ascii_graphic() && c != '"'),
            Self::Template => {
                all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) && !name.starts_with('.')
            }
        }
    }

    /// The name that stands at `span`.
    pub(super) fn read(self, text: &[u8], span: Span) -> Result<Spanned<String>, Diagnostic> {
        let written = &text[span.start..span.end];
        match std::str::from_utf8(written) {
            Ok(name) if self.allows(name) => Ok(Spanned { value: name.to_owned(), span }),
            _ if written.is_empty() => {
                Err(Diagnostic::new(Code::Name, span, format!("{} is missing", self.noun())))
            }
            _ => {
                let message = format!("this cannot be {}", self.noun());
                Err(Diagnostic::new(Code::Name, span, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Span {
        Span { start: 0, end: text.len() }
    }

    fn policy(text: &str) -> Result<[&str; 2], Code> {
        let values = fields(text.as_bytes(), all(text), ["Policy", "Emulation"]);
        values
            .map(|spans| spans.map(|span| &text[span.start..span.end]))
            .map_err(|finding| finding.code)
    }

    #[test]
    fn headers_are_read_in_any_case_and_spacing() {
        assert_eq!(policy("Policy: /bin/a b, Emulation: native"), Ok(["/bin/a b", "native"]));
        assert_eq!(policy("POLICY:/bin/a,emulation :x"), Ok(["/bin/a", "x"]));
        assert_eq!(policy("Policy: /a, \\\n Emulation: x"), Ok(["/a", "x"]));
        for broken in ["Policy: /bin/a", "Policy: /bin/a Emulation: x", "Policy: a, Emu: x"] {
            assert_eq!(policy(broken), Err(Code::Header), "{broken}");
        }
    }

    #[test]
    fn lines_are_told_by_their_start() {
        let of = |text: &str| Opening::of(text.as_bytes(), all(text)).map_err(|f| f.code);
        assert_eq!(of("DETACHED"), Ok(Opening::Detached));
        assert_eq!(of("include : x"), Ok(Opening::Include(Span { start: 10, end: 11 })));
        assert_eq!(
            of("a-b-c: d"),
            Ok(Opening::Rule(RuleParts {
                emulation: Span { start: 0, end: 1 },
                call: Span { start: 2, end: 5 },
                body: Span { start: 7, end: 8 },
            }))
        );
        assert_eq!(of("read: permit"), Err(Code::Statement));
        assert_eq!(of("detached now"), Err(Code::Statement));
    }

    #[test]
    fn names_are_checked() {
        let read = |name: Name, text: &str| name.read(text.as_bytes(), all(text)).is_ok();
        assert!(read(Name::Program, "${WRKDIR}/my prog") && !read(Name::Program, "/a\nb"));
        assert!(read(Name::Template, "linux-base") && !read(Name::Template, "../x"));
        assert!(!read(Name::Template, "..") && !read(Name::Template, ""));
        assert!(read(Name::Call, "ni_syscall-#43") && !read(Name::Call, "a b"));
        assert!(read(Name::Emulation, "linux64") && !read(Name::Emulation, "native foo"));
        assert!(Name::Program.read(b"\xff", Span { start: 0, end: 1 }).is_err());
    }
}
