//! sendmsg(2), sendmmsg(2), sendto(2): what arrives, from whom, and what does not.

mod ancillary;
mod destination;

use crate::{sys, twin, user, victim};
use nix::errno::Errno;
use std::io::Read;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Permits every message, but looks at each.
const PERMIT: &str = r#"Policy: /victim, Emulation: native
	native-fsread: permit
	native-fswrite: permit
	native-chdir: permit
	native-bind: permit
	native-connect: permit
	native-sendto: not sockaddr eq "nowhere" then permit
	native-sendmsg: not sockaddr eq "nowhere" then permit
"#;

/// A message as the kernel takes it.
#[derive(Default, Clone)]
pub struct Message {
    pub name: Vec<u8>,
    pub parts: Vec<Vec<u8>>,
    pub control: Vec<u8>,
}

impl Message {
    fn to(name: Vec<u8>, text: &str) -> Self {
        Self { name, parts: vec![text.as_bytes().to_vec()], ..Self::default() }
    }

    fn with(mut self, level: i32, kind: i32, data: &[u8]) -> Self {
        self.control.resize(self.control.len().next_multiple_of(8), 0);
        self.control.extend((16 + data.len()).to_ne_bytes());
        self.control.extend([level.to_ne_bytes(), kind.to_ne_bytes()].concat());
        self.control.extend(data);
        self
    }

    /// `struct msghdr`, and the list that it points to.
    fn header(&self) -> ([u64; 8], Vec<u64>) {
        let pointer = |bytes: &[u8]| if bytes.is_empty() { 0 } else { bytes.as_ptr() as u64 };
        let parts: Vec<u64> =
            self.parts.iter().flat_map(|part| [part.as_ptr() as u64, part.len() as u64]).collect();
        let control = (pointer(&self.control), self.control.len() as u64);
        let name = (pointer(&self.name), self.name.len() as u64);
        let list = (parts.as_ptr() as u64, self.parts.len() as u64);
        ([name.0, name.1, list.0, list.1, control.0, control.1, 0, 0], parts)
    }

    fn send(&self, socket: &impl AsRawFd, flags: i32) -> i64 {
        let (header, _parts) = self.header();
        raw(libc::SYS_sendmsg, socket, header.as_ptr() as u64, flags)
    }
}

fn raw(call: i64, socket: &impl AsRawFd, header: u64, flags: i32) -> i64 {
    sys::call(call, [socket.as_raw_fd() as u64, header, flags as u64, 0, 0, 0])
}

/// Level, type and data of one item beside the bytes.
type Item = (i32, i32, Vec<u8>);

/// What one recvmsg(2) brought: the bytes, and the items beside them.
fn receive(socket: &impl AsRawFd) -> (Vec<u8>, Vec<Item>) {
    let (mut bytes, mut control) = (vec![0; 4096], vec![0_u8; 2048]);
    let part = [bytes.as_mut_ptr() as u64, bytes.len() as u64];
    let header =
        [0, 0, part.as_ptr() as u64, 1, control.as_mut_ptr() as u64, control.len() as u64, 0, 0];
    let header = std::hint::black_box(header);
    let got = raw(libc::SYS_recvmsg, socket, header.as_ptr() as u64, libc::MSG_DONTWAIT);
    if got < 0 {
        return (Vec::new(), Vec::new());
    }
    bytes.truncate(got as usize);
    let length = std::hint::black_box(&header)[5] as usize;
    let word = |at: usize| i32::from_ne_bytes(control[at..at + 4].try_into().unwrap());
    let (mut items, mut at) = (Vec::new(), 0);
    while at + 16 <= length {
        let size = word(at) as usize;
        items.push((word(at + 8), word(at + 12), control[at + 16..at + size].to_vec()));
        at += size.next_multiple_of(8);
    }
    (bytes, items)
}

fn v4(port: u16) -> Vec<u8> {
    inet(libc::AF_INET, port)
}

fn inet(family: i32, port: u16) -> Vec<u8> {
    [&(family as u16).to_ne_bytes()[..], &port.to_be_bytes(), &[127, 0, 0, 1], &[0; 8]].concat()
}

