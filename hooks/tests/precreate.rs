//! The contract with Podman: a configuration in, one out or an error and exit status 1.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use converter::bpf::SeccompData;
use converter::seccomp::{Action, Filter, engine};
use serde_json::{Value, json};

/// Podman's default profile, cut down to what the tests ask about.
const ENGINE: &str = r#"{
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
    "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "flags": ["SECCOMP_FILTER_FLAG_LOG"],
    "syscalls": [
        {"names": ["mkdir", "read"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
        {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22, "args": [
            {"index": 0, "value": 16, "op": "SCMP_CMP_EQ"},
            {"index": 2, "value": 9, "op": "SCMP_CMP_EQ"}]},
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [
            {"index": 2, "value": 9, "op": "SCMP_CMP_NE"}]},
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [
            {"index": 0, "value": 16, "op": "SCMP_CMP_NE"}]}]}"#;

const POLICY: &str = r#"Policy: /bin/x, Emulation: native
	native-read: permit
	native-bpf: permit
	native-reboot: permit
	native-mkdir: deny[eacces]
	native-socket: sockdom eq "AF_UNKNOWN(40)" then deny[enoent]
	native-socket: permit
"#;

struct Policies(tempfile::TempDir);

impl Policies {
    fn new(name: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        std::fs::write(folder.path().join(name), text).expect("a file for the test");
        Self(folder)
    }

    fn run(&self, config: &[u8]) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_systrace-hook"))
            .args(["precreate", "--standalone", "--policy-dir"])
            .arg(self.0.path())
            .arg("--log")
            .arg(self.log())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        child.stdin.take().expect("a pipe").write_all(config).expect("it reads all");
        child.wait_with_output().expect("it ends")
    }

    fn log(&self) -> std::path::PathBuf {
        self.0.path().join("log")
    }

    /// The one line that says why the configuration is refused.
    fn refusal(&self, config: &Value) -> String {
        let output = self.run(config.to_string().as_bytes());
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        let line = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let logged = std::fs::read_to_string(self.log()).expect("a log");
        assert!(logged.ends_with(&format!("Z {line}")), "{logged}");
        line
    }
}

fn config(policy: &str, seccomp: Value) -> Value {
    json!({
        "ociVersion": "1.0.2-dev",
        "annotations": {"systrace-shim.io/policy": policy},
        "linux": {"seccomp": seccomp, "resources": {}},
    })
}

fn engine_profile() -> Value {
    serde_json::from_str(ENGINE).expect("JSON")
}

