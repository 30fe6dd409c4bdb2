//! The Landlock rung on the real kernel: whatever the filter lets through to it is denied where the evaluator denies, and
//! comes to the same as without it where the evaluator permits.
//!
//! Two equal roots: in one a call is made under the ruleset, in the other without. Each attempt is a process of its own.

mod attempt;
mod sys;
mod tree;

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use attempt::Attempt;
use converter::bpf::SeccompData;
use converter::host::{Host, LandlockAbi, LinuxVersion};
use converter::landlock::Rights;
use converter::plan::{Plan, Target, plan};
use converter::seccomp::Action;
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, chroot};
use policy::{FileName, PolicySet, Source, compile};
use supervisor::Entry;
use supervisor::environment::View;
use supervisor::fence::{Fence, Unfit, raise};
use supervisor::sys::landlock::restrict_self;

/// Rules beside `native-fsread: true then permit`.
const POLICIES: &[&[&str]] = &[
    &["fswrite: filename match \"/t\" then permit"],
    &[
        "fswrite: filename match \"/home/u\" then permit",
        "fswrite: filename match \"/t/d\" then permit",
    ],
    &[
        "fswrite: filename eq \"/etc/motd\" then permit",
        "fswrite: filename match \"/t\" then permit",
    ],
    &[
        "fswrite: filename match \"/home/u\" then permit",
        "fswrite: filename match \"/home\" then permit",
    ],
    &["fswrite: filename match \"/t\" then permit", "fswrite: filename sub \"x\" then deny"],
    &["fswrite: filename match \"/u\" then permit"],
    &["fswrite: filename match \"/t/d\" or filename eq \"/t/f\" then permit"],
    &["fswrite: filename match \"/t\" then permit", "mkdir: permit", "symlink: permit"],
    &["fswrite: filename match \"/t\" then permit", "unlink: deny[enoent]"],
    &["fswrite: filename match \"/t\" then permit", "bind: permit"],
    &["fswrite: filename match \"/t\" then permit", "rename: permit"],
    &["fswrite: filename match \"/t\" then permit", "truncate: permit", "rmdir: permit"],
    &["fswrite: filename match \"/t*\" then permit"],
];

fn main() {
    let Some(newest) = LandlockAbi::new(kernels_abi()) else {
        println!("fence: NOT TESTED, the kernel has no Landlock");
        return;
    };
    let stage = Stage::new();
    let mut seen = 0;
    for (at, rules) in POLICIES.iter().enumerate() {
        // The oldest interface that can do something, and the newest.
        for abi in BTreeSet::from([1, 2, 3, u32::MAX]).into_iter().filter_map(LandlockAbi::new) {
            if abi <= newest {
                seen += stage.play(rules, abi, at);
            }
        }
    }
    assert!(seen > 2000, "only {seen} calls were judged by Landlock");
    stage.what_is_not_fit();
    println!("fence: {seen} calls judged by Landlock as by the evaluator ... ok");
}

fn kernels_abi() -> u32 {
    const VERSION: u64 = 1;
    (1..=7)
        .rev()
        .find(|abi| {
            // The rights of each version are those that the kernel takes.
            let last = [12, 13, 14, 14, 15, 15, 15][*abi as usize - 1];
            supervisor::sys::landlock::create_ruleset(VERSION << last).is_ok()
        })
        .unwrap_or(0)
}

/// Two roots in a mount namespace of our own.
struct Stage {
    folder: PathBuf,
}

