//! `--version`.

/// The version of the runtime specification that our configuration types follow.
pub const SPEC: &str = oci_spec::runtime::VERSION;

/// go-runc wants the first line to start with `runc version `; dockerd reads `commit:` and `spec:`.
pub fn text() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "runc version 1.1.0+systrace-shim.{version}\ncommit: systrace-shim {version}\nspec: {SPEC}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_find_their_three_lines() {
        let text = text();
        assert!(text.starts_with("runc version "));
        assert!(text.lines().any(|line| line.starts_with("commit: ")));
        assert!(text.lines().any(|line| line == format!("spec: {SPEC}")));
    }
}
