//! What Landlock makes of a call, as landlock(7) and security/landlock/fs.c say it: rights along the hierarchy, and what may be
//! moved or linked from one folder to another.
//!
//! A model of the kernel that the real one is compared with, and that can judge many more calls.

use converter::landlock::Rights;
use policy::{FileName, PolicySet, RuleId};

use crate::attempt::Attempt;
use crate::tree;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It does what it is meant to.
    Done,
    /// It fails, with Landlock or without.
    Fails,
    /// Landlock denies it.
    Denied,
}

/// A ruleset over the tree.
#[derive(Debug)]
pub struct Model {
    handled: Rights,
    grants: Vec<(String, Rights)>,
}

/// What a call asks of Landlock.
#[derive(Debug, Default)]
struct Demands {
    /// Rights, and at what.
    rights: Vec<(String, Rights)>,
    /// What gets another place, and in which folder.
    moves: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
    Link,
}

impl Model {
    /// The ruleset of a plan for policies that are bound to the tree.
    pub fn new(ruleset: &converter::landlock::Ruleset, set: &PolicySet) -> Self {
        let names = |id: &RuleId| set.policies[0].rule(*id).condition.file_names();
        let names = ruleset.rules.iter().flat_map(|id| names(id).expect("names"));
        let grants = names.filter_map(|name| {
            let text = String::from_utf8(name.text().to_vec()).expect("text");
            let rights = match (kind(&text)?, &name) {
                (Kind::Folder, FileName::Tree(_)) => ruleset.granted,
                (Kind::File, _) => ruleset.granted.and(Rights::OF_FILES),
                _ => return None,
            };
            Some((text, rights))
        });
        // Moving and linking are denied by every ruleset that does not grant them.
        let handled = ruleset.handled.or(Rights::REFER);
        // Every name lies below the empty one.
        let everywhere = (String::new(), ruleset.everywhere);
        Self { handled, grants: grants.chain([everywhere]).collect() }
    }

    /// Where something is granted.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.grants.iter().map(|(place, _)| place.as_str())
    }

    /// What becomes of a call that comes to Landlock.
    pub fn outcome(&self, attempt: &Attempt) -> Outcome {
        let Some(demands) = demands(attempt) else { return Outcome::Fails };
        let lacks = |(place, rights): &(String, Rights)| {
            !self.granted(place).contain(rights.and(self.handled))
        };
        let gains = |(what, folder): &(String, String)| {
            let gained = self.granted(folder).except(self.granted(what));
            let of_what = match kind(what) {
                Some(Kind::Folder) => gained,
                _ => gained.and(Rights::OF_FILES),
            };
            of_what != Rights::NONE
        };
        match demands.rights.iter().any(lacks) || demands.moves.iter().any(gains) {
            true => Outcome::Denied,
            false => Outcome::Done,
        }
    }

    /// The rights on something: its own, and those of all folders above it.
    fn granted(&self, name: &str) -> Rights {
        let above = |place: &str| {
            name == place || name.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'))
        };
        let grants = self.grants.iter().filter(|(place, _)| above(place));
        grants.fold(Rights::NONE, |all, (_, rights)| all.or(*rights))
    }
}

fn kind(name: &str) -> Option<Kind> {
    let is = |names: &[&str]| names.contains(&name);
    if name == "/" || is(tree::FOLDERS) {
        Some(Kind::Folder)
    } else if is(tree::FILES) {
        Some(Kind::File)
    } else {
        tree::LINKS.iter().any(|(link, _)| *link == name).then_some(Kind::Link)
    }
}

fn parent(name: &str) -> String {
    let parent = name.rsplit_once('/').map_or("", |(parent, _)| parent);
    if parent.is_empty() { "/".to_owned() } else { parent.to_owned() }
}

fn is_empty(folder: &str) -> bool {
    let links = tree::LINKS.iter().map(|(link, _)| link);
    !tree::FOLDERS.iter().chain(tree::FILES).chain(links).any(|name| parent(name) == folder)
}