impl Stage {
    fn new() -> Self {
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_FS).expect("root");
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).expect("private mounts");
        let folder = std::env::temp_dir().join(format!("fence-{}", std::process::id()));
        for root in ["fenced", "free"] {
            let root = folder.join(root);
            fs::create_dir_all(&root).expect("a folder");
            let none = MsFlags::empty();
            mount(Some("fence"), &root, Some("tmpfs"), none, None::<&str>).expect("a tmpfs");
        }
        let stage = Self { folder };
        stage.restore();
        stage
    }

    fn root(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn restore(&self) {
        for root in ["fenced", "free"] {
            let status = inside(&self.root(root), || {
                tree::restore();
                Ok(())
            });
            assert_eq!(status, 0, "the tree cannot be made again");
        }
    }

    /// Plays a quarter of all attempts; gives how many of them were Landlock's to judge.
    fn play(&self, rules: &[&str], abi: LandlockAbi, at: usize) -> usize {
        let set = understood(rules);
        let plan = planned(&set, abi);
        let Some(ruleset) = self.ruleset(&plan, &set).expect("every name is fit") else { return 0 };
        let pinned = pinned(&set);
        let set = self.bound(&set);
        let mut judged = 0;
        for attempt in attempt::all().iter().skip(at % 4).step_by(4) {
            let data = SeccompData::native(attempt.number(), attempt.registers);
            if plan.filter.decide(&data) == Action::Allow {
                judged += 1;
                self.compare(attempt, &ruleset, &set, &pinned);
            }
        }
        judged
    }

    fn compare(&self, attempt: &Attempt, ruleset: &OwnedFd, set: &PolicySet, pinned: &[String]) {
        let free = inside(&self.root("free"), || attempt.make());
        let fenced = inside(&self.root("fenced"), || {
            restrict_self(ruleset.as_fd())?;
            attempt.make()
        });
        let permitted = attempt.is_permitted(&set.policies[0]);
        let about = || {
            format!(
                "{attempt:?} {:?}",
                set.policies[0].rules().iter().map(|rule| &rule.origin.text).collect::<Vec<_>>()
            )
        };
        if !permitted {
            assert_ne!(fenced, 0, "let through: {}", about());
        } else if fenced != free {
            let refused = [Errno::EACCES as i32, Errno::EXDEV as i32].contains(&fenced);
            let named =
                attempt.names.iter().any(|name| pinned.contains(&tree::resolved(name, false)));
            let unsettles = matches!(attempt.call, "rename" | "link" | "rmdir" | "unlink");
            assert!(refused && named && unsettles, "{fenced} instead of {free}: {}", about());
        }
        if free == 0 || fenced == 0 {
            self.restore();
        }
    }

    /// The policy as it is in the first root.
    fn bound(&self, set: &PolicySet) -> PolicySet {
        let root = fs::File::open(self.root("fenced")).expect("the root");
        let view = View::new(root.into(), Entry::default());
        let policy = set.policies[0].bind(&view).expect("every name has a meaning");
        PolicySet { policies: vec![policy] }
    }

    /// The ruleset for the first root, made as the runtime makes it: by somebody outside, through a process inside.
    fn ruleset(&self, plan: &Plan, set: &PolicySet) -> Result<Option<OwnedFd>, Unfit> {
        let Some(ruleset) = &plan.carried.landlock else { return Ok(None) };
        let fence = Fence {
            filter: supervisor::Filter::from_bytes(&[0; 8]).expect("a filter"),
            handled: ruleset.handled.bits(),
            granted: ruleset.granted.bits(),
            of_files: Rights::OF_FILES.bits(),
            rules: ruleset.rules.clone(),
        };
        // Only its root is looked at.
        let mut inmate = sys::Inmate::new(|| {
            chroot(&self.root("fenced"))?;
            chdir("/")
        });
        let raised = raise(&fence, &set.policies[0], &Entry::default(), inmate.pid());
        inmate.end();
        raised.map(Some)
    }

    /// Names that Landlock would understand otherwise than rules do.
    fn what_is_not_fit(&self) {
        let unfit = |rule: &str| {
            let set = understood(&[rule]);
            let plan = planned(&set, LandlockAbi::NEWEST);
            self.ruleset(&plan, &set).expect_err(rule).to_string()
        };
        let missing = unfit("fswrite: filename match \"/nowhere\" then permit");
        assert!(
            missing.ends_with("/nowhere does not exist when the container starts"),
            "{missing}"
        );
        let root = self.root("fenced");
        fs::hard_link(root.join("etc/f"), root.join("etc/second")).expect("a hard link");
        let linked = unfit("fswrite: filename eq \"/etc/f\" then permit");
        assert!(linked.ends_with("has other hard links"), "{linked}");
        for (from, to) in [("t", "tt"), ("t/d", "tt")] {
            let to = root.join(to);
            mount(Some(&root.join(from)), &to, None::<&str>, MsFlags::MS_BIND, None::<&str>)
                .expect("a bind mount");
            let name = format!("fswrite: filename match \"/{from}\" then permit");
            let twice = unfit(&name);
            umount2(&to, MntFlags::MNT_DETACH).expect("it goes");
            assert!(twice.ends_with("is mounted in another place too"), "{twice}");
        }
        self.restore();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for root in ["fenced", "free"] {
            let _ = umount2(&self.root(root), MntFlags::MNT_DETACH);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Does something in a process with this root.
fn inside(root: &Path, act: impl FnOnce() -> Result<(), Errno>) -> i32 {
    sys::in_child(|| {
        chroot(root)?;
        chdir("/")?;
        act()
    })
}

fn understood(rules: &[&str]) -> PolicySet {
    let rules: String = rules.iter().map(|rule| format!("\tnative-{rule}\n")).collect();
    let text =
        format!("Policy: /bin/x, Emulation: native\n{rules}\tnative-fsread: true then permit\n");
    compile(&Source::new("x.policy", text), &|_| None).expect("right").set
}

fn planned(set: &PolicySet, abi: LandlockAbi) -> Plan {
    let linux: LinuxVersion = "6.18".parse().expect("a release");
    let host = Host { landlock: Some(abi), ..Host::of_this_release(linux) };
    plan(set, &host, Target::Supervised).expect("a plan")
}

/// What rules name themselves.
fn pinned(set: &PolicySet) -> Vec<String> {
    let names = set.policies[0].rules().iter().filter_map(|rule| rule.condition.file_names());
    let text = |name: FileName| String::from_utf8(name.text().to_vec()).expect("text");
    names
        .flatten()
        .map(text)
        .map(|name| if name == "/u" { "/home/u".to_owned() } else { name })
        .collect()
}