fn altered(config: &Value) -> Value {
    let output = Policies::new("x.policy", POLICY).run(config.to_string().as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What a runtime makes of the configuration.
fn filter(config: &Value) -> Filter {
    let profile = serde_json::from_value(config["linux"]["seccomp"].clone()).expect("a profile");
    engine::compile(&profile).expect("a good profile").filter
}

fn decide(filter: &Filter, call: libc::c_long, arguments: [u64; 3]) -> Action {
    let [first, second, third] = arguments;
    let number = u32::try_from(call).expect("a call's number");
    filter.decide(&SeccompData::native(number, [first, second, third, 0, 0, 0]))
}

#[test]
fn the_policy_is_stacked_with_the_engines_profile() {
    let before = config("x", engine_profile());
    let mut after = altered(&before);
    let filter = filter(&after);
    let decide = |call, arguments| decide(&filter, call, arguments);
    assert_eq!(decide(libc::SYS_read, [0; 3]), Action::Allow);
    assert_eq!(decide(libc::SYS_mkdir, [0; 3]), Action::Errno(13));
    // Permitted by the policy alone, and by neither.
    assert_eq!(decide(libc::SYS_bpf, [0; 3]), Action::Errno(1));
    assert_eq!(decide(libc::SYS_reboot, [0; 3]), Action::Errno(38));
    assert_eq!(decide(libc::SYS_getppid, [0; 3]), Action::Errno(38));
    for (socket, expected) in [
        ([16, 3, 9], Action::Errno(22)),
        ([16, 3, 0], Action::Allow),
        ([2, 1, 9], Action::Allow),
        ([40, 1, 9], Action::Errno(2)),
        // The engine compares 64 bits, the policy the 32 that count.
        ([1 << 32 | 16, 3, 9], Action::Allow),
        ([1 << 32 | 40, 1, 0], Action::Errno(2)),
    ] {
        assert_eq!(decide(libc::SYS_socket, socket), expected, "{socket:?}");
    }
    assert_eq!(after["linux"]["seccomp"]["flags"], json!(["SECCOMP_FILTER_FLAG_LOG"]));
    after["linux"]["seccomp"] = before["linux"]["seccomp"].clone();
    assert_eq!(after, before);
}

#[test]
fn a_container_without_a_profile_gets_the_policy() {
    let filter = filter(&altered(&config("x", Value::Null)));
    assert_eq!(decide(&filter, libc::SYS_bpf, [0; 3]), Action::Allow);
    assert_eq!(decide(&filter, libc::SYS_mkdir, [0; 3]), Action::Errno(13));
    assert_eq!(decide(&filter, libc::SYS_getppid, [0; 3]), Action::Errno(1));
}

#[test]
fn a_container_without_the_annotation_is_left_as_it_is() {
    let policies = Policies::new("x.policy", POLICY);
    for text in ["{ \"linux\": {} }\n", "{\"annotations\":{\"policy\":\"x\"}, \"b\":1, \"a\":2}"] {
        let output = policies.run(text.as_bytes());
        assert_eq!((output.status.code(), output.stdout), (Some(0), text.as_bytes().to_vec()));
    }
}

#[test]
fn rules_for_the_supervisor_are_refused_by_name() {
    let text = "Policy: /bin/x, Emulation: native\n\
        \tnative-read: permit\n\
        \tnative-fsread: filename match \"/tmp\" then permit\n\
        \tnative-kill: permit log\n";
    let policies = Policies::new("files.policy", text);
    let line = policies.refusal(&config("files", engine_profile()));
    for part in ["files.policy:3: native-fsread", "files.policy:4: native-kill", "systrace-shim"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!line.contains("native-read"), "{line}");
}

#[test]
fn what_cannot_be_confined_is_refused() {
    let policies = Policies::new("x.policy", POLICY);
    let refused = |config: Value, why: &str| {
        let line = policies.refusal(&config);
        assert!(line.contains(why), "{line}");
    };
    refused(config("y", engine_profile()), "y.policy: No such file");
    refused(config("../x", engine_profile()), "\"../x\" is no policy name");
    refused(config("", engine_profile()), "\"\" is no policy name");
    refused(json!({"annotations": {"systrace-shim.io/policy": "x"}}), "no linux section");
    refused(json!([]), "config.json cannot be read");
    let listener = json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent"});
    refused(config("x", listener), "listenerPath /run/agent");
    let broken =
        Policies::new("x.policy", "Policy: /bin/x, Emulation: native\n\tnative-read: allow\n");
    assert!(broken.refusal(&config("x", engine_profile())).contains("x.policy:2:"));
}

#[test]
fn what_json_cannot_say_is_refused() {
    // Each argument differs in one of 32 bits, so the calls are 32 to the third sets.
    let condition = ["uid neq \"1\"", "uid[1] neq \"1\"", "uid[2] neq \"1\""].join(" and ");
    let text =
        format!("Policy: /bin/x, Emulation: native\n\tnative-setresuid: {condition} then permit\n");
    let profile = json!({"defaultAction": "SCMP_ACT_ALLOW"});
    let line = Policies::new("x.policy", &text).refusal(&config("x", profile));
    assert!(line.contains("setresuid needs more than"), "{line}");
}

#[test]
fn wrong_use_is_told_from_refusal() {
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_systrace-hook"));
        command.args(words).stdin(Stdio::null()).output().expect("it runs")
    };
    assert_eq!(run(&["frobnicate"]).status.code(), Some(2));
    assert_eq!(run(&["precreate", "--policy", "x"]).status.code(), Some(2));
    let help = run(&["precreate", "--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("--policy-dir"));
}

#[test]
fn the_examples_are_what_podman_expects() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/podman/hooks.d");
    for (name, stage) in
        [("precreate", "precreate"), ("create-runtime", "createRuntime"), ("poststop", "poststop")]
    {
        let text = std::fs::read_to_string(folder.join(format!("systrace-{name}.json")))
            .expect("the example");
        let hook: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(hook["stages"], json!([stage]));
        let words = hook["hook"]["args"].as_array().expect("arguments");
        assert_eq!(words.last(), Some(&json!(name)));
        let words = words.iter().skip(1).filter_map(Value::as_str);
        let mut command = Command::new(env!("CARGO_BIN_EXE_systrace-hook"));
        let asked = command.args(words).arg("--help").output().expect("it runs");
        assert_eq!(asked.status.code(), Some(0));
    }
}

/// `create-runtime` and `poststop` with something else than a runtime would say.
#[test]
fn garbage_is_refused() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let run = |hook: &str, input: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_systrace-hook"))
            .arg(hook)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads all");
        child.wait_with_output().expect("it ends")
    };
    let state = |bundle: &Path| json!({"id": "x", "bundle": bundle}).to_string();
    let bundle = |name: &str, text: &str| {
        let bundle = folder.path().join(name);
        std::fs::create_dir(&bundle).expect("a bundle");
        std::fs::write(bundle.join("config.json"), text).expect("a configuration");
        state(&bundle)
    };
    let unconfined = config("web", Value::Null).to_string();
    let elsewhere = config(
        "web",
        json!({"defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": "/nowhere.sock", "listenerMetadata": "theirs"}),
    )
    .to_string();
    let other = config(
        "web",
        json!({"defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": "/nowhere.sock",
        "listenerMetadata": r#"{"gate":1,"policy":"mail","sha256":""}"#}),
    )
    .to_string();
    let cases = [
        (String::new(), "no container state"),
        ("\u{0}garbage".to_owned(), "no container state"),
        ("[]".to_owned(), "no container state"),
        (state(Path::new("/nowhere")), "cannot read /nowhere/config.json"),
        (bundle("broken", "{"), "config.json cannot be read"),
        (bundle("unconfined", &unconfined), "names no agent for it"),
        (bundle("elsewhere", &elsewhere), "is not what systrace-convert writes"),
        (bundle("other", &other), "asks for policy web, and config.json has mail"),
        (
            bundle("missing", &other.replace("\"mail\\", "\"web\\").replace("mail", "web")),
            "/nowhere.sock cannot be found",
        ),
    ];
    for (input, reason) in &cases {
        let output = run("create-runtime", input);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{text}");
        assert!(text.contains(reason) && text.matches('\n').count() == 1, "{reason}: {text}");
    }
    assert_eq!(run("poststop", "garbage").status.code(), Some(1));
    // The bundle may be gone, and the agent too: there is nothing that could be refused any more.
    assert_eq!(run("poststop", &state(Path::new("/nowhere"))).status.code(), Some(0));
    // Other containers are none of our business.
    let left = json!({"ociVersion": "1.0.2", "linux": {}}).to_string();
    assert_eq!(run("create-runtime", &bundle("left", &left)).status.code(), Some(0));
}
