//! "Did you mean": the known name nearest to a mistyped one.

/// The known name that is fewest edits away, if it is so near that a slip of the hand explains it.
pub(crate) fn nearest<'k>(
    typed: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let near = (typed.len() / 3).clamp(1, 3);
    let distances = known.into_iter().map(|name| (distance(typed, name), name));
    distances.filter(|(distance, _)| *distance <= near).min().map(|(_, name)| name)
}

/// Help for a diagnostic.
pub(crate) fn help<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    nearest(typed, known).map(|name| format!("did you mean `{name}`?"))
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment), whatever
/// the case.
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut above: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut best = (row[j] + usize::from(a != b)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                best = best.min(above[j - 1] + 1);
            }
            next.push(best);
        }
        above = std::mem::replace(&mut row, next);
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let known = ["open", "openat", "connect", "read"];
        assert_eq!(nearest("opne", known), Some("open"));
        assert_eq!(nearest("conect", known), Some("connect"));
        assert_eq!(nearest("Read", known), Some("read"));
        assert_eq!(nearest("frobnicate", known), None);
    }
}
