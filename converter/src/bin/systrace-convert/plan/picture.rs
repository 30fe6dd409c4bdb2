//! The picture of a plan: bars whose parts differ by pattern and words, so that no colour is needed to read them.

use super::html::escaped;

/// A part of a bar.
pub struct Piece {
    /// Its fill, one of [`PATTERNS`].
    pub pattern: usize,
    /// What it is.
    pub name: String,
    /// How much of it there is.
    pub count: usize,
}

const WIDTH: usize = 720;
const HEIGHT: usize = 34;

/// Patterns, from what costs least on; each is a tile of 8 by 8.
const PATTERNS: [&str; 6] = [
    "",
    "<circle cx=\"4\" cy=\"4\" r=\"1\"/>",
    "<path d=\"M0 8L8 0\"/>",
    "<path d=\"M0 4H8\"/>",
    "<path d=\"M4 0V8M0 4H8\"/>",
    "<path d=\"M0 8L8 0M0 0L8 8\"/>",
];

/// The definitions that bars and keys refer to; once for each page.
pub fn patterns() -> String {
    let pattern = |(number, tile): (usize, &&str)| {
        format!(
            "<pattern id=\"p{number}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
             <rect class=\"tile t{number}\" width=\"8\" height=\"8\"/>{tile}</pattern>"
        )
    };
    let all: String = PATTERNS.iter().enumerate().map(pattern).collect();
    format!(
        "<svg class=\"defs\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs>{all}</defs></svg>\n"
    )
}

/// One bar with its key, which has the numbers in words.
pub fn bar(title: &str, pieces: &[Piece]) -> String {
    let shown: Vec<_> = pieces.iter().filter(|piece| piece.count > 0).collect();
    let total: usize = shown.iter().map(|piece| piece.count).sum();
    let told: Vec<_> =
        shown.iter().map(|piece| format!("{} {}", piece.count, escaped(&piece.name))).collect();
    let mut parts = String::new();
    let mut before = 0;
    for piece in &shown {
        // Whole numbers, so that the same plan is the same bytes everywhere.
        let (from, to) = (before * WIDTH / total, (before + piece.count) * WIDTH / total);
        before += piece.count;
        parts.push_str(&part(piece, from, to - from));
    }
    let title = escaped(title);
    let told_all = told.join(", ");
    let keys: String = shown.iter().zip(&told).map(|(piece, told)| key(piece, told)).collect();
    format!(
        "<figure><figcaption>{title}</figcaption>\n\
         <svg class=\"bar\" role=\"img\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\">\
         <title>{title}: {told_all}</title>{parts}</svg>\n<ul class=\"key\">{keys}</ul></figure>\n"
    )
}

fn part(piece: &Piece, from: usize, width: usize) -> String {
    format!(
        "<rect x=\"{from}\" y=\"1\" width=\"{}\" height=\"{}\" fill=\"url(#p{})\"/>",
        width.max(2),
        HEIGHT - 2,
        piece.pattern
    )
}

fn key(piece: &Piece, told: &str) -> String {
    format!(
        "<li><svg class=\"tick\" aria-hidden=\"true\" viewBox=\"0 0 16 16\">\
         <rect x=\"1\" y=\"1\" width=\"14\" height=\"14\" fill=\"url(#p{})\"/></svg>{told}</li>",
        piece.pattern
    )
}
