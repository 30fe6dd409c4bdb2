//! What confined programs do, and how they tell what came of it: `ok`, or the error's name.

use crate::sys::{self, Flipping};
use crate::{names, storm};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, SockaddrIn6, UnixAddr, bind, connect,
    sendto, socket,
};
use nix::unistd::{Gid, Uid, setgid, setuid};
use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// `work WHAT ARGUMENT…`, several separated by `,`: each tells what came of it in a line.
pub fn work(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    for words in words.split(|word| *word == ",") {
        match one(words) {
            Ok(text) => println!("{text}"),
            Err(errno) => println!("{errno:?}"),
        }
    }
    ExitCode::SUCCESS
}

fn one(words: &[&str]) -> Result<String, Errno> {
    match words {
        ["run", program, arguments @ ..] => run(program, arguments),
        ["in-thread", rest @ ..] => {
            std::thread::scope(|scope| scope.spawn(|| one(rest)).join().unwrap())
        }
        ["execveat", program, arguments @ ..] => Err(execveat(program, arguments)),
        ["race-exec", good, bad, times] => race_exec(good, bad, times.parse().unwrap()),
        ["race-descriptor", good, bad, times] => race_descriptor(good, bad, times.parse().unwrap()),
        ["race-argument", good, bad, times] => race_argument(good, bad, times.parse().unwrap()),
        ["getppid"] => parent(),
        ["storm", threads, milliseconds, folder] => {
            Ok(storm::storm(threads.parse().unwrap(), milliseconds.parse().unwrap(), folder))
        }
        ["until-it-fails", milliseconds] => {
            Ok(storm::until_it_fails(milliseconds.parse().unwrap()))
        }
        ["run-long", length] => run("/bin/true", &[&"x".repeat(length.parse().unwrap())]),
        ["execs", threads, times, what] => {
            Ok(storm::execs(threads.parse().unwrap(), times.parse().unwrap(), what))
        }
        ["denied", times] => Ok(storm::denied(times.parse().unwrap())),
        ["flood", threads, milliseconds] => {
            Ok(storm::flood(threads.parse().unwrap(), milliseconds.parse().unwrap()))
        }
        ["fifo-crowd", size, path] => fifo_crowd(size.parse().unwrap(), path),
        ["fifo", path] => storm::fifo(path),
        ["chdir"] => nix::unistd::chdir("/").map(|()| "ok".into()),
        ["crowd", size, address] => crowd(size.parse().unwrap(), address),
        ["as", user] => become_user(user.parse().unwrap()),
        ["connect", address] => tcp(address),
        ["bind", address] => bind_to(address),
        ["name", path] => names::name(path),
        ["names", folder, times] => names::names(folder, times.parse().unwrap()),
        ["send", address, text] => send(address, text),
        ["send-unconnected", flags, address] => send_unconnected(flags, address),
        ["udp", address] => udp(address),
        ["unix", path] => unix(path),
        ["race-connect", good, bad, times] => race_connect(good, bad, times.parse().unwrap()),
        ["time", times, rest @ ..] => time(times.parse().unwrap(), rest),
        ["alarmed", restart, address] => alarmed(*restart == "restart", address),
        other => panic!("unknown work {other:?}"),
    }
}

/// The median time of one such work, in nanoseconds, over eleven runs of so many.
fn time(times: u32, words: &[&str]) -> Result<String, Errno> {
    let mut runs = Vec::new();
    for _ in 0..11 {
        let start = Instant::now();
        for _ in 0..times {
            one(words)?;
        }
        runs.push(start.elapsed().as_nanos() / u128::from(times));
    }
    runs.sort_unstable();
    Ok(runs[5].to_string())
}

fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

/// Starts a program in a child; gives what it wrote, or how it ended.
fn run(program: &str, arguments: &[&str]) -> Result<String, Errno> {
    let output = Command::new(program).args(arguments).output().map_err(errno)?;
    let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    Ok(if output.status.success() { text } else { output.status.to_string() })
}

fn execveat(program: &str, arguments: &[&str]) -> Errno {
    let file = File::open(program).unwrap();
    let arguments: Vec<CString> =
        arguments.iter().map(|word| CString::new(*word).unwrap()).collect();
    sys::execveat(file.as_raw_fd(), c"", &arguments, libc::AT_EMPTY_PATH)
}

fn parent() -> Result<String, Errno> {
    // getppid(2) cannot fail, so libraries do not look: a denial shows as -1.
    Ok(if nix::unistd::getppid().as_raw() < 0 { "EPERM".into() } else { "ok".into() })
}

