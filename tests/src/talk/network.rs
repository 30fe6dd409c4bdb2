//! The slides on connections.

use super::{Attempt, Network, Outcome, Seen, Slide, so_far, uncovered};
use crate::container::Running;
use crate::engine::Engine;
use crate::place;
use Outcome::Permitted;
use anyhow::{Result, bail};
use std::time::{Duration, Instant};

const AIM: &str = r#"native-connect: sockaddr match "inet-*:5190" then permit"#;
const DNS: &str = r#"native-connect: sockaddr eq "inet-[127.0.0.1]:53" then permit"#;

/// A chat client; netcat stands for it.
pub const GAIM: Slide = Slide {
    title: "Permit AIM and DNS Connections",
    policy: "gaim",
    options: &[],
    network: Network::Peer,
    attempts: &[
        Attempt {
            rule: AIM,
            what: "connect to port 5190",
            command: &["nc", "-nvz", "127.0.0.1", "5190"],
            outcome: Permitted("succeeded"),
        },
        Attempt {
            rule: AIM,
            what: "connect to port 5190 by IPv6",
            command: &["nc", "-nvz", "::1", "5190"],
            outcome: Permitted("succeeded"),
        },
        Attempt {
            rule: AIM,
            what: "connect to port 5191",
            command: &["nc", "-nvz", "127.0.0.1", "5191"],
            outcome: uncovered("inet-[127.0.0.1]:5191"),
        },
        Attempt {
            rule: AIM,
            what: "connect to port 80",
            command: &["nc", "-nvz", "127.0.0.1", "80"],
            outcome: uncovered("inet-[127.0.0.1]:80"),
        },
        Attempt {
            rule: DNS,
            what: "ask the name server",
            command: &["python3", "/fixtures/ask.py", "127.0.0.1"],
            outcome: Permitted("127.0.0.1"),
        },
        Attempt {
            rule: DNS,
            what: "ask the one at 127.0.0.2",
            command: &["python3", "/fixtures/ask.py", "127.0.0.2"],
            outcome: uncovered("inet-[127.0.0.2]:53"),
        },
        Attempt {
            rule: DNS,
            what: "ask the one at ::1",
            command: &["python3", "/fixtures/ask.py", "::1"],
            outcome: uncovered("inet-[::1]:53"),
        },
        Attempt {
            rule: DNS,
            what: "connect to a socket in the file system",
            command: &["nc", "-U", "/tmp/socket"],
            outcome: uncovered("/tmp/socket"),
        },
    ],
};

const HTTPS: &str = r#"native-connect: sockaddr match "inet-*:443" then permit"#;
const HTTP: &str = r#"native-connect: sockaddr match "inet-*:80" then permit"#;
const ASK: &str = r#"native-connect: sockaddr eq "inet-*" then ask"#;

/// curl stands for the browser: it looks names up and fetches pages.
pub const WEB_BROWSER: Slide = Slide {
    title: "Permit HTTP, HTTPS, and DNS Connections",
    policy: "web-browser",
    options: &[],
    network: Network::Peer,
    attempts: &[
        Attempt {
            rule: HTTPS,
            what: "fetch https://peer.test/",
            command: &["curl", "-sSk", "https://peer.test/"],
            outcome: Permitted("hello from port 443"),
        },
        Attempt {
            rule: HTTPS,
            what: "speak to port 5190",
            command: &["curl", "-sSv", "http://peer.test:5190/"],
            outcome: uncovered("inet-[127.0.0.1]:5190"),
        },
        Attempt {
            rule: HTTP,
            what: "fetch http://peer.test/",
            command: &["curl", "-sS", "http://peer.test/"],
            outcome: Permitted("hello from port 80"),
        },
        Attempt {
            rule: HTTP,
            what: "fetch http://peer.test:81/",
            command: &["curl", "-sSv", "http://peer.test:81/"],
            outcome: uncovered("inet-[127.0.0.1]:81"),
        },
        Attempt {
            rule: DNS,
            what: "look up peer.test",
            command: &["getent", "hosts", "peer.test"],
            outcome: Permitted("127.0.0.1"),
        },
        Attempt {
            rule: DNS,
            what: "ask the name server at 127.0.0.2",
            command: &["python3", "/fixtures/ask.py", "127.0.0.2"],
            outcome: uncovered("inet-[127.0.0.2]:53"),
        },
        Attempt {
            rule: ASK,
            what: "a page of a port that no `eq` names",
            command: &["curl", "-sSv", "http://127.0.0.1:5191/"],
            outcome: uncovered("inet-[127.0.0.1]:5191"),
        },
    ],
};

const SERVE: &str = r#"native-bind: sockaddr match "inet-*:80" then permit"#;

/// nginx, asked by a client outside of the policy.
pub const WEB_SERVER: Slide = Slide {
    title: "Permit listening to HTTP port",
    policy: "web-server",
    options: &[],
    network: Network::Serves,
    attempts: &[
        Attempt {
            rule: SERVE,
            what: "nginx listens to port 80",
            command: &["nginx", "-c", "/fixtures/nginx-80.conf"],
            outcome: Permitted("hello from nginx on port 80"),
        },
        Attempt {
            rule: SERVE,
            what: "nginx listens to port 81",
            command: &["nginx", "-c", "/fixtures/nginx-81.conf"],
            outcome: uncovered("inet-[0.0.0.0]:81"),
        },
        Attempt {
            rule: SERVE,
            what: "listen to port 8080",
            command: &["nc", "-nl", "127.0.0.1", "8080"],
            outcome: uncovered("inet-[127.0.0.1]:8080"),
        },
    ],
};

/// Starts the far end: web servers on several ports and a name server, under runc.
pub(super) fn peer(engine: &Engine) -> Result<Running<'_>> {
    let peer = engine
        .container("debian")
        // Docker gives a container without a network no IPv6, not even to itself.
        .options(["--dns=127.0.0.1", "--sysctl=net.ipv6.conf.all.disable_ipv6=0"])
        .sees(&place::fixtures(), "/fixtures")
        .shell("nginx -c /fixtures/peer.conf && exec python3 /fixtures/dns.py")
        .start()?;
    peer.await_log("ready")?;
    Ok(peer)
}

/// Waits until the server answers a client or ends.
pub(super) fn serve(engine: &Engine, server: Running<'_>) -> Result<Seen> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(15) {
        if server.inspect("{{.State.Running}}")? == "false" {
            let status = server.inspect("{{.State.ExitCode}}")?.parse()?;
            return so_far(&server, status);
        }
        let client = engine.container("debian").network_of(&server);
        let page = client.command(["curl", "-sS", "http://127.0.0.1/"]).run()?.finished;
        if page.status == 0 {
            let mut seen = so_far(&server, 0)?;
            seen.finished.stdout += &page.stdout;
            return Ok(seen);
        }
    }
    bail!("the server neither answers nor ends: {}", server.logs()?)
}
