//! Every supervised call with every kind of bad argument in every place, one at a time: what comes of it is what the kernel says.
//!
//! A call that gets a handler needs a row here.

use crate::guard::PERMIT;
use crate::{signals, sys, victim};
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use supervisor::handlers::supervised_calls;
use supervisor::notification::Tid;

/// A call's good arguments, a letter for each; [`Memory::good`] says which.
const ROWS: &[(&str, &str)] = &[
    ("open", "p00"),
    ("openat", "dp00"),
    ("openat2", "dphH"),
    ("creat", "p6"),
    ("stat", "pb"),
    ("lstat", "pb"),
    ("newfstatat", "dpb0"),
    ("statx", "dp0zb"),
    ("access", "p0"),
    ("faccessat", "dp0"),
    ("faccessat2", "dp00"),
    ("readlink", "lbz"),
    ("readlinkat", "dlbz"),
    ("mkdir", "n6"),
    ("mkdirat", "dn6"),
    ("mknod", "n60"),
    ("mknodat", "dn60"),
    ("rmdir", "f"),
    ("unlink", "f"),
    ("unlinkat", "df0"),
    ("truncate", "p0"),
    ("rename", "pn"),
    ("renameat", "dpdn"),
    ("renameat2", "dpdn0"),
    ("link", "pn"),
    ("linkat", "dpdn0"),
    ("symlink", "pn"),
    ("symlinkat", "pdn"),
    ("chmod", "p6"),
    ("fchmodat", "dp6"),
    ("fchmodat2", "dp60"),
    ("chown", "p00"),
    ("lchown", "p00"),
    ("fchownat", "dp000"),
    ("utime", "pb"),
    ("utimes", "pb"),
    ("futimesat", "dpb"),
    ("utimensat", "dpb0"),
    ("statfs", "pb"),
    ("getxattr", "pxbz"),
    ("lgetxattr", "pxbz"),
    ("listxattr", "pbz"),
    ("llistxattr", "pbz"),
    ("setxattr", "pxbz0"),
    ("lsetxattr", "pxbz0"),
    ("removexattr", "px"),
    ("lremovexattr", "px"),
    ("getxattrat", "dp0xgG"),
    ("listxattrat", "dp0bz"),
    ("setxattrat", "dp0xgG"),
    ("removexattrat", "dp0x"),
    ("file_getattr", "dpbH0"),
    ("file_setattr", "dpbH0"),
    ("name_to_handle_at", "dpkb0"),
    ("inotify_add_watch", "ip2"),
    ("fanotify_mark", "y12dp"),
    ("chdir", "D"),
    ("chroot", "R"),
    ("connect", "saG"),
    ("bind", "saG"),
    ("sendto", "sbz0aG"),
    ("sendmsg", "sm0"),
    ("sendmmsg", "sm10"),
    ("execve", "tvv"),
    ("execveat", "dtvv0"),
    ("kill", "q0"),
    ("tkill", "q0"),
    ("tgkill", "qq0"),
    ("rt_sigqueueinfo", "q0b"),
    ("rt_tgsigqueueinfo", "qq0b"),
    ("pidfd_send_signal", "P000"),
    ("clone3", "b0"),
];

const SOCKET: i32 = 100;
const INOTIFY: i32 = 101;
const FANOTIFY: i32 = 102;
const PROCESS: i32 = 103;

/// Far from everything else, and alike in both runs. No page is at such an address that its number, taken for a mode, would be
/// that of a special file.
const BASE: u64 = 0x2000_0000_0000;
const STEP: u64 = 0x1_0000;
const PAGE: u64 = 4096;

/// Pages of every kind, and a process that sleeps.
struct Memory {
    peer: libc::pid_t,
}