fn become_user(uid: u32) -> Result<String, Errno> {
    setgid(Gid::from_raw(uid))?;
    setuid(Uid::from_raw(uid))?;
    Ok("ok".into())
}

/// On a busy machine the thread that flips may rest for long: races go on until both texts were met, up to so many times.
const ROUNDS: usize = 20;

fn with_flips(flipping: &Flipping, act: impl FnOnce() -> String) -> String {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| flipping.flip(&over));
        let result = act();
        over.store(true, Ordering::Relaxed);
        result
    })
}

/// Starts one of two programs, whichever name stands there when the kernel looks.
fn race_exec(good: &str, bad: &str, times: usize) -> Result<String, Errno> {
    Ok(race(good, bad, times, |name| vec![name]))
}

/// Starts the program behind a descriptor that is a permitted program's or a copy of another one in memory.
fn race_descriptor(good: &str, bad: &str, times: usize) -> Result<String, Errno> {
    let (good, bad) = (File::open(good).unwrap(), std::fs::read(bad).unwrap());
    let mut copy = File::from(sys::memory_file());
    copy.write_all(&bad).unwrap();
    // No descriptor for writing may be left (ETXTBSY), or the race would always be won by an error.
    let path = format!("/proc/self/fd/{}", copy.as_raw_fd());
    let bad = File::open(path).unwrap();
    drop(copy);
    let raced = good.try_clone().unwrap();
    let over = AtomicBool::new(false);
    let told = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for file in [&bad, &good] {
                    sys::put_in_place(raced.as_raw_fd(), file.as_raw_fd());
                    (0..50).for_each(|_| std::hint::spin_loop());
                }
            }
        });
        let told = tally(times, || sys::run_raced_descriptor(raced.as_raw_fd()));
        over.store(true, Ordering::Relaxed);
        told
    });
    Ok(told)
}

/// Starts test(1) with an argument that is one or the other: it fails for the bad one.
fn race_argument(good: &str, bad: &str, times: usize) -> Result<String, Errno> {
    let fixed = CString::new(good).unwrap();
    let [program, equals] = [c"/bin/test", c"="].map(|word| word.as_ptr().cast::<u8>());
    Ok(race(good, bad, times, |argument| vec![program, argument, equals, fixed.as_ptr().cast()]))
}

/// Tells how often the good ran, the bad ran, and something else came of it.
fn race(
    good: &str,
    bad: &str,
    times: usize,
    words: impl Fn(*const u8) -> Vec<*const u8>,
) -> String {
    let text = |text: &str| CString::new(text).unwrap().into_bytes_with_nul();
    let flipping = Flipping::new(&text(good), &text(bad));
    with_flips(&flipping, || tally(times, || sys::run_raced(&words(flipping.pointer()))))
}

fn tally(times: usize, run: impl Fn() -> i32) -> String {
    let (mut ran, mut evil, mut other) = (0, 0, 0);
    for round in 0..ROUNDS * times {
        if round >= times && ran > 0 && other > 0 {
            break;
        }
        match run() {
            0 => ran += 1,
            status if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 1 => evil += 1,
            _ => other += 1,
        }
    }
    format!("{ran} {evil} {other}")
}

fn tcp(address: &str) -> Result<String, Errno> {
    let address: SocketAddr = address.parse().unwrap();
    TcpStream::connect(address).map_err(errno)?;
    Ok("ok".into())
}

fn open_socket(address: &SocketAddr, kind: SockType) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    socket(family, kind, SockFlag::SOCK_CLOEXEC, None)
}

fn bind_to(address: &str) -> Result<String, Errno> {
    let address: SocketAddr = address.parse().unwrap();
    let socket = open_socket(&address, SockType::Stream)?;
    match address {
        SocketAddr::V4(address) => bind(socket.as_raw_fd(), &SockaddrIn::from(address))?,
        SocketAddr::V6(address) => bind(socket.as_raw_fd(), &SockaddrIn6::from(address))?,
    }
    Ok("ok".into())
}

fn send(address: &str, text: &str) -> Result<String, Errno> {
    let sent = match address.parse() {
        Ok(SocketAddr::V4(to)) => {
            let socket = open_socket(&SocketAddr::V4(to), SockType::Datagram)?;
            sendto(socket.as_raw_fd(), text.as_bytes(), &SockaddrIn::from(to), MsgFlags::empty())?
        }
        _ => {
            let socket = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::empty(), None)?;
            let to = UnixAddr::new(address)?;
            sendto(socket.as_raw_fd(), text.as_bytes(), &to, MsgFlags::empty())?
        }
    };
    Ok(sent.to_string())
}

