//! All codes as text, for `CHECKS.md`.

use std::fmt::Write;

use super::Code;

/// A section of Markdown for each code.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    for code in Code::ALL {
        let (title, severity) = (code.title(), code.severity());
        let _ = writeln!(text, "### {code}: {title} ({severity})\n\n{}\n", code.explanation());
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
