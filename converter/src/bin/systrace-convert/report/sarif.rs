//! Findings as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format).

use std::collections::BTreeSet;

use policy::{Code, Diagnostic, Span};
use serde_json::{Value, json};

use super::{Checked, Region};

pub fn document(all: &[Checked]) -> Value {
    let found = all.iter().flat_map(|checked| &checked.findings);
    let codes: BTreeSet<Code> = found.map(|finding| finding.code).collect();
    let results =
        all.iter().flat_map(|checked| checked.findings.iter().map(|one| result(checked, one)));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_BIN_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": codes.into_iter().map(rule).collect::<Value>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Value>(),
        }],
    })
}

/// SARIF has our names for its levels, too.
fn rule(code: Code) -> Value {
    json!({
        "id": code.to_string(),
        "shortDescription": { "text": code.title() },
        "fullDescription": { "text": code.explanation() },
        "defaultConfiguration": { "level": code.severity().name() },
    })
}

fn result(checked: &Checked, finding: &Diagnostic) -> Value {
    let Diagnostic { code, message, span, labels, help } = finding;
    let related = labels.iter().map(|label| {
        let mut location = location(checked, label.span);
        location["message"] = json!({ "text": label.text });
        location
    });
    let help = help.as_ref().map_or_else(String::new, |help| format!("\n{help}"));
    json!({
        "ruleId": code.to_string(),
        "level": code.severity().name(),
        "message": { "text": format!("{message}{help}") },
        "locations": [location(checked, *span)],
        "relatedLocations": related.collect::<Value>(),
    })
}

fn location(checked: &Checked, span: Span) -> Value {
    let Region { line, column, end_line, end_column } = Region::of(&checked.source, span);
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(checked.source.name()) },
        "region": {
            "startLine": line,
            "startColumn": column,
            "endLine": end_line,
            "endColumn": end_column,
        },
    }})
}

/// A path as a URI reference (RFC 3986): what is no path character is written in hexadecimal.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::example;

    #[test]
    fn results_refer_to_described_rules() {
        let written = document(&[example()]);
        let run = &written["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "SYS154");
        let result = &run["results"][0];
        assert_eq!(result["ruleId"], "SYS154");
        assert_eq!(result["level"], "warning");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%2Cb%3Ac.policy");
        let region = json!({ "startLine": 2, "startColumn": 2, "endLine": 2, "endColumn": 5 });
        assert_eq!(place["region"], region);
        assert_eq!(result["relatedLocations"][0]["message"]["text"], "decided here");
    }
}
