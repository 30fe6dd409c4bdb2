//! The files of unix sockets: made where rules permit, and shown as they were named.

use crate::stage::{Stage, Test};
use nix::errno::Errno;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

pub const TESTS: &[Test] = &[
    ("names::a_socket_shows_the_name_that_it_was_given", shown),
    ("names::a_socket_is_made_only_where_a_rule_permits", raced),
];

const CALLS: &[&str] = &["bind", "execve"];

/// Sockets of one round of the race.
const MANY: usize = 300;

/// Two folders, and a link that leads to one of them.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("good")).unwrap();
        std::fs::create_dir(path.join("bad")).unwrap();
        let place = Self(path);
        place.lead_to("good");
        place
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn lead_to(&self, folder: &str) {
        let fresh = self.0.join("fresh");
        symlink(folder, &fresh).unwrap();
        std::fs::rename(fresh, self.0.join("link")).unwrap();
    }

    fn policy(&self) -> String {
        let good = self.path("good");
        format!(
            "Policy: /any, Emulation: native\n native-bind: sockaddr match \"{good}\" then permit\n"
        )
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn shown() {
    let place = Place::new("shown");
    let stage = Stage::new(&place.policy(), CALLS);
    let names = ["good/plain", "link/by-link", "bad/../good/round"].map(|name| place.path(name));
    let bad = place.path("bad/denied");
    let words =
        ["name", &names[0], ",", "name", &names[1], ",", "name", &names[2], ",", "name", &bad];
    assert_eq!(stage.work(&words), format!("{}\nEPERM", names.join("\n")));
}

/// The link leads now here, now there; where it leads to the wrong folder nothing is ever made. Without us it is.
fn raced() {
    let place = Place::new("raced");
    let native = with_flips(&place, || {
        let bound =
            (0..MANY).filter(|n| UnixListener::bind(place.path(&format!("link/n{n}"))).is_ok());
        bound.count()
    });
    assert_eq!(native, MANY);
    assert_ne!(count(&place.0.join("bad")), 0, "there was no race");
    std::fs::remove_dir_all(place.path("bad")).unwrap();
    std::fs::create_dir(place.path("bad")).unwrap();
    let stage = Stage::new(&place.policy(), CALLS);
    let many = MANY.to_string();
    let told = with_flips(&place, || stage.work(&["names", &place.path("link"), &many]));
    let (bound, denied) = told.split_once(' ').unwrap();
    assert!(bound != "0" && denied != "0", "there was no race: {told}");
    assert_eq!(count(&place.0.join("bad")), 0, "a socket where no rule permits one");
}

fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

fn with_flips<T>(place: &Place, act: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                place.lead_to("bad");
                place.lead_to("good");
            }
        });
        let result = act();
        done.store(true, Ordering::Relaxed);
        result
    })
}

/// `name PATH`: binds a socket and gives the name that it shows.
pub fn name(path: &str) -> Result<String, Errno> {
    let socket = UnixListener::bind(path).map_err(errno)?;
    let address = socket.local_addr().map_err(errno)?;
    Ok(address.as_pathname().unwrap().to_str().unwrap().to_owned())
}

/// `names FOLDER TIMES`: binds many, and tells how many times that was possible and impossible.
pub fn names(folder: &str, times: usize) -> Result<String, Errno> {
    let bound = (0..times).filter(|n| UnixListener::bind(format!("{folder}/s{n}")).is_ok()).count();
    Ok(format!("{bound} {}", times - bound))
}

fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}
