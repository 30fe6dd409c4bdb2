//! The contract of the command line: what goes where, and the exit status.

use std::path::PathBuf;
use std::process::{Command, Output};

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("convert-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file for the test");
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

struct Seen {
    status: Option<i32>,
    out: String,
    err: String,
}

fn convert(words: &[&str]) -> Seen {
    let mut command = Command::new(env!("CARGO_BIN_EXE_systrace-convert"));
    let Output { status, stdout, stderr } = command.args(words).output().expect("it runs");
    let [out, err] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    Seen { status: status.code(), out, err }
}

const RIGHT: &str = "Policy: /bin/x, Emulation: native\n\tnative-read: permit\n";
const WRONG: &str =
    "Policy: /bin/x, Emulation: native\n\tnative-read: allow\n\tnative-opne: permit\n";

#[test]
fn check_reports_everything() {
    let folder = Folder::new("check");
    let right = folder.file("right.policy", RIGHT);
    let seen = convert(&["check", &right]);
    assert_eq!((seen.status, seen.out.as_str()), (Some(0), ""));
    let seen = convert(&["check", &right, &folder.file("wrong.policy", WRONG)]);
    assert_eq!(seen.status, Some(1));
    assert!(seen.out.contains("wrong.policy:2:") && seen.out.contains('^'), "{}", seen.out);
    let template = "Template: t, Emulation: native, Description: d\n\tnative-read: permit\n";
    assert_eq!(convert(&["check", &folder.file("t", template)]).status, Some(0));
}

#[test]
fn warnings_are_findings_only_if_asked_for() {
    let folder = Folder::new("strict");
    let text =
        "Policy: /bin/x, Emulation: native\n\tnative-connect: sockaddr eq \"inet-*\" then permit\n";
    let path = folder.file("warned.policy", text);
    let seen = convert(&["check", &path]);
    assert_eq!(seen.status, Some(0));
    assert!(seen.out.contains("warning"), "{}", seen.out);
    assert_eq!(convert(&["check", "--fail-on", "warning", &path]).status, Some(1));
}

#[test]
fn findings_are_written_for_programs_too() {
    let folder = Folder::new("formats");
    let path = folder.file("wrong.policy", WRONG);
    for (format, expected) in [
        ("text", "error[SYS003]"),
        ("json", "\"code\": \"SYS003\""),
        ("github", "::error file="),
        ("sarif", "\"ruleId\": \"SYS003\""),
    ] {
        let seen = convert(&["check", "--format", format, &path]);
        assert_eq!(seen.status, Some(1), "{format}");
        assert!(seen.out.contains(expected), "{}", seen.out);
    }
    let right = folder.file("right.policy", RIGHT);
    assert_eq!(convert(&["check", "--format", "json", &right]).out, "[]\n");
}

#[test]
fn fmt_rewrites_checks_and_shows() {
    let folder = Folder::new("fmt");
    let path =
        folder.file("x.policy", "Policy: /bin/x, Emulation: native\nnative-read:   permit\n");
    let checked = convert(&["fmt", "--check", &path]);
    assert_eq!((checked.status, checked.out), (Some(1), format!("{path}\n")));
    let shown = convert(&["fmt", "--diff", &path]);
    assert_eq!(shown.status, Some(1));
    assert!(shown.out.contains("+\tnative-read: permit"), "{}", shown.out);
    assert_eq!(convert(&["fmt", &path]).status, Some(0));
    assert_eq!(convert(&["fmt", "--check", &path]).status, Some(0));
    assert_eq!(std::fs::read_to_string(&path).expect("still there"), RIGHT);
    assert_eq!(convert(&["fmt", &folder.file("wrong.policy", WRONG)]).status, Some(1));
}

#[test]
fn seccomp_refuses_what_json_cannot_say() {
    let folder = Folder::new("seccomp");
    let text = "Policy: /bin/x, Emulation: native\n\tnative-bind: sockaddr match \"inet-*:80\" then permit\n";
    let path = folder.file("server.policy", text);
    let refused = convert(&["seccomp", &path]);
    assert_eq!((refused.status, refused.out.as_str()), (Some(1), ""));
    assert!(refused.err.contains("server.policy:2: needs the supervisor"), "{}", refused.err);
    let weaker = convert(&["seccomp", "--best-effort", &path]);
    assert_eq!(weaker.status, Some(0));
    assert!(weaker.err.contains("server.policy:2: weaker than the rule"), "{}", weaker.err);
    assert!(weaker.out.contains("\"bind\""), "{}", weaker.out);
}

