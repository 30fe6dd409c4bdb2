//! What a configuration tells the agent about a container, through the runtime (`listenerMetadata`).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bundle::name::{PolicyName, PolicyNameError};
use crate::load::Loaded;
use crate::seccomp::gate;

/// Which policy a container must get: a name, and a digest of the texts, so that the policy that was reviewed and put into the
/// configuration is the one that the agent enforces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The kind of gate.
    gate: u32,
    /// The policy's name in the policy directory.
    policy: String,
    /// Of the policy and the templates that it includes, in lower-case hexadecimal digits.
    sha256: String,
}

/// The agent cannot serve a container that says this.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Somebody else wrote it.
    #[error("listenerMetadata is not what systrace-convert writes")]
    Foreign(#[source] serde_json::Error),
    /// Another release wrote it.
    #[error("listenerMetadata is for gate {found}, this release has {}", gate::VERSION)]
    Version {
        /// What it says.
        found: u32,
    },
    /// It names no policy.
    #[error(transparent)]
    Name(#[from] PolicyNameError),
}

impl Metadata {
    /// What is to be said of a policy.
    #[must_use]
    pub fn of(name: &PolicyName, policy: &Loaded) -> Self {
        let (policy, sha256) = (name.to_string(), digest(policy));
        Self { gate: gate::VERSION, policy, sha256 }
    }

    /// Its text.
    ///
    /// # Errors
    /// None is known.
    pub fn to_text(&self) -> Result<String, MetadataError> {
        serde_json::to_string(self).map_err(MetadataError::Foreign)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// It is not ours.
    pub fn parse(text: &str) -> Result<Self, MetadataError> {
        let metadata: Self = serde_json::from_str(text).map_err(MetadataError::Foreign)?;
        match metadata.gate {
            gate::VERSION => Ok(metadata),
            found => Err(MetadataError::Version { found }),
        }
    }

    /// The policy's name.
    ///
    /// # Errors
    /// It is none.
    pub fn name(&self) -> Result<PolicyName, MetadataError> {
        Ok(self.policy.parse()?)
    }

    /// Whether this is the policy that was meant.
    #[must_use]
    pub fn means(&self, policy: &Loaded) -> bool {
        self.sha256 == digest(policy)
    }
}

/// Each text is preceded by its length, so that no two lists of texts are one.
fn digest(policy: &Loaded) -> String {
    let mut hash = Sha256::new();
    for source in std::iter::once(&policy.source).chain(&policy.templates) {
        hash.update((source.text().len() as u64).to_le_bytes());
        hash.update(source.text());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use policy::Source;

    use super::*;
    use crate::load::understand;

    fn loaded(text: &str) -> Loaded {
        let text = format!("Policy: /bin/x, Emulation: native\n{text}\n");
        understand(Source::new("x.policy", text), Path::new("/nowhere")).expect("a policy")
    }

    fn name() -> PolicyName {
        "web".parse().expect("a name")
    }

    #[test]
    fn it_names_one_policy_only() {
        let policy = loaded("\tnative-read: permit");
        let text = Metadata::of(&name(), &policy).to_text().expect("a text");
        let read = Metadata::parse(&text).expect("ours");
        assert_eq!(read.name().ok(), Some(name()));
        assert!(read.means(&policy));
        assert!(!read.means(&loaded("\tnative-read: deny")));
    }

    #[test]
    fn templates_count() {
        let plain = loaded("\tInclude: linux-base");
        assert_eq!(plain.templates.len(), 1);
        let mut changed = loaded("\tInclude: linux-base");
        changed.templates[0] = Source::new("linux-base", "other");
        assert!(!Metadata::of(&name(), &plain).means(&changed));
    }

    #[test]
    fn what_others_write_is_refused() {
        for text in ["", "web", "{}", r#"{"gate":1,"policy":"web","sha256":"","more":1}"#] {
            assert!(matches!(Metadata::parse(text), Err(MetadataError::Foreign(_))), "{text}");
        }
        let newer = r#"{"gate":999,"policy":"web","sha256":""}"#;
        assert!(matches!(Metadata::parse(newer), Err(MetadataError::Version { found: 999 })));
        let outside = r#"{"gate":1,"policy":"../web","sha256":""}"#;
        assert!(Metadata::parse(outside).expect("ours").name().is_err());
    }
}