/// A stream that leads nowhere; tells the error and how many signals came with it.
fn send_unconnected(flags: &str, address: &str) -> Result<String, Errno> {
    let Ok(SocketAddr::V4(to)) = address.parse() else { panic!("{address}") };
    let socket = open_socket(&SocketAddr::V4(to), SockType::Stream)?;
    let flags = if flags == "quiet" { MsgFlags::MSG_NOSIGNAL } else { MsgFlags::empty() };
    sys::count_pipe_signals();
    let before = sys::PIPE_SIGNALS.load(Ordering::Relaxed);
    let result = sendto(socket.as_raw_fd(), b"x", &SockaddrIn::from(to), flags);
    let signals = sys::PIPE_SIGNALS.load(Ordering::Relaxed) - before;
    Ok(format!("{:?} {signals}", result.unwrap_err()))
}

fn udp(address: &str) -> Result<String, Errno> {
    let Ok(SocketAddr::V4(address)) = address.parse() else { panic!("{address}") };
    let socket = open_socket(&SocketAddr::V4(address), SockType::Datagram)?;
    connect(socket.as_raw_fd(), &SockaddrIn::from(address))?;
    Ok("ok".into())
}

/// Connects to a unix socket, and gives what the other side says.
fn unix(path: &str) -> Result<String, Errno> {
    let mut text = String::new();
    let mut stream = UnixStream::connect(path).map_err(errno)?;
    stream.read_to_string(&mut text).map_err(errno)?;
    Ok(text)
}

fn race_connect(good: &str, bad: &str, times: usize) -> Result<String, Errno> {
    let bytes = |port: &str| {
        let port: u16 = port.parse().unwrap();
        [&2_u16.to_ne_bytes()[..], &port.to_be_bytes(), &[127, 0, 0, 1], &[0; 8]].concat()
    };
    let address = Flipping::new(&bytes(good), &bytes(bad));
    Ok(with_flips(&address, || {
        let (mut made, mut denied) = (0, 0);
        for round in 0..ROUNDS * times {
            let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None);
            match sys::connect(socket.unwrap().as_raw_fd(), &address) {
                Ok(()) => made += 1,
                Err(_) => denied += 1,
            }
            if round >= times && made > 0 && denied > 0 {
                return "both".into();
            }
        }
        format!("{made} {denied}")
    }))
}

/// Many connects that hang, and meanwhile a call that does not. The process ends with its threads still in them.
fn crowd(size: usize, address: &str) -> Result<String, Errno> {
    for _ in 0..size {
        let address = address.to_owned();
        std::thread::spawn(move || tcp(&address));
    }
    std::thread::sleep(std::time::Duration::from_millis(200));
    let start = Instant::now();
    let told = parent()?;
    Ok(format!("{told} {}", if start.elapsed().as_millis() < 1000 { "soon" } else { "late" }))
}

/// Many opens that wait, and meanwhile a call that does not; tells first how many opens were refused.
fn fifo_crowd(size: usize, path: &str) -> Result<String, Errno> {
    let (tell, told) = std::sync::mpsc::channel();
    for _ in 0..size {
        let (path, tell) = (path.to_owned(), tell.clone());
        let act = move || drop(tell.send(storm::fifo(&path)));
        std::thread::Builder::new().stack_size(64 << 10).spawn(act).unwrap();
    }
    // The first refusal comes when all threads are in use, which takes a while on a busy machine.
    let seconds = std::iter::once(30).chain(std::iter::repeat(2));
    let results =
        seconds.map_while(|most| told.recv_timeout(std::time::Duration::from_secs(most)).ok());
    let refused = results.filter(|result| *result == Err(Errno::EPERM)).count();
    let start = Instant::now();
    let parent = parent()?;
    let when = if start.elapsed().as_millis() < 1000 { "soon" } else { "late" };
    Ok(format!("{refused} {parent} {when}"))
}

/// A connect that hangs, and a signal after 100 ms.
fn alarmed(restart: bool, address: &str) -> Result<String, Errno> {
    let Ok(SocketAddr::V4(address)) = address.parse() else { panic!("{address}") };
    let socket = open_socket(&SocketAddr::V4(address), SockType::Stream)?;
    sys::alarm(restart, 100);
    let start = Instant::now();
    let result = connect(socket.as_raw_fd(), &SockaddrIn::from(address));
    let quick = if start.elapsed().as_millis() < 1000 { "soon" } else { "late" };
    Ok(match result {
        Ok(()) => format!("ok {quick}"),
        Err(errno) => format!("{errno:?} {quick}"),
    })
}