impl Memory {
    fn map() -> Self {
        let page = |at: u64, length: u64, access: i32| {
            let kind = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED) as u64;
            let arguments = [at, length, access as u64, kind, u64::MAX, 0];
            assert_eq!(sys::call(libc::SYS_mmap, arguments), at as i64);
        };
        let both = libc::PROT_READ | libc::PROT_WRITE;
        for at in 0..GOOD.len() as u64 + 4 {
            page(BASE + at * STEP, PAGE, both);
        }
        page(BASE + CLOSED * STEP, PAGE, libc::PROT_NONE);
        page(BASE + READ_ONLY * STEP, PAGE, libc::PROT_READ);
        page(BASE + LONG * STEP, 3 * PAGE, both);
        let peer = sys::in_child(|| {
            loop {
                std::thread::park();
            }
        });
        let memory = Self { peer };
        memory.fill();
        memory
    }

    /// What the letters point to, anew.
    fn fill(&self) {
        for (slot, (_, bytes)) in GOOD.iter().enumerate() {
            put(good_page(slot), bytes);
        }
        let at = |letter| self.good(letter);
        put(at('v'), &[0; 8]);
        put(at('h'), &[0; 24]);
        let value = [at('b').to_ne_bytes(), 64_u64.to_ne_bytes()].concat();
        put(at('g'), &value);
        let parts = [at('b').to_ne_bytes(), 8_u64.to_ne_bytes()].concat();
        put(at('m') + 128, &parts);
        let words = [at('a'), 16, at('m') + 128, 1, 0, 0, 0, 0];
        put(at('m'), &words.map(u64::to_ne_bytes).concat());
        put(edge(), &vec![b'x'; EDGE as usize]);
        put(edge() + EDGE, TEXT);
        put(BASE + LONG * STEP, &vec![b'x'; 3 * PAGE as usize]);
    }

    fn good(&self, letter: char) -> u64 {
        if let Some(slot) = GOOD.iter().position(|(named, _)| *named == letter) {
            return good_page(slot);
        }
        match letter {
            'd' => libc::AT_FDCWD as u64,
            '0'..='9' if letter == '6' => 0o600,
            '0'..='9' => u64::from(letter) - u64::from('0'),
            'q' => self.peer as u64,
            'P' => PROCESS as u64,
            'z' => 64,
            'H' => 24,
            'G' => 16,
            's' => SOCKET as u64,
            'i' => INOTIFY as u64,
            'y' => FANOTIFY as u64,
            other => panic!("no letter {other}"),
        }
    }
}

