//! The name walked component by component, as the kernel does it (path_resolution(7)), with the caller in place of us
//! wherever proc(5) asks who looks.

use super::label::{child, join, label, spoken_start};
use super::procfs::{Scene, Viewer};
use super::{Aim, Entry, Found, LinkText, Name, Object, Outcome, kind, open_component, open_path};
use crate::caller::Caller;
use crate::identity::Acting;
use crate::notification::Denial;
use crate::resolve::protected::may_follow;
use crate::sys::files::{file_system, place};
use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

/// How many symbolic links one name may pass (linux/namei.h, `MAXSYMLINKS`).
const MAX_LINKS: u32 = 40;

/// Resolves a name by hand.
pub(super) fn walk(
    acting: &Acting<'_>,
    caller: &Caller<'_>,
    name: &Name,
    start: Option<&OwnedFd>,
) -> Outcome {
    let viewer = Viewer { acting, caller };
    let (here, spoken) = match start {
        Some(fd) => (fd.try_clone().map_err(|_| Errno::EMFILE)?, Some(spoken_start(name.dirfd))),
        None => (root()?, None),
    };
    let rest = name.path.to_bytes().to_vec();
    let mut walk =
        Walk { viewer, name, here, rest, spoken, way: None, scene: Scene::Elsewhere, links: 0 };
    match walk.run() {
        Err(Denial::Caller(errno)) => walk.failed(errno),
        outcome => outcome,
    }
}

fn root() -> Result<OwnedFd, Errno> {
    open_path(None, c"/", OFlag::O_DIRECTORY, ResolveFlag::empty())
}

struct Walk<'w> {
    viewer: Viewer<'w>,
    name: &'w Name,
    /// How far we came.
    here: OwnedFd,
    /// What is left of the name, the present component first.
    rest: Vec<u8>,
    /// What `here` is called if it has no name of its own: the magic link that led to it.
    spoken: Option<Vec<u8>>,
    /// The folder in which `here` was found, and under which name, if it was.
    way: Option<(OwnedFd, CString)>,
    scene: Scene,
    links: u32,
}

/// The component at hand.
struct Component {
    text: CString,
    /// What follows it, beginning with a slash.
    tail: Vec<u8>,
}

impl Component {
    fn is_last(&self) -> bool {
        self.tail.iter().all(|byte| *byte == b'/')
    }

    fn is_dots(&self) -> bool {
        matches!(self.text.as_bytes(), b"." | b"..")
    }
}

