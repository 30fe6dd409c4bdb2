//! Which standing each loaded program was given: a table in memory that supervisors share.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Programs that can be told apart at a time. What no process runs any more is forgotten when the table is full.
const MARKS: usize = 4096;

/// The table. A line is written value first, so one that was not finished by a supervisor that died is none.
#[derive(Debug)]
pub struct Marks {
    lines: [Line; MARKS],
    /// Lines from here on were never used.
    unused: AtomicU32,
}

#[derive(Debug)]
struct Line {
    key: AtomicU64,
    value: AtomicU32,
}

/// The table is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Marks {
    /// Every value that the key was given.
    pub fn values(&self, key: u64) -> impl Iterator<Item = u32> {
        let has = move |line: &&Line| line.key.load(Ordering::Acquire) == key;
        self.used().iter().filter(has).map(|line| line.value.load(Ordering::Relaxed))
    }

    /// Gives a key a value beside those that it has. Not to be called by two threads at a time. The key is not 0.
    ///
    /// # Errors
    /// [`Full`].
    pub fn add(&self, key: u64, value: u32) -> Result<(), Full> {
        if self.values(key).any(|known| known == value) {
            return Ok(());
        }
        let free = |line: &Line| line.key.load(Ordering::Relaxed) == 0;
        let at = self.lines.iter().position(free).ok_or(Full)?;
        self.unused.fetch_max(at as u32 + 1, Ordering::AcqRel);
        self.lines[at].value.store(value, Ordering::Relaxed);
        self.lines[at].key.store(key, Ordering::Release);
        Ok(())
    }

    /// Forgets all keys that are not to be kept.
    pub fn retain(&self, kept: impl Fn(u64) -> bool) {
        for line in self.used() {
            if !kept(line.key.load(Ordering::Relaxed)) {
                line.key.store(0, Ordering::Release);
            }
        }
    }

    fn used(&self) -> &[Line] {
        &self.lines[..self.unused.load(Ordering::Acquire) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holder::Journal;

    #[test]
    fn keys_have_all_their_values_until_they_are_forgotten() {
        let marks = &Journal::new().unwrap().marks;
        marks.add(7, 1).unwrap();
        marks.add(7, 2).unwrap();
        marks.add(7, 2).unwrap();
        marks.add(8, 3).unwrap();
        assert_eq!(marks.values(7).collect::<Vec<_>>(), [1, 2]);
        marks.retain(|key| key == 8);
        assert_eq!((marks.values(7).count(), marks.values(8).count()), (0, 1));
        let added = (100..).take_while(|key| marks.add(*key, 0).is_ok()).count();
        assert_eq!(added, MARKS - 1);
    }
}
