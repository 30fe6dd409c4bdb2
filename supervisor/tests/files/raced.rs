//! The victim changes what it asked for while it is being judged: what is denied is never opened.

use crate::{sys, victim};
use std::ffi::CStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

const POLICY: &str = r#"Policy: /victim, Emulation: native
	native-fsread: filename match "/etc/shadow" then deny
	native-fsread: true then permit
	native-fswrite: filename match "/etc" then deny
	native-fswrite: true then permit
	native-fstat: permit
"#;

const TRIES: u32 = 3000;

/// Opens a name again and again while another thread runs `change`; counts what was read.
fn race(open: impl Fn() -> i64, change: impl Fn(bool) + Send + Sync) -> Vec<u8> {
    let over = AtomicBool::new(false);
    let (mut secret, mut public, mut denied) = (0_u32, 0_u32, 0_u32);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut side = false;
            while !over.load(Relaxed) {
                change(side);
                side = !side;
            }
        });
        for _ in 0..TRIES {
            match open() {
                fd @ 0.. => match read(fd).as_slice() {
                    b"secret\n" => secret += 1,
                    _ => public += 1,
                },
                _ => denied += 1,
            }
        }
        over.store(true, Relaxed);
    });
    format!("{secret} {public} {denied}").into_bytes()
}

fn read(fd: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut fs::File::from(sys::take(fd)), &mut bytes).unwrap();
    bytes
}

/// The race was lost by the victim each time, and it was a race.
fn assert_never(body: impl FnOnce() -> Vec<u8>) {
    let told = String::from_utf8(victim::run(Some(POLICY), body)).unwrap();
    let counts: Vec<u32> = told.split(' ').map(|count| count.parse().unwrap()).collect();
    assert_eq!(counts[0], 0, "the secret was read: {told}");
    assert!(counts[1] > 0 && counts[2] > 0, "no race took place: {told}");
}

fn open_name(name: &CStr, flags: i32) -> i64 {
    sys::call(libc::SYS_open, [name.as_ptr() as u64, flags as u64, 0o600, 0, 0, 0])
}

#[test]
fn the_text_of_the_name() {
    assert_never(|| {
        let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
        let name = [AtomicU64::new(word(b"/etc////")), AtomicU64::new(word(b"passwd\0\0"))];
        race(
            || sys::call(libc::SYS_open, [name.as_ptr() as u64, 0, 0, 0, 0, 0]),
            |side| {
                let text = if side { b"passwd\0\0" } else { b"shadow\0\0" };
                name[1].store(word(text), Relaxed);
            },
        )
    });
}

#[test]
fn a_link_that_is_replaced() {
    assert_never(|| {
        race(
            || open_name(c"/tmp/link", 0),
            |side| {
                let target = if side { "/etc/passwd" } else { "/etc/shadow" };
                let _ = fs::remove_file("/tmp/new");
                symlink(target, "/tmp/new").unwrap();
                fs::rename("/tmp/new", "/tmp/link").unwrap();
            },
        )
    });
}

#[test]
fn a_folder_that_is_replaced_by_a_link() {
    assert_never(|| {
        fs::create_dir("/tmp/real").unwrap();
        fs::write("/tmp/real/shadow", "harmless\n").unwrap();
        fs::rename("/tmp/real", "/tmp/parent").unwrap();
        symlink("/etc", "/tmp/other").unwrap();
        race(|| open_name(c"/tmp/parent/shadow", 0), |_| exchange(c"/tmp/parent", c"/tmp/other"))
    });
}

#[test]
fn a_new_file_that_becomes_a_link() {
    assert_never(|| {
        let flags = libc::O_CREAT | libc::O_RDWR;
        race(
            || open_name(c"/tmp/new", flags),
            |side| {
                let _ = fs::remove_file("/tmp/new");
                if side {
                    let _ = symlink("/etc/shadow", "/tmp/new");
                }
            },
        )
    });
}

fn exchange(one: &CStr, other: &CStr) {
    let here = libc::AT_FDCWD as u64;
    let arguments = [here, one.as_ptr() as u64, here, other.as_ptr() as u64, 2, 0];
    assert_eq!(sys::call(libc::SYS_renameat2, arguments), 0);
}
