//! "Did you mean": the known name nearest to a mistyped one.

/// The known name that is fewest edits away, if it is so near that a slip of the hand explains it.
pub(crate) fn nearest<'k>(
    typed: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let near = (typed.len() / 3).clamp(1, 3);
    // Each edit changes the length by one at most, so most names need no look.
    let alike = known.into_iter().filter(|name| name.len().abs_diff(typed.len()) <= near);
    let distances = alike.filter_map(|name| Some((distance(typed, name, near)?, name)));
    distances.min().map(|(_, name)| name)
}

/// Help for a diagnostic.
pub(crate) fn help<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    nearest(typed, known).map(|name| format!("did you mean `{name}`?"))
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment), whatever
/// the case; none if more than `most` are needed.
fn distance(one: &str, other: &str, most: usize) -> Option<usize> {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let same = |i: usize, j: usize| one[i].eq_ignore_ascii_case(&other[j]);
    let mut above: Vec<usize> = vec![usize::MAX; other.len() + 1];
    let mut row: Vec<usize> = (0..=other.len()).collect();
    let mut next = row.clone();
    for i in 0..one.len() {
        next[0] = i + 1;
        for j in 0..other.len() {
            let mut best = (row[j] + usize::from(!same(i, j))).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && same(i, j - 1) && same(i - 1, j) {
                best = best.min(above[j - 1] + 1);
            }
            next[j + 1] = best;
        }
        // What follows builds on the last two rows only.
        if row.iter().chain(&next).all(|distance| *distance > most) {
            return None;
        }
        std::mem::swap(&mut above, &mut row);
        std::mem::swap(&mut row, &mut next);
    }
    Some(row[other.len()]).filter(|distance| *distance <= most)
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
