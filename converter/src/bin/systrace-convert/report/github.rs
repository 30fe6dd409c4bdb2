//! Findings as workflow commands, which GitHub shows beside the lines of a change.

use policy::{Diagnostic, Severity};

use super::{Checked, Region};

pub fn annotations(all: &[Checked]) -> String {
    all.iter()
        .flat_map(|checked| checked.findings.iter().map(|one| annotation(checked, one)))
        .collect()
}

fn annotation(checked: &Checked, finding: &Diagnostic) -> String {
    let level = match finding.severity() {
        Severity::Note => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let Region { line, column, .. } = Region::of(&checked.source, finding.span);
    let file = property(checked.source.name());
    let help = finding.help.as_ref().map_or_else(String::new, |help| format!("\nhelp: {help}"));
    let message = data(&format!("{}{help}", finding.message));
    format!("::{level} file={file},line={line},col={column},title={}::{message}\n", finding.code)
}

/// Text behind the second `::`. Without line ends, nothing in it is taken for another command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text between the commas.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::example;

    #[test]
    fn an_annotation_is_one_line() {
        assert_eq!(
            annotations(&[example()]),
            "::warning file=a%2Cb%3Ac.policy,line=2,col=2,title=SYS154::\
             100%25 never%0Adecides%0Ahelp: move it\n"
        );
    }
}