#[test]
fn plan_refuses_what_the_host_cannot_enforce() {
    let folder = Folder::new("plan");
    let path = folder.file("x.policy", RIGHT);
    assert_eq!(convert(&["plan", &path]).status, Some(0));
    let old = convert(&["plan", "--for", "linux=4.19", &path]);
    assert_eq!(old.status, Some(1));
    assert!(old.err.contains("Linux 4.19"), "{}", old.err);
    let json: serde_json::Value =
        serde_json::from_str(&convert(&["plan", "--format", "json", &path]).out).expect("JSON");
    assert_eq!(json["format_version"], 1);
    assert_eq!(json["calls"]["read"], "permit");
    assert_eq!(json["calls"]["reboot"], "uncovered");
    assert_eq!(json["rules"][0]["mechanism"], "seccomp");
}

#[test]
fn plan_shows_what_a_mechanism_is_good_for() {
    let folder = Folder::new("without");
    let text = "Policy: /bin/x, Emulation: native\n\tnative-fswrite: filename match \"/tmp\" then permit\n";
    let path = folder.file("x.policy", text);
    let mkdir = |words: &[&str]| {
        let seen = convert(
            &[&["plan", "--for", "linux=6.18", "--format", "json"], words, &[&path]].concat(),
        );
        let json: serde_json::Value = serde_json::from_str(&seen.out).expect("JSON");
        let granted = json["landlock"]["granted"].as_array().map_or(0, Vec::len);
        (json["calls"]["mkdir"].as_str().map(str::to_owned), granted > 0)
    };
    assert_eq!(mkdir(&[]), (Some("landlock".to_owned()), true));
    assert_eq!(mkdir(&["--without", "landlock"]), (Some("supervisor".to_owned()), false));
    let wrong = convert(&["plan", "--without", "seccomp", &path]);
    assert_eq!(wrong.status, Some(2));
    assert!(wrong.err.contains("none of spec, landlock, sockets"), "{}", wrong.err);
}

#[test]
fn eval_tells_the_rule_and_those_before_it() {
    let folder = Folder::new("eval");
    let text = "Policy: /bin/x, Emulation: native\n\tnative-fsread: filename match \"/tmp\" then permit\n\tnative-fsread: filename match \"/etc\" then deny[enoent]\n";
    let path = folder.file("x.policy", text);
    let seen = convert(&["eval", &path, "openat(\"/etc/shadow\", O_RDONLY)"]);
    let expected = format!(
        "deny[enoent]: {path}:3: native-fsread: filename match \"/etc\" then deny[enoent]\n  \
         tried {path}:2: native-fsread: filename match \"/tmp\" then permit: filename \"/etc/shadow\" does not fit\n"
    );
    assert_eq!((seen.status, seen.out), (Some(0), expected));
    let uncovered = convert(&["eval", &path, "getppid()"]);
    assert_eq!(uncovered.out, "no rule covers it: deny[eperm]\n");
    assert_eq!(convert(&["eval", &path, "opne()"]).status, Some(2));
}

#[test]
fn explain_knows_every_code() {
    let list = convert(&["explain"]);
    assert_eq!(list.status, Some(0));
    for code in list.out.lines().filter_map(|line| line.split_whitespace().next()) {
        assert_eq!(convert(&["explain", code]).status, Some(0), "{code}");
    }
    assert_eq!(convert(&["explain", "SYS999"]).status, Some(2));
}

#[test]
fn wrong_use_and_missing_files_are_failures() {
    for words in [&["frobnicate"][..], &[], &["check"], &["check", "/nowhere/x.policy"]] {
        let seen = convert(words);
        assert_eq!(seen.status, Some(2), "{words:?}");
        assert!(!seen.err.is_empty() && seen.out.is_empty(), "{words:?}");
    }
}

