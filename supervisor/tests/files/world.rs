//! A small container: mount and pid namespaces, a root on tmpfs with a proc of its own, always made alike.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{chdir, pivot_root};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

/// Where the root is mounted, in the private mount namespace only.
const ROOT: &str = "/mnt";

/// Enters new namespaces; children are in the new pid namespace, if there is one.
pub fn unshare_all(pids: bool) {
    let pids = if pids { CloneFlags::CLONE_NEWPID } else { CloneFlags::empty() };
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS | pids).unwrap();
    nix::unistd::sethostname("victim").unwrap();
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
}

/// Makes the root and enters it. Runs as the first process of the pid namespace.
pub fn enter() {
    let none = MsFlags::empty();
    mount(Some("root"), ROOT, Some("tmpfs"), none, Some("mode=755")).unwrap();
    fs::create_dir("/mnt/host").unwrap();
    mount(Some("/"), "/mnt/host", None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
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
    devices();
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

fn devices() {
    let make = |path: &str, kind, mode, device| {
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
    for mode in ["/dev/null", "/dev/zero", "/dev/tty", "/dev/kmsg"] {
        fs::set_permissions(mode, fs::Permissions::from_mode(0o666)).unwrap();
    }
    std::os::unix::net::UnixListener::bind("/data/socket").unwrap();
}
