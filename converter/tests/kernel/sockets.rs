//! Generated socket programs on the real kernel: through its verifier, attached to a control group of their own, tried by a
//! process in it.
//!
//! The process is this very test program, told to run `victim` only: a process moves as a whole.

use std::fs::{self, File};
use std::io::Error;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use converter::sockets::{programs, rules};
use policy::{Source, compile, registry};
use supervisor::sockets::programs::{Cause, Denials, LoadedPrograms, SocketProgram};

/// A folder of the unified hierarchy, removed at the end.
struct Group(PathBuf);

impl Group {
    fn new(name: &str) -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("the mounts");
        let mount = mounts.lines().find(|line| line.contains(" - cgroup2 ")).expect("cgroup2");
        let place = mount.split(' ').nth(4).expect("a mount point");
        let group = PathBuf::from(place).join(format!("systrace-{name}-{}", std::process::id()));
        fs::create_dir(&group).expect("a control group");
        Self(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let gone = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(2));
            fs::remove_dir(&self.0).is_ok()
        });
        assert!(gone || std::thread::panicking(), "{} is still there", self.0.display());
    }
}

fn loaded(call: &str, text: &str) -> LoadedPrograms {
    let text = format!("Policy: /bin/x, Emulation: native\n{text}");
    let set = compile(&Source::new("p", text), &|_| None).expect("a policy").set;
    let form = registry::call_named(call).expect("a call").form_ids().next().expect("a form");
    let judged = rules(&set.policies[0], form).expect("rules on addresses");
    let programs = programs(call, &judged).expect("short programs").into_iter();
    let programs =
        programs.map(|one| SocketProgram { hook: one.hook as u32, code: one.program.to_bytes() });
    LoadedPrograms::load(&programs.collect::<Vec<_>>()).expect("the verifier takes them")
}

/// What each attempt of a process in the group came to: `ok` or the number of an error.
fn tried(group: &Group, attempts: &[&str]) -> Vec<String> {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "sockets::victim", "--ignored", "--nocapture", "--test-threads=1"])
        .env("GROUP", &group.0)
        .env("ATTEMPTS", attempts.join(";"))
        .output()
        .expect("the victim runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let seen = text.lines().filter_map(|line| line.strip_prefix("outcome "));
    let seen: Vec<_> = seen.map(str::to_owned).collect();
    assert_eq!(seen.len(), attempts.len(), "{text}");
    seen
}

#[test]
#[ignore = "run by the others, in a control group"]
fn victim() {
    let (Ok(group), Ok(attempts)) = (std::env::var("GROUP"), std::env::var("ATTEMPTS")) else {
        return;
    };
    let before = UdpSocket::bind("127.0.0.1:0").expect("a socket from elsewhere");
    fs::write(PathBuf::from(group).join("cgroup.procs"), "0").expect("the group lets us in");
    println!();
    for attempt in attempts.split(';') {
        let (kind, address) = attempt.split_once(' ').expect("a kind and an address");
        let socket = |address: &str| address.parse::<SocketAddr>().expect("an address");
        let any = |address: &str| if address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
        let outcome: Result<(), Error> = match kind {
            "tcp" => TcpStream::connect_timeout(&socket(address), Duration::from_secs(2)).map(drop),
            "udp" => UdpSocket::bind(any(address)).and_then(|from| from.connect(socket(address))),
            "mapped" => UdpSocket::bind("[::]:0").and_then(|from| from.connect(socket(address))),
            "unix" => UnixStream::connect(address).map(drop),
            "bind" => UdpSocket::bind(socket(address)).map(drop),
            "listen" => TcpListener::bind(socket(address)).map(drop),
            "before" => before.connect(socket(address)),
            _ => panic!("{kind}"),
        };
        match outcome.map_err(|error| error.raw_os_error().unwrap_or_default()) {
            Ok(()) => println!("outcome ok"),
            Err(errno) => println!("outcome {errno}"),
        }
    }
}