fn mapped(port: u16) -> Vec<u8> {
    let address = std::net::Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets();
    let family = (libc::AF_INET6 as u16).to_ne_bytes();
    [&family[..], &port.to_be_bytes(), &[0; 4], &address, &[0; 4]].concat()
}

fn unix(path: &str) -> Vec<u8> {
    [&(libc::AF_UNIX as u16).to_ne_bytes()[..], path.as_bytes(), &[0]].concat()
}

fn on(socket: &impl AsRawFd, level: i32, option: i32) {
    let one = std::hint::black_box(1_i32);
    let arguments =
        [socket.as_raw_fd() as u64, level as u64, option as u64, (&raw const one) as u64, 4, 0];
    assert_eq!(sys::call(libc::SYS_setsockopt, arguments), 0);
}

/// Runs the same with and without supervision, as root and as a user.
fn compare(body: fn() -> Vec<String>) {
    for prepare in [|| {}, || user::become_user(1000, 1000, &[])] {
        let run = |policy| {
            let told = victim::run(policy, || {
                prepare();
                body().join("\n").into_bytes()
            });
            String::from_utf8(told).unwrap()
        };
        let (native, supervised) = (run(None), run(Some(PERMIT)));
        assert_eq!(native.lines().collect::<Vec<_>>(), supervised.lines().collect::<Vec<_>>());
    }
}

fn told(socket: &impl AsRawFd) -> String {
    let (bytes, items) = receive(socket);
    format!("{} {items:?}", bytes.escape_ascii())
}

/// `struct mmsghdr` for each.
fn send_many(
    socket: &impl AsRawFd,
    messages: &[Message],
    broken: Option<usize>,
    count: u32,
) -> String {
    let headers: Vec<_> = messages.iter().map(Message::header).collect();
    let mut row: Vec<u64> = headers.iter().flat_map(|(header, _)| *header).collect();
    if let Some(broken) = broken {
        row[8 * broken + 2] = 1;
    }
    let arguments = [socket.as_raw_fd() as u64, row.as_mut_ptr() as u64, count.into(), 0, 0, 0];
    let sent = sys::call(libc::SYS_sendmmsg, arguments);
    let row = std::hint::black_box(&row);
    let lengths: Vec<u64> = row.chunks(8).map(|header| header[7] & 0xffff_ffff).collect();
    format!("{sent} {lengths:?}")
}

#[test]
fn datagrams_of_the_internet() {
    compare(|| {
        let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let port = other.local_addr().unwrap().port();
        let six = UdpSocket::bind("[::]:0").unwrap();
        on(&other, libc::SOL_IP, libc::IP_RECVTTL);
        on(&other, libc::SOL_IP, libc::IP_RECVTOS);
        let mut parts = Message::to(v4(port), "a");
        parts.parts.extend([Vec::new(), b"bc".to_vec(), b"def".to_vec()]);
        let ttl =
            Message::to(v4(port), "ttl").with(libc::SOL_IP, libc::IP_TTL, &7_i32.to_ne_bytes());
        let info = [1_i32.to_ne_bytes(), [127, 0, 0, 1], [0; 4]].concat();
        let info = Message::to(v4(port), "info").with(libc::SOL_IP, libc::IP_PKTINFO, &info);
        let hops = Message::to(mapped(port), "tos").with(libc::SOL_IP, libc::IP_TOS, &[8, 0, 0, 0]);
        let mut report = Vec::new();
        let buffer = nix::sys::socket::sockopt::SndBuf;
        nix::sys::socket::setsockopt(&six, buffer, &4096).unwrap();
        for (socket, message) in [
            (&six, Message::to(v4(port), &"x".repeat(60_000))),
            (&one, parts),
            (&one, ttl),
            (&one, info),
            (&six, Message::to(mapped(port), "mapped")),
            (&six, hops),
            (&six, Message::to(v4(port), "four")),
            (&one, Message::to(mapped(port), "six")),
            (&one, Message::to(inet(libc::AF_UNSPEC, port), "unspecified")),
            (&one, Message::to(v4(port)[..15].to_vec(), "short")),
            (&one, Message::to([v4(port), vec![0; 200]].concat(), "long")),
            (&one, Message::to(unix("/x"), "unix")),
            (&one, Message::to(Vec::new(), "nowhere")),
            (&one, Message::to(v4(port), &"x".repeat(65508))),
            (&one, Message { name: v4(port), ..Message::default() }),
            (&one, Message::to(v4(port), "bad").with(libc::SOL_IP, libc::IP_TTL, &[0; 4])),
        ] {
            report.push(format!("{} {}", message.send(socket, 0), told(&other)));
        }
        one.connect(("127.0.0.1", port)).unwrap();
        report.push(format!("{} {}", Message::to(Vec::new(), "here").send(&one, 0), told(&other)));
        report
    });
}

