//! In a container with users of its own everything is as without us: numbers, owners, and what root may do there.

use crate::call::{Arg, Call, perform};
use crate::guard::PERMIT;
use crate::same_as_native::{
    as_set_user_id, as_user, as_user_with_umask, asking, changing, compare_behind, moving, opening,
};
use crate::world::{FIRST_USER, Walls};
use crate::{user, victim};
use Arg::{Buffer, Number, Path};

fn compare(calls: &[Call], prepare: fn()) {
    compare_behind(Walls::Users, calls, prepare);
}

#[test]
fn asking_as_root_of_the_namespace() {
    compare(&asking(), || {});
}

#[test]
fn asking_as_a_user_of_it() {
    compare(&asking(), as_user);
}

#[test]
fn asking_as_a_set_user_id_program() {
    compare(&asking(), as_set_user_id);
}

#[test]
fn opening_as_root_of_the_namespace() {
    compare(&opening(), || {});
}

#[test]
fn opening_as_a_user_of_it() {
    compare(&opening(), as_user_with_umask);
}

#[test]
fn changing_as_root_of_the_namespace() {
    compare(&changing(), || {});
}

#[test]
fn changing_as_a_user_of_it() {
    compare(&changing(), as_user_with_umask);
}

#[test]
fn moving_as_root_of_the_namespace() {
    compare(&moving(), || {});
}

#[test]
fn moving_as_a_user_of_it() {
    compare(&moving(), as_user);
}

/// What root of the namespace may do with files of the host: nothing that others may not.
#[test]
fn files_whose_owner_has_no_number_there() {
    let secret = std::env::temp_dir().join(format!("unmapped-{}", std::process::id()));
    std::fs::write(&secret, "secret\n").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let name: &'static str = Box::leak(format!("/host{}", secret.display()).into_boxed_str());
    compare(
        &[
            ("open", vec![Path(name), Number(0)]),
            ("stat", vec![Path(name), Buffer(144)]),
            ("access", vec![Path(name), Number(4)]),
            ("chown", vec![Path(name), Number(0), Number(0)]),
            ("chmod", vec![Path(name), Number(0o666)]),
            ("unlink", vec![Path(name)]),
            ("chown", vec![Path("file"), Number(70_000), Number(0)]),
            ("chown", vec![Path("file"), Number(1000), Number(50)]),
            ("stat", vec![Path("file"), Buffer(144)]),
        ],
        || {},
    );
    assert_eq!(std::fs::read(&secret).unwrap(), b"secret\n");
    std::fs::remove_file(secret).unwrap();
}

/// The container's number 0 is the host's first user of it, also for what we make.
#[test]
fn what_is_made_belongs_to_the_namespace() {
    use std::os::unix::fs::MetadataExt;
    let place = std::env::temp_dir().join(format!("owned-{}", std::process::id()));
    std::fs::create_dir(&place).unwrap();
    std::os::unix::fs::chown(&place, Some(FIRST_USER), Some(FIRST_USER)).unwrap();
    let inside = format!("/host{}", place.display());
    let told = victim::run_behind(Walls::Users, Some(PERMIT), || {
        std::fs::write(format!("{inside}/roots"), "").unwrap();
        std::fs::write(format!("{inside}/users"), "").unwrap();
        std::os::unix::fs::chown(format!("{inside}/users"), Some(1000), Some(50)).unwrap();
        let status = std::fs::metadata(format!("{inside}/users")).unwrap();
        format!("{} {}", status.uid(), status.gid()).into_bytes()
    });
    let owner = |name: &str| {
        let status = std::fs::metadata(place.join(name)).unwrap();
        (status.uid(), status.gid())
    };
    let owners = (owner("roots"), owner("users"));
    std::fs::remove_dir_all(&place).unwrap();
    assert_eq!(told, b"1000 50");
    assert_eq!(owners, ((FIRST_USER, FIRST_USER), (FIRST_USER + 1000, FIRST_USER + 50)));
}

/// Deeper namespaces are not entered: whoever has capabilities there only has none for us.
#[test]
fn a_namespace_below_the_containers() {
    let told = victim::run_behind(Walls::Users, Some(PERMIT), || {
        user::become_user(1000, 1000, &[]);
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER).unwrap();
        nix::sys::prctl::set_dumpable(true).unwrap();
        let calls = [("open", vec![Path("/data/none"), Number(0)])];
        calls.iter().map(perform).collect::<String>().into_bytes()
    });
    let told = String::from_utf8(told).unwrap();
    assert!(told.ends_with(" = -13"), "{told}");
}
