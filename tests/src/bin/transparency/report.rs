//! The comparison as a page.

use anyhow::Result;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use tests::place;
use tests::transparency::comparison::Difference;
use tests::transparency::{Comparison, Workload};

type Compared<'w> = (&'w Workload, Comparison);

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

/// Whether everything is the same, or known; writes the page if asked.
pub fn finish(compared: &[Compared<'_>], write: bool) -> Result<bool> {
    let reasons = reasons()?;
    let unknown = |(workload, comparison): &Compared<'_>| {
        let differences = comparison.differences();
        differences.iter().filter(|one| reason(&reasons, workload, one).is_none()).count()
    };
    if write {
        let file = place::workspace().join("docs/transparency.md");
        fs::write(&file, page(compared, &reasons)?)?;
        println!("written to {}", file.display());
    }
    Ok(compared.iter().map(unknown).sum::<usize>() == 0)
}

/// The file in which it stands why something is not the same: `WORKLOAD<tab>TEST<tab>REASON`.
type Reasons = Vec<(String, String, String)>;

fn reasons() -> Result<Reasons> {
    let text = fs::read_to_string(place::workspace().join("tests/transparency/reasons"))?;
    let lines = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut fields = line.splitn(3, '\t').map(str::to_owned);
        Some((fields.next()?, fields.next()?, fields.next()?))
    });
    Ok(lines.flatten().collect())
}

fn reason<'r>(reasons: &'r Reasons, workload: &Workload, one: &Difference) -> Option<&'r str> {
    reasons
        .iter()
        .find(|(of, test, _)| of == workload.name && (*test == one.test || test == "*"))
        .map(|(_, _, reason)| reason.as_str())
}

fn page(compared: &[Compared<'_>], reasons: &Reasons) -> Result<String> {
    let page = fs::read_to_string(place::workspace().join("tests/transparency/page.md"))?;
    let rounds = compared.first().map_or(0, |(_, comparison)| comparison.plain.len());
    let mut page = page.replace("{rounds}", &rounds.to_string());
    writeln!(page, "| workload | tests | same | different | plain, s | time, supervised |")?;
    writeln!(page, "|---|---|---|---|---|---|")?;
    for (workload, comparison) in compared {
        let (tests, different) = (comparison.tests(), comparison.differences().len());
        writeln!(
            page,
            "| {} | {tests} | {} | {different} | {:.1} | × {:.2} |",
            workload.name,
            tests.saturating_sub(different),
            comparison.seconds(),
            comparison.ratio(),
        )?;
    }
    let all: Vec<_> = compared
        .iter()
        .flat_map(|(workload, comparison)| {
            comparison.differences().into_iter().map(move |one| (*workload, one))
        })
        .collect();
    if !all.is_empty() {
        writeln!(page, "\n## What is not the same\n")?;
        writeln!(page, "| workload | test | plain | supervised | reason |\n|---|---|---|---|---|")?;
    }
    for (workload, one) in &all {
        writeln!(
            page,
            "| {} | {} | {} | {} | {} |",
            workload.name,
            one.test,
            list(&one.plain),
            list(&one.supervised),
            reason(reasons, workload, one).unwrap_or("not known yet"),
        )?;
    }
    Ok(page)
}