/// What stands at which letter's page.
const GOOD: &[(char, &[u8])] = &[
    ('p', b"/data/file\0"),
    ('n', b"/data/new\0"),
    ('l', b"/data/relative\0"),
    ('f', b"/data/full\0"),
    ('t', b"/usr/bin/tool\0"),
    ('x', b"user.test\0"),
    ('D', b"/data\0"),
    ('R', b"/\0"),
    ('a', &[2, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
    ('b', &[0; 256]),
    ('k', &[128, 0, 0, 0]),
    ('h', &[]),
    ('g', &[]),
    ('m', &[]),
    ('v', &[]),
];

/// The places of the other pages.
const CLOSED: u64 = 40;
const READ_ONLY: u64 = 41;
const LONG: u64 = 42;
const UNMAPPED: u64 = 50;

const TEXT: &[u8] = b"/data/file\0";
const EDGE: u64 = PAGE - TEXT.len() as u64;

fn good_page(slot: usize) -> u64 {
    BASE + slot as u64 * STEP
}

/// A page that ends with a text, and with which memory ends.
fn edge() -> u64 {
    BASE + GOOD.len() as u64 * STEP
}

fn put(at: u64, bytes: &[u8]) {
    let own = Tid(nix::unistd::getpid().as_raw());
    supervisor::memory::write(own, at, bytes).unwrap();
}

/// What is put in the place of a good argument.
fn bad(good: u64) -> Vec<(&'static str, u64)> {
    let page = |place: u64| BASE + place * STEP;
    vec![
        ("good", good),
        ("null", 0),
        ("one", 1),
        ("minus one", u64::MAX),
        ("no address", 1 << 63),
        ("kernel's", 0xffff_8880_0000_0000),
        ("end of space", 0x7fff_ffff_f000),
        ("closed", page(CLOSED)),
        ("unmapped", page(UNMAPPED)),
        ("read-only", page(READ_ONLY)),
        ("unterminated", page(LONG)),
        ("up to the end", edge() + EDGE),
        ("seven bytes", edge() + PAGE - 7),
        ("beyond the end", edge() + PAGE - 1),
        ("upper half", good ^ 0xdead_beef_0000_0000),
        ("sign", good ^ 0x8000_0000),
        ("largest int", 0x7fff_ffff),
    ]
}

/// Makes the files that the last call may have changed.
fn prepare(memory: &Memory) {
    memory.fill();
    let _ = fs::remove_file("/data/new");
    let _ = fs::remove_dir("/data/new");
    let _ = fs::remove_dir("/data/file");
    fs::write("/data/file", "content").unwrap();
    let flags = nix::sys::socket::SockFlag::SOCK_NONBLOCK;
    let socket = nix::sys::socket::socket(
        nix::sys::socket::AddressFamily::Inet,
        nix::sys::socket::SockType::Datagram,
        flags,
        None,
    )
    .unwrap();
    keep(&socket, SOCKET);
    let inotify = sys::take(sys::call(libc::SYS_inotify_init, [0; 6]));
    keep(&inotify, INOTIFY);
    let fanotify = sys::take(sys::call(libc::SYS_fanotify_init, [0; 6]));
    keep(&fanotify, FANOTIFY);
    keep(&supervisor::sys::process::open_process(memory.peer).unwrap(), PROCESS);
}

fn keep(descriptor: &impl AsFd, number: i32) {
    let from = descriptor.as_fd().as_raw_fd() as u64;
    assert_eq!(sys::call(libc::SYS_dup2, [from, number as u64, 0, 0, 0, 0]), i64::from(number));
}

fn tell((name, letters): (&str, &str), memory: &Memory) -> String {
    let number = policy::registry::call_named(name).unwrap().number.0;
    let mut good = [0; 6];
    for (register, letter) in good.iter_mut().zip(letters.chars()) {
        *register = memory.good(letter);
    }
    let mut lines = Vec::new();
    for place in 0..6 {
        for (what, value) in bad(good[place]) {
            prepare(memory);
            let mut registers = good;
            registers[place] = value;
            let result = sys::call(number.into(), registers);
            let opens = matches!(name, "open" | "openat" | "openat2" | "creat");
            let shown = match result {
                0.. if opens => {
                    drop(sys::take(result));
                    "opened".to_owned()
                }
                other => other.to_string(),
            };
            lines.push(format!("{name} {place} {what} = {shown}"));
        }
    }
    lines.join("\n")
}

#[test]
fn every_call_has_a_row() {
    let mut calls: Vec<_> = supervised_calls().collect();
    let mut rows: Vec<_> = ROWS.iter().map(|row| row.0).collect();
    calls.sort_unstable();
    rows.sort_unstable();
    assert_eq!(rows, calls);
}

#[test]
fn every_argument_of_every_call() {
    let addresses = ["connect", "bind", "sendto", "sendmsg", "sendmmsg"]
        .map(|call| format!("\tnative-{call}: not sockaddr eq \"nowhere\" then permit\n"))
        .concat();
    let signals = match signals::are_told() {
        true => "\tnative-kill: not pidname eq \"/nobody\" then permit\n",
        false => "",
    };
    let policy = format!(
        "{PERMIT}{addresses}\tnative-execve: true then permit[inherit]\n\
         \tnative-chroot: filename neq \"/nowhere\" then permit\n\tnative-fastopen: permit\n\
         \tnative-clone3: not flags eq \"CLONE_NEWUSER\" then permit\n{signals}"
    );
    let run = |policy: Option<&str>| {
        let told = victim::run(policy, || {
            std::env::set_current_dir("/data").unwrap();
            let memory = Memory::map();
            ROWS.iter().map(|row| tell(*row, &memory)).collect::<Vec<_>>().join("\n").into_bytes()
        });
        String::from_utf8(told).unwrap()
    };
    let (native, supervised) = (run(None), run(Some(&policy)));
    assert_eq!(native.lines().count(), supervised.lines().count());
    let pairs = native.lines().zip(supervised.lines());
    let differ: Vec<_> = pairs
        .filter(|(native, supervised)| native != supervised && !is_refused(native, supervised))
        .map(|(native, supervised)| format!("{native}, supervised {}", result(supervised)))
        .collect();
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

/// Whole mounts and file systems are refused (EPERM) before the kernel could find another fault with the flags, and so is a message from
/// the kernel for the caller's own thread in another process.
fn is_refused(native: &str, supervised: &str) -> bool {
    let refused = ["fanotify_mark 1 ", "rt_tgsigqueueinfo 1 one "];
    refused.iter().any(|call| native.starts_with(call))
        && result(native).starts_with('-')
        && result(supervised) == "-1"
}

fn result(line: &str) -> &str {
    line.rsplit(" = ").next().unwrap_or_default()
}
