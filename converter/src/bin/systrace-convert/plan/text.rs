//! A plan as a table for a terminal.

use converter::plan::{Cost, Mechanism};
use converter::spec::Edit;

use super::remarks::{behind, of_edit};
use super::{Report, Row, part};

impl Report<'_> {
    /// The table for people.
    pub fn table(&self) -> String {
        let places: Vec<_> = self.rules.iter().map(Row::place).collect();
        let width = places.iter().map(|place| place.chars().count()).max().unwrap_or_default();
        let mut table = String::new();
        for error in &self.unenforced {
            table.push_str(&format!("NOT ENFORCED: {error}\n"));
        }
        let mut program = "";
        for (row, place) in self.rules.iter().zip(places) {
            if row.rule.program != program {
                program = &row.rule.program;
                table.push_str(&format!("{program}\n"));
            }
            table.push_str(&self::row(row, &place, width));
        }
        if !self.edits.is_empty() {
            table.push_str("config.json\n");
        }
        self.edits.iter().for_each(|edit| table.push_str(&edit_row(edit, width)));
        table + &self.summary()
    }

    fn summary(&self) -> String {
        let count = |fate: &str| self.calls.values().filter(|each| **each == fate).count();
        let carried: String = [("landlock", "Landlock"), ("sockets", "socket programs")]
            .into_iter()
            .filter(|(fate, _)| count(fate) > 0)
            .map(|(fate, name)| format!("{} by {name}, ", count(fate)))
            .collect();
        let summary = format!(
            "{} calls permitted, {} denied, {} denied and logged because no rule judges them, \
             {} judged by their arguments, {carried}{} by the supervisor; {} BPF instructions, {} on the longest way, {}\n",
            count("permit"),
            count("deny"),
            count("uncovered"),
            count("arguments"),
            count("supervisor"),
            self.instructions,
            self.depth,
            self.host,
        );
        let fenced = self.rules.iter().any(|row| part(row.rule, Mechanism::Landlock).is_some());
        summary + if fenced { UNRECORDED } else { "" }
    }
}

fn row(row: &Row<'_>, place: &str, width: usize) -> String {
    let rule = row.rule;
    let text = format!("  {place:width$}  {:11}  {:8}  {}", rule.mechanism, rule.cost, rule.text);
    text + &below(&row.remarks(), width)
}

fn edit_row(edit: &Edit, width: usize) -> String {
    let (mechanism, cost) = (Mechanism::Spec, Cost::Nothing);
    let text = format!("  {:width$}  {mechanism:11}  {cost:8}  {}", "", edit.change);
    let remarks: Vec<_> = std::iter::once(behind(edit)).chain(of_edit(edit)).collect();
    text + &below(&remarks, width)
}

/// Remarks, each on a line of its own below the text.
fn below(remarks: &[String], width: usize) -> String {
    let line = |remark: &String| format!("\n  {:width$}  {:11}  {:8}  ({remark})", "", "", "");
    remarks.iter().map(line).collect::<String>() + "\n"
}

const UNRECORDED: &str = "Landlock denies with EACCES and writes nothing down; where a last rule says \
     `true then deny[eperm] log`, the supervisor judges instead, and records.\n";
