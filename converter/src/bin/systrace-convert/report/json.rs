//! Findings as one JSON document: an array of objects.

use policy::Diagnostic;
use policy::diagnostic::Label;
use serde_json::{Value, json};

use super::{Checked, Region};

pub fn document(all: &[Checked]) -> Value {
    all.iter()
        .flat_map(|checked| checked.findings.iter().map(|one| finding(checked, one)))
        .collect()
}

fn finding(checked: &Checked, finding: &Diagnostic) -> Value {
    let Diagnostic { code, message, span, labels, help } = finding;
    let mut object = place(checked, *span);
    object["code"] = json!(code.to_string());
    object["severity"] = json!(code.severity().name());
    object["message"] = json!(message);
    object["help"] = json!(help);
    object["labels"] = labels.iter().map(|label| self::label(checked, label)).collect();
    object
}

fn label(checked: &Checked, label: &Label) -> Value {
    let mut object = place(checked, label.span);
    object["message"] = json!(label.text);
    object
}

fn place(checked: &Checked, span: policy::Span) -> Value {
    let Region { line, column, end_line, end_column } = Region::of(&checked.source, span);
    json!({
        "file": **checked.source.name(),
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::example;

    #[test]
    fn a_finding_says_what_where_and_why() {
        let written = document(&[example()]);
        assert_eq!(
            written,
            json!([{
                "file": "a,b:c.policy", "line": 2, "column": 2, "end_line": 2, "end_column": 5,
                "code": "SYS154", "severity": "warning",
                "message": "100% never\ndecides", "help": "move it",
                "labels": [{
                    "file": "a,b:c.policy", "line": 1, "column": 1, "end_line": 1, "end_column": 4,
                    "message": "decided here",
                }],
            }])
        );
    }
}
