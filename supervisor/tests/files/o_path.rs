//! `O_PATH` descriptors cannot be handed over by the kernel: the victim opens them itself, or gets something in their place.

use crate::call::{Arg, Call};
use crate::guard::PERMIT;
use crate::same_as_native::{NAMES, compare};
use crate::{sys, twin, user, victim};
use Arg::{Number, Path};
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

fn open(folder: i32, path: &CStr, flags: i32) -> i64 {
    let arguments = [folder as u64, path.as_ptr() as u64, flags as u64, 0, 0, 0];
    sys::call(libc::SYS_openat, arguments)
}

#[test]
fn as_from_the_kernel() {
    let calls: Vec<Call> = NAMES
        .iter()
        .flat_map(|name| {
            [0, libc::O_NOFOLLOW, libc::O_DIRECTORY, libc::O_CLOEXEC | libc::O_CREAT]
                .map(|more| ("open", vec![Path(name), Number((libc::O_PATH | more).into())]))
        })
        .chain(["fifo", "/dev/null", "/dev/tty", "/data/socket", "/proc/self/fd/0"].map(|name| {
            let flags = Number((libc::O_PATH | libc::O_NOFOLLOW).into());
            ("openat", vec![Number(libc::AT_FDCWD.into()), Path(name), flags])
        }))
        .collect();
    compare(&calls, || {});
    compare(&calls, || user::become_user(1000, 1000, &[]));
}

#[test]
fn it_is_no_descriptor_for_reading() {
    let told = victim::run(Some(PERMIT), || {
        let folder = open(libc::AT_FDCWD, c"/data", libc::O_PATH | libc::O_DIRECTORY);
        let file = open(folder as i32, c"file", libc::O_PATH | libc::O_NOFOLLOW);
        let mut byte = std::hint::black_box([0_u8]);
        let read = [file as u64, byte.as_mut_ptr() as u64, 1, 0, 0, 0];
        let again = format!("/proc/self/fd/{file}");
        let text = std::fs::read_to_string(again).unwrap();
        format!("{} {text}", sys::call(libc::SYS_read, read)).into_bytes()
    });
    assert_eq!(String::from_utf8(told).unwrap(), "-9 content\n");
}

const POLICY: &str = r#"Policy: /victim, Emulation: native
	native-fsread: filename match "/locked" then deny
	native-fsread: true then permit
	native-fstat: permit
"#;

/// The child shares its parent's memory, in which the name changes, and not its descriptors.
#[test]
fn a_raced_name_opens_nothing_else() {
    let race = || {
        let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
        let name = [AtomicU64::new(word(b"////data")), AtomicU64::new(0)];
        let over = AtomicBool::new(false);
        let (mut wrong, mut right) = (0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Relaxed) {
                    for text in [b"//locked", b"////data"] {
                        name[0].store(word(text), Relaxed);
                        (0..200).for_each(|_| std::hint::spin_loop());
                    }
                }
            });
            let start = std::time::Instant::now();
            while start.elapsed().as_millis() < 1500 {
                let code = twin::run(|| {
                    let flags = libc::O_PATH as u64;
                    let fd = sys::call(libc::SYS_open, [name.as_ptr() as u64, flags, 0, 0, 0, 0]);
                    let inside = c"inside".as_ptr() as u64;
                    let look = [fd as u64, inside, 0, 0, 0, 0];
                    i32::from(fd >= 0) + i32::from(sys::call(libc::SYS_faccessat, look) == 0)
                });
                wrong += u32::from(code == Some(2));
                right += u32::from(code == Some(1));
            }
            over.store(true, Relaxed);
        });
        format!("{wrong} {right}").into_bytes()
    };
    let counts = |policy| {
        let told = String::from_utf8(victim::run(policy, race)).unwrap();
        let (wrong, right) = told.split_once(' ').unwrap();
        (wrong.parse::<u32>().unwrap(), right.parse::<u32>().unwrap())
    };
    let (wrong, right) = counts(None);
    assert!(wrong > 0 && right > 0, "no race without supervision: {wrong} {right}");
    let (wrong, right) = counts(Some(POLICY));
    assert!(wrong == 0 && right > 0, "{wrong} {right}");
}

#[test]
fn threads_get_folders_and_plain_files_for_reading() {
    let told = in_a_thread(|| {
        let folder = open(libc::AT_FDCWD, c"/data", libc::O_PATH | libc::O_DIRECTORY);
        let file = open(folder as i32, c"file", libc::O_PATH | libc::O_NOFOLLOW);
        let mut text = Vec::new();
        let mut file = std::fs::File::from(sys::take(file));
        std::io::Read::read_to_end(&mut file, &mut text).unwrap();
        text
    });
    assert_eq!(told, b"content\n");
}

#[test]
fn threads_get_nothing_else() {
    let told = in_a_thread(|| {
        user::become_user(1000, 1000, &[]);
        let link = open(libc::AT_FDCWD, c"/data/absolute", libc::O_PATH | libc::O_NOFOLLOW);
        let fifo = open(libc::AT_FDCWD, c"/data/fifo", libc::O_PATH);
        let unreadable = open(libc::AT_FDCWD, c"/data/none", libc::O_PATH);
        format!("{link} {fifo} {unreadable}").into_bytes()
    });
    assert_eq!(
        told,
        format!("-{} -{} -{}", libc::EOPNOTSUPP, libc::EPERM, libc::EACCES).into_bytes()
    );
}

/// Another thread shares the descriptors.
fn in_a_thread(body: fn() -> Vec<u8>) -> Vec<u8> {
    victim::run(Some(PERMIT), || std::thread::scope(|scope| scope.spawn(body).join().unwrap()))
}