fn is_below(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// `None` for a call that fails whatever Landlock says.
fn demands(attempt: &Attempt) -> Option<Demands> {
    let [_, second, third, ..] = attempt.registers;
    match attempt.call {
        "openat" => opening(attempt.names[0], third as i32),
        "creat" => opening(attempt.names[0], libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC),
        "truncate" => {
            let name = tree::resolved(attempt.names[0], true);
            (kind(&name)? == Kind::File).then(|| at(name, Rights::TRUNCATE))
        }
        "mkdir" => making(attempt.names[0], Rights::MAKE_DIR),
        "mknod" => making(attempt.names[0], of_mode(second as u32)),
        "symlink" => making(attempt.names[1], Rights::MAKE_SYM),
        "rmdir" => {
            let name = tree::resolved(attempt.names[0], false);
            let goes = kind(&name)? == Kind::Folder && is_empty(&name);
            goes.then(|| at(parent(&name), Rights::REMOVE_DIR))
        }
        "unlink" => {
            let name = tree::resolved(attempt.names[0], false);
            (kind(&name)? != Kind::Folder).then(|| at(parent(&name), Rights::REMOVE_FILE))
        }
        "link" => linking(attempt.names[0], attempt.names[1]),
        "rename" => renaming(attempt.names[0], attempt.names[1], 0),
        "renameat2" => {
            renaming(attempt.names[0], attempt.names[1], attempt.registers[4] as libc::c_uint)
        }
        other => unreachable!("{other} is not tried"),
    }
}

fn at(place: String, rights: Rights) -> Demands {
    Demands { rights: vec![(place, rights)], moves: Vec::new() }
}

fn opening(name: &str, flags: i32) -> Option<Demands> {
    let has = |flag: i32| flags & flag == flag;
    let alone = has(libc::O_CREAT | libc::O_EXCL);
    let name = tree::resolved(name, !(has(libc::O_NOFOLLOW) || alone));
    let access = flags & libc::O_ACCMODE;
    let write = match access {
        libc::O_WRONLY | libc::O_RDWR => Rights::WRITE_FILE,
        _ => Rights::NONE,
    };
    let truncate = if has(libc::O_TRUNC) { Rights::TRUNCATE } else { Rights::NONE };
    if has(libc::O_TMPFILE) {
        return (kind(&name)? == Kind::Folder).then(|| at(name, write));
    }
    match kind(&name) {
        Some(Kind::Link) => None,
        Some(Kind::Folder) => {
            let read = access == libc::O_RDONLY && !has(libc::O_CREAT) && !has(libc::O_TRUNC);
            read.then(Demands::default)
        }
        Some(Kind::File) => (!alone).then(|| at(name, write.or(truncate))),
        None if has(libc::O_CREAT) => {
            let rights = vec![(parent(&name), Rights::MAKE_REG), (name, write)];
            Some(Demands { rights, moves: Vec::new() })
        }
        None => None,
    }
}

fn making(name: &str, right: Rights) -> Option<Demands> {
    let name = tree::resolved(name, false);
    kind(&name).is_none().then(|| at(parent(&name), right))
}

fn of_mode(mode: u32) -> Rights {
    match mode & libc::S_IFMT {
        libc::S_IFIFO => Rights::MAKE_FIFO,
        libc::S_IFSOCK => Rights::MAKE_SOCK,
        libc::S_IFCHR => Rights::MAKE_CHAR,
        libc::S_IFBLK => Rights::MAKE_BLOCK,
        _ => Rights::MAKE_REG,
    }
}

fn making_again(kind: Kind) -> Rights {
    match kind {
        Kind::Folder => Rights::MAKE_DIR,
        Kind::File => Rights::MAKE_REG,
        Kind::Link => Rights::MAKE_SYM,
    }
}

fn removing(kind: Kind) -> Rights {
    if kind == Kind::Folder { Rights::REMOVE_DIR } else { Rights::REMOVE_FILE }
}

fn linking(from: &str, to: &str) -> Option<Demands> {
    let [from, to] = [from, to].map(|name| tree::resolved(name, false));
    let kind_of = kind(&from).filter(|kind| *kind != Kind::Folder)?;
    let free = kind(&to).is_none();
    free.then(|| referring(&from, Rights::NONE, &to, making_again(kind_of)))
}

fn renaming(from: &str, to: &str, flags: libc::c_uint) -> Option<Demands> {
    let [from, to] = [from, to].map(|name| tree::resolved(name, false));
    let (source, target) = (kind(&from)?, kind(&to));
    if is_below(&to, &from) || is_below(&from, &to) {
        return None;
    }
    let leaves = removing(source);
    let replaced = target.map_or(Rights::NONE, removing);
    let arrives = making_again(source).or(replaced);
    if flags & libc::RENAME_EXCHANGE != 0 {
        let mut demands = referring(&from, leaves.or(making_again(target?)), &to, arrives);
        if parent(&from) != parent(&to) {
            demands.moves.push((to, parent(&from)));
        }
        return Some(demands);
    }
    let fits = match (source, target) {
        (_, None) => true,
        _ if flags & libc::RENAME_NOREPLACE != 0 => false,
        (Kind::Folder, Some(Kind::Folder)) => is_empty(&to) || from == to,
        (one, Some(other)) => one != Kind::Folder && other != Kind::Folder,
    };
    fits.then(|| referring(&from, leaves, &to, arrives))
}

/// Rights in the folders that something leaves and comes to; between two folders `REFER` in both, and nothing may be gained.
fn referring(from: &str, leaving: Rights, to: &str, arriving: Rights) -> Demands {
    let (old, new) = (parent(from), parent(to));
    if old == new {
        return at(old, leaving.or(arriving));
    }
    let rights = vec![(old, leaving.or(Rights::REFER)), (new.clone(), arriving.or(Rights::REFER))];
    Demands { rights, moves: vec![(from.to_owned(), new)] }
}
