//! A small root, the same before each attempt.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Folders, each before what lies in it.
pub const FOLDERS: &[&str] = &[
    "/t",
    "/t/d",
    "/t/d/e",
    "/t/empty",
    "/home",
    "/home/u",
    "/home/u/d",
    "/etc",
    "/etc/d",
    "/tt",
    "/tmp",
    "/dev",
];
/// Files.
pub const FILES: &[&str] = &[
    "/t/f",
    "/t/d/f",
    "/home/u/f",
    "/home/f",
    "/etc/motd",
    "/etc/f",
    "/tt/f",
    "/tmp/f",
    "/dev/null",
    PASSWD,
];
/// It says what `$HOME` is.
const PASSWD: &str = "/etc/passwd";
/// Links, and where they lead.
pub const LINKS: &[(&str, &str)] =
    &[("/t/out", "/etc/motd"), ("/etc/in", "/t/f"), ("/u", "/home/u")];
/// Names that nothing bears.
pub const FREE: &[&str] =
    &["/t/new", "/t/d/new", "/home/u/new", "/home/new", "/etc/new", "/new", "/tmp/new"];

/// Makes what is missing, and removes what is too much; what is right stays the same inode.
pub fn restore() {
    sweep(Path::new("/"));
    for folder in FOLDERS {
        let _ = fs::create_dir(folder);
    }
    for file in FILES {
        if !Path::new(file).exists() {
            fs::write(file, "text").expect("a file");
        }
    }
    fs::write(PASSWD, "root:x:0:0:root:/home/u:/bin/sh\n").expect("a file");
    for (link, target) in LINKS {
        let _ = symlink(target, link);
    }
}

fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, kind) = (entry.path(), entry.file_type().expect("a type"));
        let known = |names: &[&str]| names.iter().any(|name| Path::new(name) == path);
        let link = LINKS.iter().any(|(link, _)| Path::new(link) == path);
        let right = match kind {
            kind if kind.is_dir() => known(FOLDERS),
            kind if kind.is_file() => known(FILES),
            kind => kind.is_symlink() && link,
        };
        match (right, kind.is_dir()) {
            (true, true) => sweep(&path),
            (true, false) => {}
            (false, true) => fs::remove_dir_all(&path).expect("it goes"),
            (false, false) => fs::remove_file(&path).expect("it goes"),
        }
    }
}

/// The name that a name means: the link at the end is followed if `follow`.
pub fn resolved(name: &str, follow: bool) -> String {
    let mut name = name.to_owned();
    if let Some(rest) = name.strip_prefix("/u/") {
        name = format!("/home/u/{rest}");
    }
    let link = LINKS.iter().find(|(link, _)| follow && *link == name);
    link.map_or(name, |(_, target)| (*target).to_owned())
}
