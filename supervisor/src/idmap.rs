//! User and group numbers inside a container (user_namespaces(7)).

use crate::notification::Tid;

/// `/proc/PID/uid_map`: which numbers of the host are which numbers inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdMap(Vec<Range>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    inside: u32,
    outside: u32,
    length: u32,
}

impl IdMap {
    /// The maps for users and groups of a process.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn both(process: Tid) -> std::io::Result<(Self, Self)> {
        let read = |name: &str| {
            let text = std::fs::read_to_string(format!("/proc/{}/{name}", process.0))?;
            Self::parse(&text).ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidData))
        };
        Ok((read("uid_map")?, read("gid_map")?))
    }

    /// Every number is itself.
    #[must_use]
    pub fn identity() -> Self {
        Self(vec![Range { inside: 0, outside: 0, length: u32::MAX }])
    }

    fn parse(text: &str) -> Option<Self> {
        let range = |line: &str| {
            let mut words = line.split_ascii_whitespace().map(str::parse::<u32>);
            let mut next = || words.next()?.ok();
            Some(Range { inside: next()?, outside: next()?, length: next()? })
        };
        text.lines().map(range).collect::<Option<_>>().map(Self)
    }

    /// The number of the host for a number inside; `None` if it has none.
    #[must_use]
    pub fn outside(&self, id: u32) -> Option<u32> {
        self.0.iter().find_map(|range| {
            let offset = id.checked_sub(range.inside)?;
            (offset < range.length).then(|| range.outside + offset)
        })
    }

    /// The number inside for a number of the host; `None` if it has none.
    #[must_use]
    pub fn inside(&self, id: u32) -> Option<u32> {
        self.0.iter().find_map(|range| {
            let offset = id.checked_sub(range.outside)?;
            (offset < range.length).then(|| range.inside + offset)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_moved_by_their_range() {
        let map = IdMap::parse("         0       1000          1\n 1 100000 65536\n").unwrap();
        assert_eq!(map.inside(1000), Some(0));
        assert_eq!(map.inside(100_032), Some(33));
        assert_eq!(map.inside(0), None);
        assert_eq!(map.inside(165_536), None);
        assert_eq!(map.outside(33), Some(100_032));
        assert_eq!(map.outside(65_537), None);
    }

    #[test]
    fn the_whole_range_is_itself() {
        let map = IdMap::parse("0 0 4294967295\n").unwrap();
        assert_eq!(map.inside(33), Some(33));
        assert_eq!(IdMap::parse("0 0\n"), None);
    }
}