#[test]
fn bundle_edits_a_configuration() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("bundle");
    let config = folder.file("config.json", r#"{"ociVersion":"1.0.2","z":1,"linux":{}}"#);
    let secret = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&config, secret).expect("it is ours");
    let text = format!("{RIGHT}\tnative-fsread: filename match \"/tmp\" then permit\n");
    let policy = folder.file("web.policy", &text);
    let options = ["bundle", "--config", &config, "--agent", "/run/a.sock"];
    let seen = convert(&[&options[..], &[&policy]].concat());
    assert_eq!((seen.status, seen.err.as_str()), (Some(0), ""));
    let edited: serde_json::Value = serde_json::from_str(&seen.out).expect("JSON");
    assert_eq!(edited["z"], 1);
    let seccomp = &edited["linux"]["seccomp"];
    assert_eq!(seccomp["listenerPath"], "/run/a.sock");
    let metadata = seccomp["listenerMetadata"].as_str().expect("a text");
    let metadata: serde_json::Value = serde_json::from_str(metadata).expect("JSON");
    assert_eq!(metadata["policy"], "web");
    // In place, and for the same readers as before.
    let seen = convert(&[&options[..], &["-o", &config, &policy]].concat());
    assert_eq!((seen.status, seen.out.as_str()), (Some(0), ""));
    let mode = std::fs::metadata(&config).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = convert(&[&options[..], &[&policy]].concat());
    assert_eq!(again.status, Some(1), "one listener is enough");
    assert!(again.err.contains("listenerPath /run/a.sock"), "{}", again.err);
    let alone = folder.file("alone.json", r#"{"linux":{}}"#);
    let seen = convert(&["bundle", "--standalone", "--config", &alone, &policy]);
    assert_eq!(seen.status, Some(1));
    assert!(seen.err.contains("web.policy:3"), "{}", seen.err);
    assert_eq!(convert(&["bundle", "--config", "/nowhere", &policy]).status, Some(2));
}

/// Text of a policy is anybody's: on the page it stays text.
#[test]
fn nothing_of_a_policy_becomes_markup() {
    let folder = Folder::new("page");
    let text = "Policy: /bin/<b>, Emulation: native\n\tnative-fsread: filename eq \"</code><script>alert('x')</script>\" then permit\n\t\
                native-fswrite: filename re \"<img src=x onerror=a>&amp;\u{202e}\" then permit\n";
    let path = folder.file("p<i>.policy", text);
    let seen = convert(&["plan", "--html", &path]);
    assert_eq!(seen.status, Some(0), "{}", seen.err);
    let tags: std::collections::BTreeSet<&str> = seen
        .out
        .split('<')
        .skip(1)
        .filter_map(|tag| tag.trim_start_matches('/').split([' ', '>', '\n']).next())
        .collect();
    for foreign in ["script", "img", "b", "i"] {
        assert!(!tags.contains(foreign), "{tags:?}");
    }
    assert!(!seen.out.contains('\u{202e}') && seen.out.contains("\\u{202e}"));
    for outside in ["http://", "https://", "src=\"", "href=", "@import"] {
        assert!(!seen.out.contains(outside), "{outside}");
    }
    assert_eq!(convert(&["plan", "--html", &path]).out, seen.out);
}

/// Without an agent, what nobody can judge is refused, or let through and told.
#[test]
fn best_effort_says_what_is_weaker() {
    let folder = Folder::new("weak");
    let text = format!("{RIGHT}\tnative-open: filename eq \"/a\" then permit\n");
    let policy = folder.file("weak.policy", &text);
    let config = folder.file("config.json", r#"{"process":{},"linux":{}}"#);
    let bundle = |more: &[&str]| {
        convert(&[&["bundle", "--config", &config, "--standalone"], more, &[&policy]].concat())
    };
    let refused = bundle(&[]);
    assert_eq!((refused.status, refused.out.as_str()), (Some(1), ""));
    assert!(refused.err.contains("weak.policy:3"), "{}", refused.err);
    let made = bundle(&["--best-effort"]);
    assert_eq!(made.status, Some(0), "{}", made.err);
    assert!(
        made.err.contains("weak.policy:3") && made.err.contains("weaker than the rule, whatever")
    );
    assert!(made.out.contains("\"open\"") && !made.err.contains("native-read"), "{}", made.err);
}