#[test]
fn faulty_arguments() {
    compare(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let file: OwnedFd = std::fs::File::open("/data/file").unwrap().into();
        let message = Message::to(v4(port), "x");
        let (good, _parts) = message.header();
        let changed = |changes: &[(usize, u64)]| {
            let mut header = good;
            changes.iter().for_each(|(at, value)| header[*at] = *value);
            std::hint::black_box(header)
        };
        let bad = [u64::MAX, 9];
        let mut report = vec![
            raw(libc::SYS_sendmsg, &socket, 1, 0),
            raw(libc::SYS_sendmsg, &socket, 0, 0),
            raw(libc::SYS_sendmsg, &file, good.as_ptr() as u64, 0),
            sys::call(libc::SYS_sendmsg, [999, good.as_ptr() as u64, 0, 0, 0, 0]),
            sys::call(
                libc::SYS_sendmsg,
                [socket.as_raw_fd() as u64 | 0xffff_ffff << 32, good.as_ptr() as u64, 0, 0, 0, 0],
            ),
            raw(libc::SYS_sendmsg, &socket, good.as_ptr() as u64, libc::MSG_OOB),
        ];
        for changes in [
            &[(0, 1)][..],
            &[(1, u64::MAX)],
            &[(0, 0), (1, u64::MAX)],
            &[(1, 0)],
            &[(1, 1)],
            &[(1, 0xdead_beef_0000_0010)],
            &[(2, 1)],
            &[(3, 1025)],
            &[(3, 0)],
            &[(2, bad.as_ptr() as u64)],
            &[(2, [1_u64, 5].as_ptr() as u64)],
            &[(2, [1_u64, 0].as_ptr() as u64)],
            &[(4, 1), (5, 24)],
            &[(4, 1), (5, 0)],
            &[(4, 1), (5, 1 << 40)],
            &[(6, u64::MAX)],
        ] {
            let header = changed(changes);
            report.push(raw(libc::SYS_sendmsg, &socket, header.as_ptr() as u64, 0));
        }
        for arguments in [
            [1, 0, 0, 0, 0, 0],
            [good[0], 4, 0, good[0], 0, 0],
            [good[0], 4, 0, good[0], 129, 0],
            [1, 4, 0, good[0], good[1], 0],
            [good[0], 4, 0, 1, good[1], 0],
            [good[0], u64::MAX, 0, good[0], good[1], 0],
        ] {
            let [payload, length, flags, name, size, _] = arguments;
            let arguments = [socket.as_raw_fd() as u64, payload, length, flags, name, size];
            report.push(sys::call(libc::SYS_sendto, arguments));
        }
        report.iter().map(ToString::to_string).collect()
    });
}

