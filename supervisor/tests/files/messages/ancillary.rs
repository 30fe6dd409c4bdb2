//! What comes beside the bytes: descriptors and credentials.

use super::*;

fn fds(sockets: &[i32]) -> Vec<u8> {
    sockets.iter().flat_map(|fd| fd.to_ne_bytes()).collect()
}

fn ucred(pid: i32, uid: u32, gid: u32) -> Vec<u8> {
    [pid.to_ne_bytes(), uid.to_ne_bytes(), gid.to_ne_bytes()].concat()
}

const RIGHTS: (i32, i32) = (libc::SOL_SOCKET, libc::SCM_RIGHTS);
const CREDENTIALS: (i32, i32) = (libc::SOL_SOCKET, libc::SCM_CREDENTIALS);

#[test]
fn credentials_are_the_callers() {
    compare(|| {
        let own = std::process::id() as i32;
        let (uid, gid) = (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw());
        let receiver = UnixDatagram::bind("/tmp/receiver").unwrap();
        on(&receiver, libc::SOL_SOCKET, libc::SO_PASSCRED);
        let abstract_name = [&1_u16.to_ne_bytes()[..], b"\0messages"].concat();
        let sender = UnixDatagram::unbound().unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        on(&far, libc::SOL_SOCKET, libc::SO_PASSCRED);
        let to = |text: &str| Message::to(unix("/tmp/receiver"), text);
        let name = |message: Message, (level, kind): (i32, i32), data: &[u8]| {
            message.with(level, kind, data)
        };
        let mut report = Vec::new();
        for message in [
            to("plain"),
            name(to("named"), CREDENTIALS, &ucred(own, uid, gid)),
            name(to("other process"), CREDENTIALS, &ucred(own + 1, uid, gid)),
            name(to("no process"), CREDENTIALS, &ucred(0, uid, gid)),
            name(to("other user"), CREDENTIALS, &ucred(own, 4321, gid)),
            name(to("other group"), CREDENTIALS, &ucred(own, uid, 4321)),
            name(to("short"), CREDENTIALS, &[0; 4]),
            Message::to(unix("/tmp/../tmp/receiver"), "same"),
            Message::to(unix("/tmp/missing"), "missing"),
            Message::to(unix("/data/file"), "no socket"),
            Message::to(unix("/data/socket"), "a stream"),
            Message::to(abstract_name, "abstract"),
        ] {
            // Root may name other processes; nobody can do that for it, and it is said so.
            if uid != 0 || !message.parts[0].ends_with(b"process") {
                report.push(format!("{} {}", message.send(&sender, 0), told(&receiver)));
            }
        }
        let message = Message::to(Vec::new(), "stream");
        report.push(format!("{} {}", message.send(&near, 0), told(&far)));
        let long = Message::to(Vec::new(), &"x".repeat(150_000)).send(&near, libc::MSG_DONTWAIT);
        let senders: std::collections::BTreeSet<_> =
            std::iter::from_fn(|| Some(receive(&far)).filter(|(bytes, _)| !bytes.is_empty()))
                .flat_map(|(_, items)| items)
                .collect();
        report.push(format!("{long} {senders:?}"));
        let path = unix("/tmp/receiver");
        let arguments = [
            sender.as_raw_fd() as u64,
            path.as_ptr() as u64,
            5,
            0,
            path.as_ptr() as u64,
            path.len() as u64,
        ];
        report.push(format!("{} {}", sys::call(libc::SYS_sendto, arguments), told(&receiver)));
        report
            .into_iter()
            .map(|line| line.replace(&format!("{:?}", own.to_ne_bytes()), "own"))
            .collect()
    });
}

/// What arrives must be the same open file.
fn content_of(items: &[Item]) -> String {
    let mut text = String::new();
    for (level, kind, data) in items {
        let numbers = data.chunks_exact(4).map(|n| i32::from_ne_bytes(n.try_into().unwrap()));
        if (*level, *kind) != RIGHTS {
            text += &format!("({level} {kind}) ");
            continue;
        }
        for number in numbers {
            let mut file = std::fs::File::from(sys::take(number.into()));
            let mut content = String::new();
            match file.read_to_string(&mut content) {
                Ok(_) => text += &format!("{content:?} "),
                Err(error) => text += &format!("{:?} ", error.raw_os_error()),
            }
        }
    }
    text
}

#[test]
fn descriptors_are_passed_along() {
    compare(|| {
        let receiver = UnixDatagram::bind("/tmp/receiver").unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        let to = || Message::to(unix("/tmp/receiver"), "fd");
        let open = |path| std::fs::File::open(path).unwrap();
        let (file, again, folder) = (open("/data/file"), open("/data/file"), open("/data"));
        let [a, b, c] = [&file, &again, &folder].map(AsRawFd::as_raw_fd);
        let rights =
            |message: Message, numbers: &[i32]| message.with(RIGHTS.0, RIGHTS.1, &fds(numbers));
        let mut report = Vec::new();
        for message in [
            rights(to(), &[a]),
            rights(to(), &[a, b, c]),
            rights(rights(to(), &[a]), &[b]),
            rights(to(), &[]),
            rights(to(), &[999]),
            rights(to(), &[a, -1]),
            rights(to(), &[b; 253]),
            rights(to(), &[b; 254]),
            rights(rights(to(), &[b; 200]), &[b; 54]),
            Message { control: vec![1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], ..to() },
            Message { control: [&[99_u8][..], &[0; 30]].concat(), ..to() },
            Message { control: vec![7; 9], ..to() },
            rights(to(), &[b]).with(libc::SOL_SOCKET, 99, &[0; 4]),
            to().with(libc::SOL_IP, libc::IP_TTL, &[1, 0, 0, 0]),
        ] {
            let sent = message.send(&sender, 0);
            let (bytes, items) = receive(&receiver);
            report.push(format!("{sent} {} {}", bytes.escape_ascii(), content_of(&items)));
            std::io::Seek::rewind(&mut &again).unwrap();
        }
        for (socket, other) in [(&near, &far), (&far, &near)] {
            let sent = rights(Message::to(Vec::new(), "s"), &[b]).send(socket, 0);
            let (bytes, items) = receive(other);
            report.push(format!("{sent} {} {}", bytes.escape_ascii(), content_of(&items)));
            std::io::Seek::rewind(&mut &again).unwrap();
        }
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = udp.local_addr().unwrap().port();
        let sent = rights(Message::to(v4(port), "udp"), &[a]).send(&udp, 0);
        report.push(format!("{sent} {}", told(&udp)));
        report
    });
}