impl Walk<'_> {
    fn run(&mut self) -> Outcome {
        self.scene = self.locate_here()?;
        while let Some(component) = self.next() {
            if component.is_last() && self.name.aim == Aim::Entry && !component.is_dots() {
                return self.entry(component);
            }
            if self.is_folder_to_create(&component) {
                return Err(Errno::EISDIR.into());
            }
            if let Some(end) = self.step(component)? {
                return end.finish(self);
            }
        }
        self.arrive()
    }

    /// open(2) with `O_CREAT` and a slash at the end fails whatever is there.
    fn is_folder_to_create(&self, component: &Component) -> bool {
        let creation = matches!(self.name.aim, Aim::Creation { .. });
        creation && component.is_last() && !component.tail.is_empty() && !component.is_dots()
    }

    /// The next component, without taking it off the rest: an error before it is done is told with the whole rest.
    fn next(&self) -> Option<Component> {
        let begin = self.rest.iter().position(|byte| *byte != b'/')?;
        let text = &self.rest[begin..];
        let end = text.iter().position(|byte| *byte == b'/').unwrap_or(text.len());
        let (text, tail) = text.split_at(end);
        Some(Component { text: CString::new(text).ok()?, tail: tail.to_vec() })
    }

    /// Goes into one component, or tells how the walk ends with it.
    fn step(&mut self, component: Component) -> Result<Option<End>, Denial> {
        if self.scene == Scene::Root && self.is_self(&component) {
            return self.step_self(component);
        }
        let fd = match self.look_up(&component.text) {
            Err(Errno::ENOENT) if component.is_last() => return Ok(Some(End::Missing(component))),
            other => other?,
        };
        let status = fstat(&fd)?;
        self.check_mount(fd.as_fd())?;
        if kind(&status) == SFlag::S_IFLNK && self.follows(&component) {
            self.follow(fd, &status, component)?;
            return Ok(None);
        }
        self.move_to(fd, &component)?;
        Ok(None)
    }

    /// A process may always look into its own folder, even if that belongs to root because the process may not be traced.
    fn look_up(&self, component: &CStr) -> Result<OwnedFd, Errno> {
        let look_up = || open_component(self.here.as_fd(), component);
        match self.scene {
            Scene::Own(_) => self.viewer.acting.with_our_powers(look_up),
            _ => look_up(),
        }
    }

    fn move_to(&mut self, fd: OwnedFd, component: &Component) -> Result<(), Denial> {
        let up = component.text.as_bytes() == b"..";
        self.scene = self.viewer.step(&self.scene, self.here.as_fd(), fd.as_fd(), up)?;
        let folder = std::mem::replace(&mut self.here, fd);
        self.way = (!component.is_dots()).then(|| (folder, component.text.clone()));
        if component.text.as_bytes() != b"." {
            self.spoken = None;
        }
        self.rest.clone_from(&component.tail);
        Ok(())
    }

    /// A link before the end is always followed, and so is one with a slash behind it.
    fn follows(&self, component: &Component) -> bool {
        let follow = match self.name.aim {
            Aim::Object { follow } | Aim::Creation { follow } => follow,
            Aim::Entry => false,
        };
        follow || !component.tail.is_empty()
    }

    fn is_self(&self, component: &Component) -> bool {
        matches!(component.text.as_bytes(), b"self" | b"thread-self")
    }

    /// `self` in the root of a proc(5).
    fn step_self(&mut self, component: Component) -> Result<Option<End>, Denial> {
        let thread = component.text.as_bytes() == b"thread-self";
        let numbers = self.viewer.own_numbers(self.here.as_fd(), thread)?;
        if !self.follows(&component) {
            let link = open_component(self.here.as_fd(), &component.text)?;
            return Ok(Some(End::Link(link, LinkText::Fixed(numbers))));
        }
        self.count_link()?;
        self.check_links()?;
        self.rest = [numbers, component.tail].concat();
        Ok(None)
    }

    fn follow(
        &mut self,
        link: OwnedFd,
        status: &FileStat,
        component: Component,
    ) -> Result<(), Denial> {
        self.count_link()?;
        let folder = component.is_last().then(|| fstat(&self.here)).transpose()?;
        may_follow(self.viewer.acting, (link.as_fd(), status), folder.as_ref())?;
        self.check_links()?;
        if matches!(self.scene, Scene::Own(_) | Scene::Other) {
            return self.follow_magic(link, component);
        }
        let target = readlinkat(&link, "")?.into_vec();
        if target.starts_with(b"/") {
            let root = root()?;
            self.check_mount(root.as_fd())?;
            (self.here, self.way) = (root, None);
            self.scene = self.locate_here()?;
        }
        self.spoken = None;
        self.rest = [target, component.tail].concat();
        Ok(())
    }

    /// Below a process's folder every link is a magic one. A process may always follow its own (but for `map_files`, which
    /// take a capability); for those of others the kernel asks ptrace(2)'s question of the credentials that we act with, and
    /// these are the caller's.
    fn follow_magic(&mut self, link: OwnedFd, component: Component) -> Result<(), Denial> {
        if self.name.restrictions.contains(ResolveFlag::RESOLVE_NO_MAGICLINKS) {
            return Err(Errno::ELOOP.into());
        }
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let open = || openat(&self.here, component.text.as_c_str(), flags, Mode::empty());
        let name = label(link.as_fd())?.ok_or(Errno::ENOENT)?;
        let own = match &self.scene {
            Scene::Own(folder) => name
                .strip_prefix(folder.as_slice())
                .is_some_and(|below| !below.starts_with(b"/map_files/")),
            _ => false,
        };
        let fd = if own { self.viewer.acting.with_our_powers(open)? } else { open()? };
        let spoken = Some(self.present(name));
        self.check_mount(fd.as_fd())?;
        (self.here, self.way) = (fd, None);
        self.spoken = spoken;
        self.rest = component.tail;
        self.scene = self.locate_here()?;
        Ok(())
    }

    /// Where in a proc(5) we are after a jump.
    fn locate_here(&self) -> Result<Scene, Denial> {
        let here = self.here.as_fd();
        if kind(&fstat(here)?) == SFlag::S_IFDIR {
            return self.viewer.locate(here);
        }
        if !file_system(here)?.is_proc {
            return Ok(Scene::Elsewhere);
        }
        // A file has no "..": its folder is found by its name, and it must be what the folder has under that name.
        let folder = self.folder_of(here)?;
        self.viewer.locate(folder.as_fd())
    }

    /// The folder of a file in proc(5).
    fn folder_of(&self, file: BorrowedFd<'_>) -> Result<OwnedFd, Denial> {
        let lost = || Denial::because("part of a proc file system that cannot be found again");
        let label = label(file)?.ok_or_else(lost)?;
        let slash = label.iter().rposition(|byte| *byte == b'/').ok_or_else(lost)?;
        let folder = CString::new(&label[..=slash]).map_err(|_| lost())?;
        let last = CString::new(&label[slash + 1..]).map_err(|_| lost())?;
        self.viewer.acting.with_our_powers(|| {
            let restrictions = ResolveFlag::RESOLVE_NO_SYMLINKS;
            let open = || open_path(None, &folder, OFlag::O_DIRECTORY, restrictions);
            let folder = super::jail::outside(open)??;
            let again = open_component(folder.as_fd(), &last)?;
            let (one, other) = (place(file, c"")?, place(again.as_fd(), c"")?);
            if one == other { Ok(folder) } else { Err(lost()) }
        })
    }

    /// One more link was met.
    fn count_link(&mut self) -> Result<(), Errno> {
        self.links += 1;
        if self.links > MAX_LINKS { Err(Errno::ELOOP) } else { Ok(()) }
    }

    /// openat2(2) may refuse every link.
    fn check_links(&self) -> Result<(), Errno> {
        let refused = self.name.restrictions.contains(ResolveFlag::RESOLVE_NO_SYMLINKS);
        if refused { Err(Errno::ELOOP) } else { Ok(()) }
    }

    fn check_mount(&self, next: BorrowedFd<'_>) -> Result<(), Errno> {
        if !self.name.restrictions.contains(ResolveFlag::RESOLVE_NO_XDEV) {
            return Ok(());
        }
        let same = place(self.here.as_fd(), c"")?.mount == place(next, c"")?.mount;
        if same { Ok(()) } else { Err(Errno::EXDEV) }
    }

    /// The name of `here`; `None` if it lost its name meanwhile.
    fn label_here(&self) -> Result<Option<Vec<u8>>, Denial> {
        let label = match (label(self.here.as_fd()), &self.way) {
            (Err(Denial::Caller(Errno::ENAMETOOLONG)), Some((folder, last))) => {
                label(folder.as_fd())?.map(|folder| child(&folder, last.as_bytes()))
            }
            (label, _) => label?,
        };
        Ok(label.map(|label| self.present(label)).or_else(|| self.spoken.clone()))
    }

    /// A name in the caller's own folder of a proc(5) is shown as `/proc/self/…`: rules cannot know numbers.
    fn present(&self, label: Vec<u8>) -> Vec<u8> {
        let Scene::Own(folder) = &self.scene else { return label };
        match label.strip_prefix(folder.as_slice()) {
            Some(below) if below.is_empty() || below.starts_with(b"/") => {
                [&join(folder, b"..")[..], b"/self", below].concat()
            }
            _ => label,
        }
    }

    /// The end of the name: what we stand on.
    fn arrive(&mut self) -> Outcome {
        let Some(label) = self.label_here()? else { return Ok(None) };
        let text = match self.scene {
            Scene::Own(_) => LinkText::Own,
            _ => LinkText::Link,
        };
        let here = self.here.try_clone().map_err(|_| Errno::EMFILE)?;
        let object = Object::new(here, text)?;
        let found = match self.name.aim {
            _ if !self.rest.is_empty() && object.kind() != SFlag::S_IFDIR => {
                Found::Nothing(Errno::ENOTDIR)
            }
            Aim::Entry => self.special_entry()?,
            _ => Found::Object(object),
        };
        Ok(Some((label, found)))
    }

    /// A place that ends in `/`, `.` or `..`: every call refuses it, each with its own error. The kernel is asked with the
    /// same ending at the place itself.
    fn special_entry(&self) -> Result<Found, Denial> {
        let path = self.name.path.to_bytes();
        let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
        let path = &path[..end];
        let last = if path.ends_with(b"..") {
            c".."
        } else if path.ends_with(b".") {
            c"."
        } else {
            c"/"
        };
        let folder = self.here.try_clone().map_err(|_| Errno::EMFILE)?;
        Ok(Found::Entry(Entry { folder, last: last.to_owned() }))
    }

    fn entry(&self, component: Component) -> Outcome {
        let Some(folder) = self.label_here()? else { return Ok(None) };
        let label = child(&folder, component.text.as_bytes());
        let last = [component.text.as_bytes(), &component.tail[..]].concat();
        let last = CString::new(last).map_err(|_| Errno::EINVAL)?;
        let folder = self.here.try_clone().map_err(|_| Errno::EMFILE)?;
        Ok(Some((label, Found::Entry(Entry { folder, last }))))
    }

    /// The walk cannot go on: the name is what we reached and what is left, by its text.
    fn failed(&self, errno: Errno) -> Outcome {
        let Some(label) = self.label_here()? else { return Ok(None) };
        Ok(Some((join(&label, &self.rest), Found::Nothing(errno))))
    }
}

/// How a component can end the walk.
enum End {
    /// Nothing bears the last component.
    Missing(Component),
    /// The last component is one of proc(5)'s own links and is kept.
    Link(OwnedFd, LinkText),
}

impl End {
    fn finish(self, walk: &Walk<'_>) -> Outcome {
        let Some(folder) = walk.label_here()? else { return Ok(None) };
        match self {
            Self::Link(link, text) => {
                let Some(label) = label(link.as_fd())? else { return Ok(None) };
                Ok(Some((label, Found::Object(Object::new(link, text)?))))
            }
            Self::Missing(component) => {
                let label = child(&folder, component.text.as_bytes());
                let found = match walk.name.aim {
                    Aim::Creation { .. } if component.tail.is_empty() => Found::Entry(Entry {
                        folder: walk.here.try_clone().map_err(|_| Errno::EMFILE)?,
                        last: component.text,
                    }),
                    Aim::Creation { .. } => Found::Nothing(Errno::EISDIR),
                    _ => Found::Nothing(Errno::ENOENT),
                };
                Ok(Some((label, found)))
            }
        }
    }
}