#[test]
fn connections_are_judged_in_the_kernel() {
    let group = Group::new("connect");
    let programs = loaded(
        "connect",
        "native-connect: sockaddr eq \"inet-[127.0.0.1]:9\" then deny[enetunreach]\n\
         native-connect: sockaddr match \"inet-*:9\" then permit\n\
         native-connect: sockaddr match \"inet-\\\\[127.1.*\\\\]:*\" then permit\n",
    );
    programs.attach(File::open(&group.0).expect("the group").as_fd()).expect("attached");
    let seen = tried(
        &group,
        &[
            "udp 127.0.0.2:9",
            "udp 127.0.0.1:9",
            "udp 127.0.0.2:10",
            "udp 127.1.2.3:10",
            "tcp 127.0.0.2:9",
            "tcp 127.0.0.2:10",
            "udp [::1]:9",
            "udp [::1]:10",
            "mapped [::ffff:127.0.0.2]:9",
            "mapped [::ffff:127.0.0.1]:9",
            "mapped [::ffff:127.0.0.2]:10",
            "tcp [::ffff:127.0.0.1]:9",
            "unix /nonexistent/socket",
            "before 127.0.0.2:10",
        ],
    );
    let [denied, refused, unreachable] =
        [libc::EPERM, libc::ECONNREFUSED, libc::ENETUNREACH].map(|errno| errno.to_string());
    let expected = [
        "ok",
        &unreachable,
        &denied,
        "ok",
        &refused,
        &denied,
        "ok",
        &denied,
        "ok",
        &unreachable,
        &denied,
        &unreachable,
        // The kernel judges before it looks for the file.
        &denied,
        // Why a process joins before it can make a socket.
        "ok",
    ];
    assert_eq!(seen, expected);
    let mut denials = Denials::of(&programs).expect("a ring");
    let told: Vec<_> = std::iter::from_fn(|| denials.take()).collect();
    assert_eq!(told.len(), 8, "{told:#?}");
    assert_eq!(denials.lost(&programs), 0);
    let shown = |at: usize| {
        let text = policy::sockaddr::reached("connect", &told[at].address);
        String::from_utf8_lossy(&policy::sockaddr::print_sockaddr(&text)).into_owned()
    };
    assert_eq!((shown(0), told[0].cause), ("inet-[127.0.0.1]:9".into(), Cause::Rule(0)));
    assert_eq!(told[0].errno, libc::ENETUNREACH as u32);
    assert_eq!((shown(1), told[1].cause), ("inet-[127.0.0.2]:10".into(), Cause::NoRule));
    assert_eq!(shown(3), "inet-[::1]:10");
    assert_eq!(shown(4), "inet-[127.0.0.1]:9");
    assert_eq!(shown(7), "/nonexistent/socket");
}

#[test]
fn bindings_are_judged_in_the_kernel() {
    let group = Group::new("bind");
    let programs = loaded(
        "bind",
        "native-bind: sockaddr match \"inet-*:0\" then permit\n\
         native-bind: sockaddr eq \"inet-[127.0.0.1]:47111\" then permit\n",
    );
    programs.attach(File::open(&group.0).expect("the group").as_fd()).expect("attached");
    let seen = tried(
        &group,
        &[
            "bind 127.0.0.1:47111",
            "bind 127.0.0.1:47112",
            "bind 0.0.0.0:0",
            "listen [::1]:0",
            "listen [::1]:47111",
        ],
    );
    let denied = libc::EPERM.to_string();
    assert_eq!(seen, ["ok", &denied, "ok", "ok", &denied]);
}

#[test]
fn the_verifier_takes_thousands_of_rules() {
    let rules: String = (0..2000)
        .map(|at| {
            format!(
                "native-connect: sockaddr eq \"inet-[10.0.{}.{}]:{at}\" then permit\n",
                at / 256,
                at % 256
            )
        })
        .collect();
    loaded("connect", &rules);
}

#[test]
fn denials_without_room_are_counted() {
    let group = Group::new("lost");
    let programs = loaded("connect", "native-connect: sockaddr match \"inet-*:9\" then permit\n");
    programs.attach(File::open(&group.0).expect("the group").as_fd()).expect("attached");
    let seen = tried(&group, &["udp 127.0.0.1:10"; 1000]);
    assert!(seen.iter().all(|outcome| *outcome == libc::EPERM.to_string()));
    let mut denials = Denials::of(&programs).expect("a ring");
    let told = std::iter::from_fn(|| denials.take()).count() as u64;
    let lost = denials.lost(&programs);
    assert!(told > 300 && lost > 0 && told + lost == 1000, "{told} told, {lost} lost");
    assert_eq!(denials.lost(&programs), 0);
}
