//! connect, bind and sendto: to what rules permit, and to nothing else.

use crate::stage::{Stage, Test, wait_until};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::PathBuf;
use std::process::Stdio;

pub const TESTS: &[Test] = &[
    ("sockets::connect_where_permitted", tcp),
    ("sockets::bind_where_permitted_and_with_the_callers_powers", binding),
    ("sockets::datagrams_where_permitted", datagrams),
    ("sockets::the_caller_gets_the_signal_of_a_broken_stream", broken),
    ("sockets::unix_sockets_by_their_resolved_name", unix),
    ("sockets::the_other_side_sees_the_callers_user", peer),
    ("sockets::a_raced_address_is_never_reached", race),
    ("sockets::a_signal_ends_a_connect_that_hangs", alarmed),
    ("sockets::a_connect_is_restarted_if_the_handler_says_so", restarted),
    ("sockets::calls_that_hang_hold_up_no_others", crowd),
    ("sockets::a_dead_caller_ends_a_connect_that_hangs", dead),
];

const CALLS: &[&str] = &["connect", "bind", "sendto", "execve"];

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn policy(rules: &[String]) -> String {
    format!("Policy: /any, Emulation: native\n {}\n", rules.join("\n "))
}

fn tcp() {
    let ((_good, good), (_bad, bad)) = (listen(), listen());
    let rule = format!("native-connect: sockaddr eq \"inet-[127.0.0.1]:{good}\" then permit");
    let stage = Stage::new(&policy(&[rule]), CALLS);
    let told = stage.work(&[
        "connect",
        &format!("127.0.0.1:{good}"),
        ",",
        "connect",
        &format!("127.0.0.1:{bad}"),
        ",",
        "connect",
        &format!("[::ffff:127.0.0.1]:{good}"),
        ",",
        "connect",
        &format!("[::1]:{good}"),
    ]);
    assert_eq!(told, "ok\nEPERM\nok\nEPERM");
    let audit = stage.audit();
    assert_eq!(audit[0]["arguments"]["sockaddr"], format!("inet-[127.0.0.1]:{bad}"));
    assert_eq!(audit[0]["call"], "connect");
}

fn binding() {
    let rules = ["80", "81"].map(|port| {
        format!(
            "native-bind: sockaddr eq \"inet-[127.0.0.1]:{port}\" then {}",
            if port == "80" { "permit" } else { "deny[eacces]" }
        )
    });
    let stage = Stage::new(&policy(&rules), CALLS);
    let told = stage.work(&[
        "bind",
        "127.0.0.1:80",
        ",",
        "bind",
        "127.0.0.1:81",
        ",",
        "bind",
        "127.0.0.1:82",
        ",",
        "as",
        "65534",
        ",",
        "bind",
        "127.0.0.1:80",
    ]);
    // Without the capability the kernel refuses what the rule permits.
    assert_eq!(told, "ok\nEACCES\nEPERM\nok\nEACCES");
    let audit = stage.audit();
    assert_eq!(audit[0]["rule"], "test.policy:3");
    assert_eq!(audit[0]["errno"], "EACCES");
}

fn datagrams() {
    let [good, bad] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let [to_good, to_bad] = [&good, &bad].map(|socket| socket.local_addr().unwrap());
    let rule =
        format!("native-sendto: sockaddr eq \"inet-[127.0.0.1]:{}\" then permit", to_good.port());
    let stage = Stage::new(&policy(&[rule]), CALLS);
    let told = stage.work(&[
        "send",
        &to_good.to_string(),
        "hello",
        ",",
        "send",
        &to_bad.to_string(),
        "hello",
    ]);
    assert_eq!(told, "5\nEPERM");
    let mut text = [0; 10];
    assert_eq!(good.recv(&mut text).unwrap(), 5);
    assert_eq!(&text[..5], b"hello");
    bad.set_nonblocking(true).unwrap();
    assert!(bad.recv(&mut text).is_err());
}

fn broken() {
    let rule = "native-sendto: sockaddr sub \"inet-\" then permit".to_owned();
    let stage = Stage::new(&policy(&[rule]), CALLS);
    let work = ["loud", "quiet"].map(|flags| ["send-unconnected", flags, "127.0.0.1:9"]);
    let told = stage.work(&work.join(&","));
    assert_eq!(told, "EPIPE 1\nEPIPE 0");
}

/// A folder for a test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Accepts connections for ever, and tells each what is asked for.
fn serve(path: &str, tell: fn(&std::os::unix::net::UnixStream) -> String) {
    let listener = UnixListener::bind(path).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let text = tell(&stream);
            let _ = stream.write_all(text.as_bytes());
        }
    });
}

