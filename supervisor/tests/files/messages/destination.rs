//! Where a message goes, also while others change that.

use super::*;

fn one_port(port: u16) -> String {
    let rule =
        |call| format!("\tnative-{call}: sockaddr eq \"inet-[127.0.0.1]:{port}\" then permit\n");
    let rest = PERMIT.lines().take(6).collect::<Vec<_>>().join("\n");
    format!("{rest}\n{}{}", rule("sendmsg"), rule("sendto"))
}

#[test]
fn nothing_goes_where_it_may_not() {
    let [good, bad] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let [to_good, to_bad] = [&good, &bad].map(|socket| socket.local_addr().unwrap().port());
    let told = victim::run(Some(&one_port(to_good)), || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let [one, other] = [to_good, to_bad].map(|port| Message::to(v4(port), "x"));
        let route = [0x83, 7, 4, 127, 0, 0, 2, 0];
        let routed = one.clone().with(libc::SOL_IP, libc::IP_RETOPTS, &route);
        socket.connect(("127.0.0.1", to_bad)).unwrap();
        let connected = Message::to(Vec::new(), "x").send(&socket, 0);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let rows = [vec![one.clone(), other.clone()], vec![one.clone(), one.clone()]];
        let rows = rows.map(|row| send_many(&socket, &row, None, 2));
        format!(
            "{} {} {} {connected} {rows:?}",
            one.send(&socket, 0),
            other.send(&socket, 0),
            routed.send(&socket, 0)
        )
        .into_bytes()
    });
    let expected = r#"1 -1 -1 -1 ["-1 [0, 0]", "2 [1, 1]"]"#;
    assert_eq!(String::from_utf8(told).unwrap(), expected);
    assert!(receive(&bad).0.is_empty());
    assert_eq!([0, 1, 2, 3].map(|_| receive(&good).0.len()), [1, 1, 1, 0]);
}

/// Another thread changes where the message goes, and what the message is, while it is judged.
#[test]
fn a_raced_message_arrives_nowhere_else() {
    let arrivals = |supervised: bool| {
        let sockets = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let [good, _] = sockets.each_ref().map(|socket| socket.local_addr().unwrap().port());
        let policy = one_port(good);
        let told = victim::run(supervised.then_some(policy.as_str()), || race(&sockets));
        let told = String::from_utf8(told).unwrap();
        let (good, bad) = told.split_once(' ').unwrap();
        (good.parse::<u32>().unwrap(), bad.parse::<u32>().unwrap())
    };
    let (good, bad) = arrivals(false);
    assert!(good > 0 && bad > 0, "no race without supervision: {good} {bad}");
    let (good, bad) = arrivals(true);
    assert!(good > 0, "nothing arrived");
    assert_eq!(bad, 0, "the race was won");
}

fn race(sockets: &[UdpSocket; 2]) -> Vec<u8> {
    let [good, bad] = sockets.each_ref().map(|socket| socket.local_addr().unwrap().port());
    let mut arrived = [0, 0];
    let word = |port: u16| u64::from_ne_bytes(v4(port)[..8].try_into().unwrap());
    let name = [AtomicU64::new(word(good)), AtomicU64::new(0)];
    let other = [AtomicU64::new(word(bad)), AtomicU64::new(0)];
    let (payload, over) = ([b'x'; 8], AtomicBool::new(false));
    let parts = [payload.as_ptr() as u64, 1];
    let address = |name: &[AtomicU64; 2]| name.as_ptr() as u64;
    let header: [AtomicU64; 8] =
        [address(&name), 16, parts.as_ptr() as u64, 1, 0, 0, 0, 0].map(AtomicU64::new);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Relaxed) {
                name[0].store(word(bad), Relaxed);
                header[0].store(address(&other), Relaxed);
                (0..100).for_each(|_| std::hint::spin_loop());
                header[0].store(address(&name), Relaxed);
                name[0].store(word(good), Relaxed);
                (0..100).for_each(|_| std::hint::spin_loop());
            }
        });
        let start = std::time::Instant::now();
        for round in (0..).take_while(|_| start.elapsed().as_millis() < 700) {
            let call = if round % 2 == 0 { libc::SYS_sendmsg } else { libc::SYS_sendmmsg };
            let arguments = [
                socket.as_raw_fd() as u64,
                header.as_ptr() as u64,
                u64::from(round % 2 == 1),
                0,
                0,
                0,
            ];
            let sent = sys::call(call, arguments);
            assert!(sent == 1 || sent == -(Errno::EPERM as i64), "{sent}");
            for (arrived, socket) in arrived.iter_mut().zip(sockets) {
                *arrived += u32::from(!receive(socket).0.is_empty());
            }
        }
        over.store(true, Relaxed);
    });
    format!("{} {}", arrived[0], arrived[1]).into_bytes()
}
