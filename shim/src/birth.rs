//! Whether a process is still the one that was started: pids are given out again.

use std::fs;
use std::path::Path;

/// File in our folder of a container.
const FILE: &str = "birth";

/// When a process was born, in clock ticks since boot (`starttime` of proc_pid_stat(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Birth(u64);

impl Birth {
    /// `None` if there is no such process, or none any more.
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The program's name may contain blanks and parentheses; the fields start after the last one.
    fn parse(stat: &str) -> Option<Self> {
        const START_TIME: usize = 22;
        const FIRST_AFTER_NAME: usize = 3;
        let (_, fields) = stat.rsplit_once(')')?;
        // A zombie has ended; only its parent has not looked yet.
        if fields.trim_start().starts_with(['Z', 'X']) {
            return None;
        }
        let field = fields.split_whitespace().nth(START_TIME - FIRST_AFTER_NAME)?;
        field.parse().ok().map(Self)
    }

    pub fn save(self, folder: &Path) -> std::io::Result<()> {
        fs::write(folder.join(FILE), self.0.to_string())
    }

    pub fn load(folder: &Path) -> Option<Self> {
        fs::read_to_string(folder.join(FILE)).ok()?.parse().ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let fields: Vec<_> = (4..=52).map(|number| number.to_string()).collect();
        let stat = format!("7 (a) b (c)) S {}", fields.join(" "));
        assert_eq!(Birth::parse(&stat), Some(Birth(22)));
        assert_eq!(Birth::parse(&stat.replace(") S ", ") Z ")), None);
    }

    #[test]
    fn this_process_has_one_birth_and_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let birth = Birth::of(std::process::id() as i32).unwrap();
        birth.save(folder.path()).unwrap();
        assert_eq!(Birth::load(folder.path()), Some(birth));
        assert_ne!(Birth::of(1), None);
        assert_eq!(Birth::of(-1), None);
    }
}