fn unix() {
    let folder = Folder::new("unix");
    let [good, bad, link, log] = ["good", "bad", "link", "log"].map(|name| folder.path(name));
    serve(&good, |_| "good".into());
    serve(&bad, |_| "bad".into());
    symlink("bad", &link).unwrap();
    let datagrams = UnixDatagram::bind(&log).unwrap();
    let rules = [
        format!("native-connect: sockaddr eq \"{bad}\" then deny[eacces]"),
        "native-connect: sockaddr match \"/*\" then permit".to_owned(),
        format!("native-sendto: sockaddr eq \"{log}\" then permit"),
    ];
    let stage = Stage::new(&policy(&rules), CALLS);
    let told = stage.work(&[
        "unix",
        &good,
        ",",
        "unix",
        &bad,
        ",",
        "unix",
        &link,
        ",",
        "unix",
        &folder.path("none"),
        ",",
        "send",
        &log,
        "line",
    ]);
    assert_eq!(told, "good\nEACCES\nEACCES\nENOENT\n4");
    let mut text = [0; 10];
    assert_eq!(datagrams.recv(&mut text).unwrap(), 4);
}

fn peer() {
    let folder = Folder::new("peer");
    let path = folder.path("who");
    serve(&path, |stream| {
        use nix::sys::socket::{getsockopt, sockopt};
        getsockopt(stream, sockopt::PeerCredentials).unwrap().uid().to_string()
    });
    let rule = format!("native-connect: sockaddr eq \"{path}\" then permit");
    let stage = Stage::new(&policy(&[rule]), CALLS);
    let told = stage.work(&["unix", &path, ",", "as", "65534", ",", "unix", &path]);
    assert_eq!(told, "0\nok\n65534");
}

fn race() {
    let ((good, to_good), (bad, to_bad)) = (listen(), listen());
    let rule = format!("native-connect: sockaddr eq \"inet-[127.0.0.1]:{to_good}\" then permit");
    let stage = Stage::new(&policy(&[rule]), CALLS);
    std::thread::spawn(move || good.incoming().count());
    let told = stage.work(&["race-connect", &to_good.to_string(), &to_bad.to_string(), "500"]);
    assert_eq!(told, "both", "there was no race");
    bad.set_nonblocking(true).unwrap();
    assert!(bad.accept().is_err(), "a connection that no rule permits");
}

/// A port whose queue is full: a further connect gets no answer.
fn full_queue() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
    use nix::sys::socket::Backlog;
    let (listener, _) = listen();
    nix::sys::socket::listen(&listener, Backlog::new(0).unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let patience = std::time::Duration::from_millis(200);
    let streams = std::iter::from_fn(|| TcpStream::connect_timeout(&address, patience).ok());
    let streams = streams.take(10).collect();
    (listener, streams, address)
}

fn alarmed() {
    let (_listener, _streams, address) = full_queue();
    let rule = "native-connect: sockaddr sub \"inet-\" then permit".to_owned();
    let stage = Stage::new(&policy(&[rule]), CALLS);
    let told = stage.work(&["alarmed", "interrupt", &address.to_string()]);
    assert_eq!(told, "EINTR soon");
}

fn restarted() {
    let (listener, _streams, address) = full_queue();
    let rule = "native-connect: sockaddr sub \"inet-\" then permit".to_owned();
    let stage = Stage::new(&policy(&[rule]), CALLS);
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        listener.incoming().take(20).count()
    });
    let told = stage.work(&["alarmed", "restart", &address.to_string()]);
    assert!(told == "ok late" || told == "ok soon", "{told}");
    assert!(
        stage.audit()[0]["summary"]["permitted"].as_u64() >= Some(2),
        "it was asked about twice"
    );
}

fn crowd() {
    let (_listener, _streams, address) = full_queue();
    let rules = ["native-connect: sockaddr sub \"inet-\" then permit", "native-getppid: permit"];
    let stage = Stage::new(&policy(&rules.map(str::to_owned)), &["connect", "execve", "getppid"]);
    assert_eq!(stage.work(&["crowd", "20", &address.to_string()]), "ok soon");
    assert_eq!(stage.audit().len(), 1);
}

fn dead() {
    let (_listener, _streams, address) = full_queue();
    let rule = "native-connect: sockaddr sub \"inet-\" then permit".to_owned();
    let stage = Stage::new(&policy(&[rule]), CALLS);
    let program = crate::stage::program();
    let work = [program.to_str().unwrap(), "work", "connect", &address.to_string()];
    let mut caller = stage.command(&work).stdout(Stdio::null()).spawn().unwrap();
    let name = format!("/proc/{}/syscall", caller.id());
    let connecting = format!("{} ", libc::SYS_connect);
    wait_until("the connect", || {
        std::fs::read_to_string(&name).is_ok_and(|text| text.starts_with(&connecting))
    });
    std::thread::sleep(std::time::Duration::from_millis(50));
    caller.kill().unwrap();
    caller.wait().unwrap();
    let audit = stage.audit();
    assert_eq!(audit.len(), 1, "{audit:?}");
}