#[test]
fn many_at_once() {
    compare(|| {
        let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let ports = [&one, &other].map(|socket| socket.local_addr().unwrap().port());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let row: Vec<Message> = ["a", "bb", "ccc", "dddd"]
            .iter()
            .enumerate()
            .map(|(at, text)| Message::to(v4(ports[at % 2]), text))
            .collect();
        let mut report = Vec::new();
        for (broken, count) in [(None, 4), (None, 0), (Some(2), 4), (Some(0), 4), (None, 2)] {
            report.push(send_many(&socket, &row, broken, count));
            for socket in [&one, &other] {
                report.push(format!("{} {} {}", told(socket), told(socket), told(socket)));
            }
        }
        let mut refused = row.clone();
        refused[1].name = unix("/x");
        report.push(send_many(&socket, &refused, None, 4));
        let arguments = [socket.as_raw_fd() as u64, 1, 3, 0, 0, 0];
        report.push(sys::call(libc::SYS_sendmmsg, arguments).to_string());
        report.push(sys::call(libc::SYS_sendmmsg, [999, 1, 0, 0, 0, 0]).to_string());
        report
    });
}

#[test]
fn streams_and_signals() {
    compare(|| {
        twin::count_pipe_signals();
        let (near, mut far) = UnixStream::pair().unwrap();
        let long = Message::to(Vec::new(), &"0123456789".repeat(600_000));
        let (sent, read) = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut bytes = vec![0; 6_000_000];
                far.read_exact(&mut bytes).unwrap();
                bytes.chunks(10).all(|chunk| chunk == b"0123456789")
            });
            (long.send(&near, 0), reader.join().unwrap())
        });
        let mut report = vec![format!("{sent} {read}")];
        let full = long.send(&near, libc::MSG_DONTWAIT);
        report.push(format!(
            "{} {}",
            full > 0,
            Message::to(Vec::new(), "x").send(&near, libc::MSG_DONTWAIT)
        ));
        report.push(Message::to(unix("/data/socket"), "x").send(&near, 0).to_string());
        drop(far);
        let short = Message::to(Vec::new(), "x");
        report.push(format!("{} {}", short.send(&near, 0), twin::PIPE_SIGNALS.load(Relaxed)));
        let quiet = short.send(&near, libc::MSG_NOSIGNAL);
        report.push(format!("{quiet} {}", twin::PIPE_SIGNALS.load(Relaxed)));
        let (near, far) = UnixDatagram::pair().unwrap();
        drop(far);
        report.push(format!("{} {}", short.send(&near, 0), twin::PIPE_SIGNALS.load(Relaxed)));
        let mut pair = std::hint::black_box([0_i32; 2]);
        let arguments = [1, libc::SOCK_SEQPACKET as u64, 0, pair.as_mut_ptr() as u64, 0, 0];
        assert_eq!(sys::call(libc::SYS_socketpair, arguments), 0);
        let [near, far] = std::hint::black_box(pair).map(|fd| sys::take(fd.into()));
        report.push(format!("{} {}", short.send(&near, libc::MSG_EOR), told(&far)));
        report
    });
}

#[test]
fn a_full_queue_is_waited_for() {
    compare(|| {
        let receiver = UnixDatagram::bind("/tmp/receiver").unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let message = Message::to(unix("/tmp/receiver"), "x");
        let mut queued = 0;
        while message.send(&sender, libc::MSG_DONTWAIT) == 1 {
            queued += 1;
        }
        let waited = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(std::time::Duration::from_millis(50));
                (0..queued).for_each(|_| drop(receive(&receiver)));
            });
            message.send(&sender, 0)
        });
        vec![format!("{} {waited}", queued > 1)]
    });
}

/// The kernel reads such a payload after the call, when it is not ours any more.
#[test]
fn without_a_copy() {
    compare(|| {
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        const SO_ZEROCOPY: i32 = 60;
        on(&socket, libc::SOL_SOCKET, SO_ZEROCOPY);
        let port = other.local_addr().unwrap().port();
        let texts = (0..20_u8)
            .map(|at| Message::to(v4(port), &char::from(b'a' + at).to_string().repeat(4000)));
        let sent: Vec<i64> = texts.map(|text| text.send(&socket, libc::MSG_ZEROCOPY)).collect();
        let got = sent.iter().map(|_| {
            let (bytes, _) = receive(&other);
            let same = bytes.iter().all(|byte| *byte == bytes[0]);
            format!("{} {} {same}", bytes.len(), bytes[0])
        });
        let mut report: Vec<String> = got.collect();
        report.push(format!("{sent:?}"));
        report
    });
}
