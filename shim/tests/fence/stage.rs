//! Two equal roots on the real kernel: in one a call is made under the ruleset, in the other without. Each attempt is a
//! process of its own.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use converter::bpf::SeccompData;
use converter::host::{Host, LandlockAbi, LinuxVersion};
use converter::landlock::{Rights, Ruleset};
use converter::plan::{Plan, Target, plan};
use converter::seccomp::Action;
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, chroot};
use policy::{FileName, PolicySet, RuleId, Source, compile};
use supervisor::Entry;
use supervisor::environment::View;
use supervisor::fence::{Fence, Unfit, raise};
use supervisor::sys::landlock::restrict_self;

use crate::attempt::{self, Attempt};
use crate::model::{Model, Outcome};
use crate::{sys, tree};

/// Two roots in a mount namespace of our own.
pub struct Stage {
    folder: PathBuf,
}

/// Policies under a ruleset, as they are in the first root.
pub struct Fenced {
    pub set: PolicySet,
    ruleset: OwnedFd,
    model: Model,
    pinned: Vec<String>,
}

impl Stage {
    pub fn new() -> Self {
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

    /// Plays an eighth of all attempts; gives how many of them were Landlock's to judge.
    pub fn play(&self, rules: &[&str], abi: LandlockAbi, at: usize) -> usize {
        let rules = rules.iter().chain(&["fsread: true then permit"]);
        let set = understood(&[rules.map(|rule| (*rule).to_owned()).collect()]);
        let plan = planned(&set, Some(abi));
        let Some(fenced) = self.fenced(&plan, &set).expect("every name is fit") else { return 0 };
        let mut judged = 0;
        for attempt in attempt::all().iter().skip(at % 8).step_by(8) {
            if is_let_through(&plan, attempt) {
                judged += 1;
                fenced.judge(attempt, fenced.model.outcome(attempt));
                self.compare(attempt, &fenced);
            }
        }
        judged
    }

    /// Makes a call, under the ruleset and without, and compares both with the model.
    pub fn compare(&self, attempt: &Attempt, fenced: &Fenced) {
        let free = inside(&self.root("free"), || attempt.make());
        let under = inside(&self.root("fenced"), || {
            restrict_self(fenced.ruleset.as_fd())?;
            attempt.make()
        });
        if free == 0 || under == 0 {
            self.restore();
        }
        let refused = [Errno::EACCES as i32, Errno::EXDEV as i32].contains(&under);
        let as_told = match fenced.model.outcome(attempt) {
            Outcome::Done => free == 0 && under == 0,
            // What fails anyway may fail by Landlock first.
            Outcome::Fails => free != 0 && (under == free || refused),
            Outcome::Denied => free == 0 && refused,
        };
        assert!(as_told, "{under} under the ruleset, {free} without: {attempt:?} {fenced:?}");
    }

    /// A plan's ruleset; none if it has none.
    pub fn fenced(&self, plan: &Plan, set: &PolicySet) -> Result<Option<Fenced>, Unfit> {
        let Some(ruleset) = self.ruleset(plan, set)? else { return Ok(None) };
        let set = self.bound(set);
        let told = plan.carried.landlock.as_ref().expect("there is one");
        let model = Model::new(told, &set);
        let pinned = pinned(&set, &told.rules);
        Ok(Some(Fenced { set, ruleset, model, pinned }))
    }

    /// The policies as they are in the first root.
    pub fn bound(&self, set: &PolicySet) -> PolicySet {
        let root = fs::File::open(self.root("fenced")).expect("the root");
        let view = View::new(root.into(), Entry::default());
        let bind = |policy: &policy::Policy| policy.bind(&view).expect("every name has a meaning");
        PolicySet { policies: set.policies.iter().map(bind).collect() }
    }

    /// The ruleset for the first root, made as the runtime makes it: by somebody outside, through a process inside.
    fn ruleset(&self, plan: &Plan, set: &PolicySet) -> Result<Option<OwnedFd>, Unfit> {
        let Some(ruleset) = &plan.carried.landlock else { return Ok(None) };
        let fence = fence(ruleset);
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
    pub fn what_is_not_fit(&self) {
        let unfit = |rule: &str| {
            let set = understood(&[vec![rule.to_owned(), "fsread: true then permit".to_owned()]]);
            let plan = planned(&set, Some(LandlockAbi::NEWEST));
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

impl Fenced {
    /// What becomes of a call according to the model.
    pub fn outcome(&self, attempt: &Attempt) -> Outcome {
        self.model.outcome(attempt)
    }

    /// Holds what becomes of a call that the filter lets through to what each policy says.
    pub fn judge(&self, attempt: &Attempt, outcome: Outcome) {
        for policy in &self.set.policies {
            match (attempt.is_permitted(policy), outcome) {
                (_, Outcome::Fails) | (true, Outcome::Done) | (false, Outcome::Denied) => {}
                (false, Outcome::Done) => panic!("let through: {attempt:?} {self:?}"),
                (true, Outcome::Denied) => {
                    assert!(self.unsettles(attempt), "refused: {attempt:?} {self:?}");
                }
            }
        }
    }

    /// Where the ruleset grants something.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.model.places()
    }

    /// The call would take away, rename or link what a rule names itself: the difference that plans tell of.
    fn unsettles(&self, attempt: &Attempt) -> bool {
        let named =
            attempt.names.iter().any(|name| self.pinned.contains(&tree::resolved(name, false)));
        named && ["rename", "renameat2", "link", "rmdir", "unlink"].contains(&attempt.call)
    }
}

impl std::fmt::Debug for Fenced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for policy in &self.set.policies {
            let rules = policy.rules().iter().map(|rule| &rule.origin.text);
            write!(f, "{:?} ", rules.collect::<Vec<_>>())?;
        }
        write!(f, "{:?}", self.model)
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

/// What the runtime gives the supervisor for a ruleset.
pub fn fence(ruleset: &Ruleset) -> Fence {
    Fence {
        filter: supervisor::Filter::from_bytes(&[0; 8]).expect("a filter"),
        handled: ruleset.handled.bits(),
        granted: ruleset.granted.bits(),
        of_files: Rights::OF_FILES.bits(),
        rules: ruleset.rules.clone(),
        everywhere: ruleset.everywhere.bits(),
        handled_ports: ruleset.ports.handled(),
        ports: ruleset.ports.granted().collect(),
    }
}

/// The filter lets the call through.
pub fn is_let_through(plan: &Plan, attempt: &Attempt) -> bool {
    let data = SeccompData::native(attempt.number(), attempt.registers);
    plan.filter.decide(&data) == Action::Allow
}

/// Policies with these rules.
pub fn understood(policies: &[Vec<String>]) -> PolicySet {
    let mut text = String::new();
    for (at, rules) in policies.iter().enumerate() {
        text.push_str(&format!("Policy: /bin/p{at}, Emulation: native\n"));
        rules.iter().for_each(|rule| text.push_str(&format!("\tnative-{rule}\n")));
    }
    compile(&Source::new("x.policy", text), &|_| None).expect("right").set
}

/// A plan for a host with this Landlock.
pub fn planned(set: &PolicySet, landlock: Option<LandlockAbi>) -> Plan {
    let linux: LinuxVersion = "6.18".parse().expect("a release");
    // Without programs for sockets ports are Landlock's too.
    let host = Host { landlock, sockets: false, ..Host::of_this_release(linux) };
    plan(set, &host, Target::Supervised).expect("a plan")
}

/// What the rules that a ruleset rests on name themselves.
fn pinned(set: &PolicySet, rules: &[RuleId]) -> Vec<String> {
    let names = rules.iter().filter_map(|id| set.policies[0].rule(*id).condition.file_names());
    let text = |name: FileName| String::from_utf8(name.text().to_vec()).expect("text");
    names.flatten().map(text).collect()
}
