//! The comparison as a page.

use anyhow::Result;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use tests::place;
use tests::transparency::comparison::Difference;
use tests::transparency::{Comparison, Entry, Run, WORKLOADS, Workload};

/// One workload, for the screen.
pub fn line(workload: &Workload, comparison: &Comparison) -> String {
    let differences = comparison.differences();
    let mut text = format!(
        "{:<36} {:>5} tests {:>4} different {:>7.1} s × {:.2}",
        workload.name,
        comparison.tests(),
        differences.len(),
        comparison.seconds(),
        comparison.ratio(),
    );
    for Difference { test, plain, supervised } in differences {
        let (plain, supervised) = (list(&plain), list(&supervised));
        write!(text, "\n    {test}: {plain} → {supervised}").expect("a text can grow");
    }
    text
}

fn list(outcomes: &BTreeSet<String>) -> String {
    outcomes.iter().map(String::as_str).collect::<Vec<_>>().join(" or ")
}

/// Everything that is known, and why it is not the same.
struct Report {
    entries: Vec<(&'static Workload, Option<Entry>)>,
    /// `tests/transparency/reasons`: `WORKLOAD<tab>TEST<tab>REASON`.
    reasons: Vec<(String, String, String)>,
}

/// One test that is not the same.
struct Finding<'r> {
    workload: &'static Workload,
    difference: Difference,
    reason: Option<&'r str>,
}

/// Writes the page. Whether everything was played, and is the same or known not to be.
pub fn finish() -> Result<bool> {
    let report = Report::read()?;
    let file = place::workspace().join("docs/transparency.md");
    fs::write(&file, report.page()?)?;
    println!("written to {}", file.display());
    let complete = report.entries.iter().all(|(_, entry)| entry.is_some());
    Ok(complete && report.findings().iter().all(|finding| finding.reason.is_some()))
}

impl Report {
    fn read() -> Result<Self> {
        let entry = |workload| Ok((workload, Entry::of(workload)?));
        let text = fs::read_to_string(place::workspace().join("tests/transparency/reasons"))?;
        let lines = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let mut fields = line.splitn(3, '\t').map(str::to_owned);
            Some((fields.next()?, fields.next()?, fields.next()?))
        });
        Ok(Self {
            entries: WORKLOADS.iter().map(entry).collect::<Result<_>>()?,
            reasons: lines.flatten().collect(),
        })
    }

    fn known(&self) -> impl Iterator<Item = (&'static Workload, &Entry)> {
        self.entries.iter().filter_map(|(workload, entry)| Some((*workload, entry.as_ref()?)))
    }

    fn findings(&self) -> Vec<Finding<'_>> {
        let findings = |(workload, entry): (&'static Workload, &Entry)| {
            let differences = entry.comparison.differences();
            differences.into_iter().map(move |difference| Finding {
                workload,
                reason: self.reason(workload, &difference.test),
                difference,
            })
        };
        self.known().flat_map(findings).collect()
    }

    fn reason(&self, workload: &Workload, test: &str) -> Option<&str> {
        let mut reasons = self.reasons.iter();
        let of = |(of, one, _): &&(String, String, String)| *of == workload.name && *one == test;
        reasons.find(of).map(|(_, _, reason)| reason.as_str())
    }

    fn page(&self) -> Result<String> {
        let head = fs::read_to_string(place::workspace().join("tests/transparency/page.md"))?;
        let commits: BTreeSet<_> = self.known().map(|(_, entry)| entry.commit.as_str()).collect();
        let commits: Vec<_> = commits.into_iter().collect();
        let mut page = head.replace("{commits}", &commits.join(", "));
        writeln!(page, "| workload | plain | supervised | same? | plain, s | supervised |")?;
        writeln!(page, "|---|---|---|---|---|---|")?;
        for (workload, entry) in &self.entries {
            match entry {
                Some(entry) => page.push_str(&row(workload, &entry.comparison)),
                None => writeln!(page, "| {} | not played | not played | | | |", workload.name)?,
            }
        }
        page.push_str(&self.differences());
        Ok(page)
    }

    fn differences(&self) -> String {
        let findings = self.findings();
        if findings.is_empty() {
            return String::new();
        }
        let head = "\n## What is not the same\n\n| workload | test | plain | supervised | reason |\n|---|---|---|---|---|\n";
        let row = |Finding { workload, difference, reason }: &Finding<'_>| {
            let (plain, supervised) = (list(&difference.plain), list(&difference.supervised));
            let reason = reason.unwrap_or("not known yet");
            format!(
                "| {} | {} | {plain} | {supervised} | {reason} |\n",
                workload.name, difference.test
            )
        };
        head.to_owned() + &findings.iter().map(row).collect::<String>()
    }
}

fn row(workload: &Workload, comparison: &Comparison) -> String {
    let same = match comparison.differences().len() {
        0 => "same".to_owned(),
        different => format!("**{different} of {} different**", comparison.tests()),
    };
    format!(
        "| {} | {} | {} | {same} | {:.1} | × {:.2} |\n",
        workload.name,
        result(&comparison.plain),
        result(&comparison.supervised),
        comparison.seconds(),
        comparison.ratio(),
    )
}

/// What the last run has shown: the others were made because tests vary.
fn result(runs: &[Run]) -> String {
    let Some(run) = runs.last() else { return "nothing".to_owned() };
    let kinds: Vec<_> = run.kinds().iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let cut = if run.was_cut_off() { " (cut off)" } else { "" };
    kinds.join(", ") + cut
}
