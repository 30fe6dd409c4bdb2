//! The slides on starting programs.

use super::{Attempt, Network, Outcome, Slide, denied, uncovered};
use Outcome::Permitted;

const BIN: &str = r#"native-execve: filename match "/bin" then permit"#;
const SBIN: &str = r#"native-execve: filename match "/sbin" then permit"#;
const USR_BIN: &str = r#"native-execve: filename match "/usr/bin" then permit"#;
const USR_GAMES: &str = r#"native-execve: filename match "/usr/games" then permit"#;
const USR_SBIN: &str = r#"native-execve: filename match "/usr/sbin" then permit"#;

/// What the policy of cat adds to the slide.
const NOT_FOR_CAT: &str = r#"native-fsread: filename eq "/etc/shadow" then deny[eacces]"#;

/// Each program has its own policy in the same file.
pub const PROGRAM_EXECUTION: Slide = Slide {
    title: "Permit Running All System Binaries",
    policy: "program-execution",
    options: &[],
    network: Network::None,
    attempts: &[
        Attempt {
            rule: BIN,
            what: "run /bin/true",
            command: &["sh", "-c", "/bin/true && echo ran"],
            outcome: Permitted("ran"),
        },
        Attempt {
            rule: BIN,
            what: "run a program from elsewhere",
            command: &["sh", "-c", "/opt/tools/true && echo ran"],
            outcome: uncovered("/opt/tools/true"),
        },
        Attempt {
            rule: SBIN,
            what: "run /sbin/ldconfig",
            command: &["sh", "-c", "/sbin/ldconfig --version && echo ran"],
            outcome: Permitted("ran"),
        },
        Attempt {
            rule: SBIN,
            what: "run the one in /opt/sbin",
            command: &["sh", "-c", "/opt/sbin/ldconfig --version && echo ran"],
            outcome: uncovered("/opt/sbin/ldconfig"),
        },
        Attempt {
            rule: USR_BIN,
            what: "run /usr/bin/cat",
            command: &["sh", "-c", "/usr/bin/cat /etc/os-release"],
            outcome: Permitted("bookworm"),
        },
        Attempt {
            rule: USR_BIN,
            what: "run a program that has no policy",
            command: &["sh", "-c", "/usr/bin/env"],
            outcome: uncovered("/usr/bin/env"),
        },
        Attempt {
            rule: USR_GAMES,
            what: "play a game",
            command: &["sh", "-c", "/usr/games/true && echo played"],
            outcome: Permitted("played"),
        },
        Attempt {
            rule: USR_GAMES,
            what: "play one that is elsewhere, through ..",
            command: &["sh", "-c", "/usr/games/../../opt/tools/true && echo played"],
            outcome: uncovered("/opt/tools/true"),
        },
        Attempt {
            rule: USR_SBIN,
            what: "run /usr/sbin/ldconfig",
            command: &["sh", "-c", "/usr/sbin/ldconfig --version && echo ran"],
            outcome: Permitted("ran"),
        },
        Attempt {
            rule: USR_SBIN,
            what: "run a link there that leads elsewhere",
            command: &["sh", "-c", "/usr/sbin/outside && echo ran"],
            outcome: uncovered("/opt/tools/true"),
        },
        Attempt {
            rule: USR_BIN,
            what: "the shell itself reads /etc/shadow",
            command: &["sh", "-c", "read -r line </etc/shadow && echo the shell read it"],
            outcome: Permitted("the shell read it"),
        },
        Attempt {
            rule: USR_BIN,
            what: "cat, which has another policy, reads it",
            command: &["sh", "-c", "/usr/bin/cat /etc/shadow"],
            outcome: denied("EACCES", "/etc/shadow", NOT_FOR_CAT),
        },
    ],
};

const BIN_INHERIT: &str = r#"native-execve: filename match "/bin" then permit[inherit]"#;
const SBIN_INHERIT: &str = r#"native-execve: filename match "/sbin" then permit[inherit]"#;
const USR_BIN_INHERIT: &str = r#"native-execve: filename match "/usr/bin" then permit[inherit]"#;
const USR_GAMES_INHERIT: &str =
    r#"native-execve: filename match "/usr/games" then permit[inherit]"#;
const USR_SBIN_INHERIT: &str = r#"native-execve: filename match "/usr/sbin" then permit[inherit]"#;

/// What a program may do, those that it starts may do.
pub const INHERITED_EXECUTION: Slide = Slide {
    title: "Share Policy File",
    policy: "inherited-execution",
    options: &[],
    network: Network::None,
    attempts: &[
        Attempt {
            rule: BIN_INHERIT,
            what: "run /bin/cat",
            command: &["sh", "-c", "/bin/cat /etc/os-release"],
            outcome: Permitted("bookworm"),
        },
        Attempt {
            rule: BIN_INHERIT,
            what: "run a program from elsewhere",
            command: &["sh", "-c", "/opt/tools/true && echo ran"],
            outcome: uncovered("/opt/tools/true"),
        },
        Attempt {
            rule: SBIN_INHERIT,
            what: "run /sbin/ldconfig",
            command: &["sh", "-c", "/sbin/ldconfig --version"],
            outcome: Permitted("ldconfig"),
        },
        Attempt {
            rule: SBIN_INHERIT,
            what: "run a copy of a program in /tmp",
            command: &["sh", "-c", "cp /sbin/ldconfig /tmp/copy && /tmp/copy --version"],
            outcome: uncovered("/tmp/copy"),
        },
        Attempt {
            rule: USR_BIN_INHERIT,
            what: "run a program through two others",
            command: &[
                "sh",
                "-c",
                "/usr/bin/env /bin/sh -c '/usr/bin/env /bin/cat /etc/os-release'",
            ],
            outcome: Permitted("bookworm"),
        },
        Attempt {
            rule: USR_BIN_INHERIT,
            what: "have env run a program from elsewhere",
            command: &["sh", "-c", "/usr/bin/env /opt/tools/true"],
            outcome: uncovered("/opt/tools/true"),
        },
        Attempt {
            rule: USR_GAMES_INHERIT,
            what: "play a game",
            command: &["sh", "-c", "/usr/games/true && echo played"],
            outcome: Permitted("played"),
        },
        Attempt {
            rule: USR_GAMES_INHERIT,
            what: "play one that is elsewhere, through ..",
            command: &["sh", "-c", "/usr/games/../../opt/tools/true && echo played"],
            outcome: uncovered("/opt/tools/true"),
        },
        Attempt {
            rule: USR_SBIN_INHERIT,
            what: "run /usr/sbin/nginx",
            command: &["sh", "-c", "/usr/sbin/nginx -v"],
            outcome: Permitted("nginx version"),
        },
        Attempt {
            rule: USR_SBIN_INHERIT,
            what: "run a link there that leads elsewhere",
            command: &["sh", "-c", "/usr/sbin/outside && echo ran"],
            outcome: uncovered("/opt/tools/true"),
        },
    ],
};
