//! The name of a policy, as whoever starts a container may choose it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// One plain file name without its ending: it cannot lead out of the policy directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyName(String);

/// Not the name of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no policy name")]
pub struct PolicyNameError(String);

impl FromStr for PolicyName {
    type Err = PolicyNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-.".contains(&byte);
        match !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain) {
            true => Ok(Self(name.to_owned())),
            false => Err(PolicyNameError(name.to_owned())),
        }
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PolicyName {
    /// The policy's file.
    #[must_use]
    pub fn file(&self, policy_dir: &Path) -> PathBuf {
        policy_dir.join(format!("{}.policy", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_the_policy_directory() {
        let file = |name: &str| Ok(name.parse::<PolicyName>()?.file(Path::new("/etc/systrace")));
        assert_eq!(file("web-server"), Ok(PathBuf::from("/etc/systrace/web-server.policy")));
        assert_eq!(file("c++_1.2"), Ok(PathBuf::from("/etc/systrace/c++_1.2.policy")));
        for wrong in ["", ".", "..", ".hidden", "a/b", "/etc/passwd", "a b", "a\0", "é"] {
            assert_eq!(file(wrong), Err(PolicyNameError(wrong.to_owned())));
        }
    }
}
