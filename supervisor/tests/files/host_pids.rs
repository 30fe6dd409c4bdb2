//! A container that sees the host's processes sees its supervisor too.

use crate::guard::{PERMIT, serve};
use crate::victim::run_under;
use crate::world::Walls;
use nix::mount::{MsFlags, mount};
use std::fs;

fn run_among_all(body: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    run_under(Walls::None, Some(|fd, victim| serve(fd, victim, PERMIT)), body)
}

#[test]
fn self_is_the_victim_and_not_the_supervisor() {
    let told = run_among_all(|| {
        let own = std::process::id().to_string();
        assert_eq!(fs::read_link("/proc/self").unwrap().to_str(), Some(own.as_str()));
        assert!(fs::read_to_string("/proc/self/stat").unwrap().starts_with(&format!("{own} ")));
        assert_eq!(fs::read_link("/proc/self/cwd").unwrap().to_str(), Some("/"));
        assert!(fs::metadata("/proc/1/stat").is_ok());
        b"seen".to_vec()
    });
    assert_eq!(told, b"seen");
}

#[test]
fn the_supervisor_is_closed_to_the_victim() {
    let supervisor = std::process::id();
    let told = run_among_all(|| {
        let task = fs::read_dir("/proc/1/task").unwrap().count();
        assert!(task > 0);
        let open = |path: String| fs::File::open(&path).map_err(|error| error.raw_os_error());
        for below in ["mem", "environ", "status", "fd", "root/etc/passwd", "../self/../{}/maps"] {
            let path =
                format!("/proc/{supervisor}/{}", below.replace("{}", &supervisor.to_string()));
            assert_eq!(open(path.clone()).unwrap_err(), Some(libc::EACCES), "{path}");
        }
        let path = format!("/proc/{supervisor}/task/{supervisor}/mem");
        assert_eq!(open(path).unwrap_err(), Some(libc::EACCES));
        part_of_it_mounted_elsewhere(supervisor);
        b"closed".to_vec()
    });
    assert_eq!(told, b"closed");
}

/// The victim's mount(2) is not supervised here.
fn part_of_it_mounted_elsewhere(supervisor: u32) {
    let task = format!("/proc/{supervisor}/task");
    let bind =
        |to: &str| mount(Some(task.as_str()), to, None::<&str>, MsFlags::MS_BIND, None::<&str>);
    bind("/data/folder").unwrap();
    bind("/proc/fs").unwrap();
    for place in ["/data/folder", "/proc/fs"] {
        let path = format!("{place}/{supervisor}/mem");
        let error = fs::File::open(&path).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{path}");
    }
}
