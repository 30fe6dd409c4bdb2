//! `# systrace: ignore CODE reason`: findings that the author knows of and wants.
//!
//! The comment excuses findings of this code on its own line or, if it stands alone, on the next
//! line that says something. Errors are never excused.

use crate::diagnostic::{Code, Diagnostic, Severity, Span};
use crate::source::Source;
use crate::suggest;
use crate::syntax::lines;

/// What such a comment asks for.
struct Ignore {
    code: Code,
    /// The comment.
    place: Span,
    /// What the findings must stand on.
    covers: Span,
    used: bool,
}

/// The findings without those that are excused, and with what is wrong about the excuses.
pub(super) fn apply(source: &Source, mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let (mut ignores, wrong) = read(source);
    findings.retain(|finding| !is_excused(&mut ignores, finding));
    // Of a file with an error not all findings are known.
    let failed = findings.iter().any(Diagnostic::is_error);
    let unused = ignores.iter().filter(|ignore| !ignore.used && !failed).map(|ignore| {
        let message = format!("there is no {} here to ignore", ignore.code);
        Diagnostic::new(Code::IgnoreUnused, ignore.place, message)
    });
    findings.extend(unused);
    findings.extend(wrong);
    findings
}

/// Looks among the comments for the line that the finding stands on; they are in order.
fn is_excused(ignores: &mut [Ignore], finding: &Diagnostic) -> bool {
    let at = finding.span.start;
    let end = ignores.partition_point(|ignore| ignore.covers.start <= at);
    let covering = ignores[..end].iter_mut().rev().take_while(|ignore| at < ignore.covers.end);
    covering.filter(|ignore| ignore.code == finding.code).fold(false, |_, ignore| {
        ignore.used = true;
        true
    })
}

/// The comments, and what is wrong about others.
fn read(source: &Source) -> (Vec<Ignore>, Vec<Diagnostic>) {
    let (mut ignores, mut wrong): (Vec<Ignore>, Vec<Diagnostic>) = Default::default();
    let nothing = Span::at(source.text().len());
    let mut waiting = 0;
    for (says, comment) in lines(source.text()) {
        match comment.and_then(|comment| directive(source, comment)) {
            Some(Ok((code, place))) => {
                ignores.push(Ignore { code, place, covers: nothing, used: false });
            }
            Some(Err(finding)) => wrong.push(finding),
            None => {}
        }
        if says.start < says.end {
            ignores[waiting..].iter_mut().for_each(|ignore| ignore.covers = says);
            waiting = ignores.len();
        }
    }
    (ignores, wrong)
}

/// The code that a comment names, and where, if it is such a comment.
fn directive(source: &Source, comment: Span) -> Option<Result<(Code, Span), Diagnostic>> {
    let text = String::from_utf8_lossy(source.bytes(comment)).into_owned();
    let asked = text.trim_start_matches('#').trim_start().strip_prefix("systrace:")?.trim();
    let fault = |(code, message): (Code, String)| {
        Diagnostic::new(code, comment, message).help("write `# systrace: ignore CODE reason`")
    };
    Some(excused(asked).map(|code| (code, comment)).map_err(fault))
}

/// `ignore CODE reason`.
fn excused(asked: &str) -> Result<Code, (Code, String)> {
    let fault = |message: String| Err((Code::IgnoreSyntax, message));
    let (verb, rest) = first_word(asked);
    let (name, reason) = first_word(rest);
    if verb != "ignore" {
        return fault(format!("`{verb}` is nothing that a comment can ask for"));
    }
    let Some(code) = Code::from_name(name) else {
        return fault(format!("there is no code `{name}`{}", suggestion(name)));
    };
    match code.severity() {
        Severity::Error => fault(format!("{code} is an error, which cannot be ignored")),
        _ if reason.is_empty() => {
            Err((Code::IgnoreReason, "why this is to be ignored is not said".to_owned()))
        }
        Severity::Warning | Severity::Note => Ok(code),
    }
}

fn first_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

fn suggestion(name: &str) -> String {
    let known: Vec<_> = Code::ALL.iter().map(Code::to_string).collect();
    let near = suggest::nearest(name, known.iter().map(String::as_str));
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}
