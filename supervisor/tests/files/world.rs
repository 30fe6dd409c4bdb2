//! A small container: mount and pid namespaces, a root on tmpfs with a proc of its own, always made alike.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{chdir, pivot_root};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

/// Where the root is mounted, in the private mount namespace only.
const ROOT: &str = "/mnt";

/// What separates a world from the host, beside its mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walls {
    /// Nothing.
    None,
    /// It has process numbers of its own.
    Pids,
    /// It has users of its own, too.
    Users,
}

/// The first of the host's numbers in a world with users of its own.
pub const FIRST_USER: u32 = 100_000;

/// Enters a new user namespace; `mapped` has somebody write the maps.
pub fn unshare_users(mapped: impl FnOnce()) {
    unshare(CloneFlags::CLONE_NEWUSER).unwrap();
    mapped();
    nix::unistd::setgroups(&[]).unwrap();
    nix::unistd::setresgid(0.into(), 0.into(), 0.into()).unwrap();
    nix::unistd::setresuid(0.into(), 0.into(), 0.into()).unwrap();
}

/// Gives a process in a new user namespace its numbers.
pub fn map_users(process: i32) {
    for map in ["uid_map", "gid_map"] {
        fs::write(format!("/proc/{process}/{map}"), format!("0 {FIRST_USER} 65536")).unwrap();
    }
}

/// Enters new namespaces; children are in the new pid namespace, if there is one.
pub fn unshare_all(walls: Walls) {
    let pids = match walls {
        Walls::None => CloneFlags::empty(),
        Walls::Pids | Walls::Users => CloneFlags::CLONE_NEWPID,
    };
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS | pids).unwrap();
    nix::unistd::sethostname("victim").unwrap();
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
}

/// Makes the root and enters it. Runs as the first process of the pid namespace.
pub fn enter(walls: Walls) {
    let none = MsFlags::empty();
    mount(Some("root"), ROOT, Some("tmpfs"), none, Some("mode=755")).unwrap();
    fs::create_dir("/mnt/host").unwrap();
    // Mounts that come from another user namespace are moved together or not at all.
    let all = if walls == Walls::Users { MsFlags::MS_REC } else { none };
    mount(Some("/"), "/mnt/host", None::<&str>, MsFlags::MS_BIND | all, None::<&str>).unwrap();
    // Not chroot(2): in a chroot nobody may make a user namespace.
    chdir(ROOT).unwrap();
    pivot_root(".", ".").unwrap();
    umount2(".", MntFlags::MNT_DETACH).unwrap();
    chdir("/").unwrap();
    for folder in ["proc", "tmp", "etc", "dev", "home", "data", "locked", "usr", "usr/bin", "ro"] {
        fs::create_dir(format!("/{folder}")).unwrap();
    }
    mount(Some("proc"), "/proc", Some("proc"), none, None::<&str>).unwrap();
    mount(Some("/proc/sys"), "/proc/sys", None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
    populate();
    devices(walls);
    mount(Some("ro"), "/ro", Some("tmpfs"), MsFlags::MS_RDONLY, None::<&str>).unwrap();
}

fn populate() {
    let mode =
        |path: &str, bits| fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
    fs::write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n").unwrap();
    fs::write("/etc/shadow", "secret\n").unwrap();
    mode("/etc/shadow", 0o600);
    fs::write("/data/file", "content\n").unwrap();
    fs::write("/data/none", "unreadable\n").unwrap();
    mode("/data/none", 0o000);
    fs::write("/data/group", "for group 50\n").unwrap();
    chown("/data/group", Some(0), Some(50)).unwrap();
    mode("/data/group", 0o640);
    fs::write("/data/x (deleted)", "odd\n").unwrap();
    fs::write("/usr/bin/tool", "#!\n").unwrap();
    mode("/usr/bin/tool", 0o755);
    fs::create_dir("/data/folder").unwrap();
    fs::create_dir("/data/full").unwrap();
    fs::write("/data/full/inside", "").unwrap();
    fs::write("/locked/inside", "").unwrap();
    mode("/locked", 0o700);
    mode("/tmp", 0o1777);
    fs::create_dir("/home/user").unwrap();
    chown("/home/user", Some(1000), Some(1000)).unwrap();
    fs::write("/tmp/roots", "owned by root\n").unwrap();
    fs::write("/tmp/users", "owned by 1000\n").unwrap();
    chown("/tmp/users", Some(1000), Some(1000)).unwrap();
    mode("/tmp/users", 0o666);
    symlink("/etc/passwd", "/tmp/users-link").unwrap();
    symlink("/proc/self/cmdline", "/tmp/users-self-link").unwrap();
    for link in ["/tmp/users-link", "/tmp/users-self-link"] {
        std::os::unix::fs::lchown(link, Some(1000), Some(1000)).unwrap();
    }
    links();
}

fn links() {
    for (target, link) in [
        ("usr/bin", "/bin"),
        ("/etc/passwd", "/data/absolute"),
        ("file", "/data/relative"),
        ("../../../../etc/passwd", "/data/climbing"),
        ("missing", "/data/dangling"),
        ("new-by-link", "/data/creating"),
        ("loop-b", "/data/loop-a"),
        ("loop-a", "/data/loop-b"),
        ("folder", "/data/to-folder"),
        ("/proc/self/status", "/data/to-self"),
        ("/proc/self/fd", "/dev/fd"),
        ("/proc/self/fd/0", "/dev/stdin"),
        ("self/mounts", "/data/mounts"),
        ("/proc/self/root/etc", "/data/by-root"),
    ] {
        symlink(target, link).unwrap();
    }
}

fn devices(walls: Walls) {
    let make = |path: &str, kind, mode, device| {
        if walls == Walls::Users && kind == SFlag::S_IFCHR {
            // No user namespace but the first may make one.
            fs::write(path, "").unwrap();
            let host = format!("/host{path}");
            return mount(Some(&*host), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
                .unwrap();
        }
        mknod(path, kind, Mode::from_bits_truncate(mode), device).unwrap();
    };
    make("/dev/null", SFlag::S_IFCHR, 0o666, makedev(1, 3));
    make("/dev/zero", SFlag::S_IFCHR, 0o666, makedev(1, 5));
    make("/dev/tty", SFlag::S_IFCHR, 0o666, makedev(5, 0));
    make("/dev/kmsg", SFlag::S_IFCHR, 0o666, makedev(1, 11));
    fs::create_dir("/dev/pts").unwrap();
    let options = Some("newinstance,ptmxmode=666");
    mount(Some("devpts"), "/dev/pts", Some("devpts"), MsFlags::empty(), options).unwrap();
    make("/data/fifo", SFlag::S_IFIFO, 0o644, 0);
    let own: &[&str] = match walls {
        Walls::Users => &[],
        _ => &["/dev/null", "/dev/zero", "/dev/tty", "/dev/kmsg"],
    };
    for mode in own {
        fs::set_permissions(mode, fs::Permissions::from_mode(0o666)).unwrap();
    }
    std::os::unix::net::UnixListener::bind("/data/socket").unwrap();
}
