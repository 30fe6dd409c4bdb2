//! A plan as one page that needs nothing else: no script, no font, no picture from elsewhere.

use std::collections::BTreeMap;

use converter::plan::{Cost, Mechanism};

use super::picture::{self, Piece};
use super::remarks::{behind, of_edit, would};
use super::{Report, Row};

/// Text of a policy is anybody's: it must not become markup. Characters that are not seen or that turn the order of reading
/// around are shown by their numbers.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | ' ' => safe.push(one),
            hidden if is_hidden(hidden) => {
                safe.push_str(&format!("\\u{{{:x}}}", u32::from(hidden)))
            }
            plain => safe.push(plain),
        }
    }
    safe
}

/// Controls, and the invisible formatting characters that make a text look like another (Unicode TR 36).
fn is_hidden(one: char) -> bool {
    one.is_control()
        || matches!(one, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The page may load nothing, even if something in it should turn out to be markup.
const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n";

impl Report<'_> {
    /// The page.
    pub fn page(&self) -> String {
        let title = format!("Plan of {}", escaped(&self.policy));
        [
            format!(
                "{HEAD}<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
            ),
            format!("<h1>{title}</h1>\n<p>For <code>{}</code></p>\n", escaped(&self.host)),
            self.warning(),
            picture::patterns(),
            self.picture(),
            self.supervised(),
            self.up(),
            self.table_of_rules(),
            self.table_of_edits(),
            "</main>\n</body>\n</html>\n".to_owned(),
        ]
        .concat()
    }

    fn warning(&self) -> String {
        let errors = self.unenforced.iter().map(|error| format!("<li>{}</li>", escaped(error)));
        let errors: String = errors.collect();
        match errors.is_empty() {
            true => errors,
            false => format!(
                "<p><strong>The policy cannot be enforced there.</strong> This is the best that a filter alone can do.</p>\
                 <ul>{errors}</ul>\n"
            ),
        }
    }

    fn picture(&self) -> String {
        let count = |cost| self.rules.iter().filter(|row| row.rule.cost == cost).count();
        let rules = [
            (Cost::Nothing, 0, "decide nothing"),
            (Cost::Constant, 0, "cost nothing: a constant answer of the kernel"),
            (Cost::Comparison, 1, "cost ~ 0.1 µs: the filter compares arguments"),
            (Cost::Program, 2, "cost ~ 0.5 µs: a program on the socket"),
            (Cost::Walk, 3, "cost ~ 1 µs: Landlock"),
            (Cost::Notification, 5, "cost > 5 µs: the supervisor, at least for some calls"),
        ];
        let rules = rules.map(|(cost, pattern, name)| Piece {
            pattern,
            name: name.to_owned(),
            count: count(cost),
        });
        let count = |fate: &str| self.calls.values().filter(|one| **one == fate).count();
        let calls = [
            ("permit", 0, "permitted at once"),
            ("deny", 0, "denied at once"),
            ("arguments", 1, "told by their arguments"),
            ("sockets", 2, "judged by socket programs"),
            ("landlock", 3, "judged by Landlock"),
            ("supervisor", 5, "judged by the supervisor"),
        ];
        let calls = calls.map(|(fate, pattern, name)| Piece {
            pattern,
            name: name.to_owned(),
            count: count(fate),
        });
        format!(
            "<section>\n<h2>What it costs</h2>\n{}{}<p>{} more calls are judged by no rule: they are denied and recorded. \
             The filter has {} instructions; the longest way through it is {}.</p>\n</section>\n",
            picture::bar("Rules", &rules),
            picture::bar("System calls", &calls),
            count("uncovered"),
            self.instructions,
            self.depth,
        )
    }

    /// Why the supervisor decides, and how often.
    fn supervised(&self) -> String {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        let parts = self.rules.iter().flat_map(|row| &row.rule.parts);
        for part in parts.filter(|part| part.mechanism == Mechanism::Supervisor) {
            part.reasons.iter().for_each(|reason| *reasons.entry(reason).or_default() += 1);
        }
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        reasons.sort_by_key(|(reason, count)| (usize::MAX - count, *reason));
        let rows = reasons.iter().map(|(reason, count)| {
            format!("<tr><td class=\"number\">{count}</td><td>{}</td></tr>\n", escaped(reason))
        });
        match reasons.is_empty() {
            true => {
                "<section>\n<h2>What is supervised, and why</h2>\n<p>Nothing.</p>\n</section>\n"
                    .to_owned()
            }
            false => format!(
                "<section>\n<h2>What is supervised, and why</h2>\n<table><thead><tr><th>Rules</th><th>Reason</th></tr></thead>\
                 <tbody>\n{}</tbody></table>\n</section>\n",
                rows.collect::<String>()
            ),
        }
    }

    fn up(&self) -> String {
        let advised = self.rules.iter().filter(|row| !row.moves_up.is_empty());
        let items = advised.map(|row| {
            let advice =
                row.moves_up.iter().map(|one| format!("<li>{}</li>", escaped(&would(one))));
            format!(
                "<li><code>{}</code> <code>{}</code><ul>{}</ul></li>\n",
                escaped(&row.place()),
                escaped(&row.rule.text),
                advice.collect::<String>()
            )
        });
        let items: String = items.collect();
        let list = match items.is_empty() {
            true => "<p>No change that was tried.</p>\n".to_owned(),
            false => format!("<p>Each was tried by planning again.</p>\n<ul>\n{items}</ul>\n"),
        };
        format!("<section>\n<h2>What would move it up</h2>\n{list}</section>\n")
    }

    fn table_of_rules(&self) -> String {
        let mut rows = String::new();
        let mut program = None;
        for row in &self.rules {
            if program != Some(&row.rule.program) {
                program = Some(&row.rule.program);
                let name = escaped(&row.rule.program);
                rows.push_str(&format!(
                    "<tr class=\"program\"><th colspan=\"4\" scope=\"rowgroup\">{name}</th></tr>\n"
                ));
            }
            rows.push_str(&rule_row(row));
        }
        format!(
            "<section>\n<h2>Rules</h2>\n{}{rows}</tbody></table>\n</section>\n",
            columns("Rule")
        )
    }

    fn table_of_edits(&self) -> String {
        if self.edits.is_empty() {
            return String::new();
        }
        let row = |edit| {
            let remarks: Vec<_> = std::iter::once(behind(edit)).chain(of_edit(edit)).collect();
            cells("config.json", [Mechanism::Spec.name(), "-"], &edit.change.to_string(), &remarks)
        };
        let rows: String = self.edits.iter().map(row).collect();
        let columns = columns("Edit");
        format!(
            "<section>\n<h2>Edits of the configuration</h2>\n{columns}{rows}</tbody></table>\n</section>\n"
        )
    }
}

fn columns(last: &str) -> String {
    format!(
        "<table><thead><tr><th>Place</th><th>Mechanism</th><th>Cost</th><th>{last}, and what is to be said</th></tr></thead><tbody>\n"
    )
}

fn rule_row(row: &Row<'_>) -> String {
    let rule = row.rule;
    let who = [rule.mechanism.name(), &rule.cost.to_string()];
    cells(&row.place(), who, &rule.text, &row.remarks())
}

fn cells(place: &str, [mechanism, cost]: [&str; 2], text: &str, remarks: &[String]) -> String {
    let remarks = remarks.iter().map(|remark| format!("<li>{}</li>", escaped(remark)));
    let remarks: String = remarks.collect();
    let list = if remarks.is_empty() { remarks } else { format!("<ul>{remarks}</ul>") };
    format!(
        "<tr class=\"{mechanism}\"><td><code>{}</code></td><td>{mechanism}</td><td class=\"number\">{}</td>\
         <td><code>{}</code>{list}</td></tr>\n",
        escaped(place),
        escaped(cost),
        escaped(text),
    )
}

const STYLE: &str = include_str!("style.css");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(
            escaped("</code><script>\"x\" & 'y'"),
            "&lt;/code&gt;&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;"
        );
        assert_eq!(
            escaped("a\u{202e}b\u{0}c\u{1b}[0m\u{feff}"),
            "a\\u{202e}b\\u{0}c\\u{1b}[0m\\u{feff}"
        );
        assert_eq!(escaped("µ ü 漢\t"), "µ ü 漢\t");
    }
}
