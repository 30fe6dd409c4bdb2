//! What would move rules up the ladder: nothing is guessed, each piece of advice was tried by planning again.

use std::path::Path;

use policy::Source;
use serde::Serialize;

use crate::host::{Engine, Host, LandlockAbi, LinuxVersion};
use crate::load::{Loaded, understand};
use crate::plan::{Mechanism, Plan, RulePlan, Target, plan};

/// A change, and what cheaper mechanisms would take over from the supervisor then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// The change: of the host, as `--for` has it, or of the rule.
    pub change: String,
    /// Who takes over what.
    pub takes: Vec<Taken>,
}

/// Calls that a mechanism takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// The mechanism.
    pub mechanism: Mechanism,
    /// The calls, in the order of their numbers.
    pub calls: Vec<&'static str>,
}

/// Rules of their own file for which other texts are tried, from the first one on.
const TRIED: usize = 32;

/// What would help each rule of a plan, in their order.
#[must_use]
pub fn advise(loaded: &Loaded, policy_dir: &Path, host: &Host, now: &Plan) -> Vec<Vec<Advice>> {
    let mut all = vec![Vec::new(); now.rules.len()];
    for (change, host) in other_hosts(host) {
        if let Ok(other) = plan(&loaded.set, &host, Target::Supervised) {
            for (advice, (old, new)) in all.iter_mut().zip(now.rules.iter().zip(&other.rules)) {
                note(advice, &change, takes(old, new));
            }
        }
    }
    let author = Author { loaded, policy_dir, host };
    let own = |(_, rule): &(usize, &RulePlan)| {
        rule.mechanism == Mechanism::Supervisor && *rule.file == **loaded.source.name()
    };
    for (at, rule) in now.rules.iter().enumerate().filter(own).take(TRIED) {
        for (change, line) in other_texts(author.line(rule)) {
            let other = author.plan_with(|number, text| match number == rule.line {
                true => line.clone(),
                false => text.to_owned(),
            });
            note(
                &mut all[at],
                &change,
                other.map_or(Vec::new(), |new| takes(rule, &new.rules[at])),
            );
        }
    }
    if let Some(other) = author.plan_with(|_, text| plainest(text)) {
        for (at, (old, new)) in now.rules.iter().zip(&other.rules).enumerate() {
            note(&mut all[at], PLAINEST, takes(old, new));
        }
    }
    all
}

const PLAINEST: &str =
    "folders and `eq` instead of patterns, no `log` and no error but EACCES, in all rules";

/// Says what a change brings that those before it do not.
fn note(advice: &mut Vec<Advice>, change: &str, mut takes: Vec<Taken>) {
    let told = advice.iter().flat_map(|one| &one.takes).flat_map(|taken| &taken.calls);
    let told: Vec<_> = told.copied().collect();
    takes.iter_mut().for_each(|taken| taken.calls.retain(|call| !told.contains(call)));
    takes.retain(|taken| !taken.calls.is_empty());
    if !takes.is_empty() {
        advice.push(Advice { change: change.to_owned(), takes });
    }
}

/// The supervisor's calls that others decide in the second plan of a rule.
fn takes(old: &RulePlan, new: &RulePlan) -> Vec<Taken> {
    fn supervised(rule: &RulePlan) -> &[&'static str] {
        let part = rule.parts.iter().find(|part| part.mechanism == Mechanism::Supervisor);
        part.map_or(&[], |part| &part.calls)
    }
    let left = supervised(new);
    let gained = supervised(old).iter().filter(|call| !left.contains(call));
    let mut takes: Vec<Taken> = Vec::new();
    for call in gained {
        let part = new.parts.iter().rfind(|part| part.calls.contains(call));
        let Some(mechanism) = part.map(|part| part.mechanism) else { continue };
        match takes.iter_mut().find(|taken| taken.mechanism == mechanism) {
            Some(taken) => taken.calls.push(call),
            None => takes.push(Taken { mechanism, calls: vec![call] }),
        }
    }
    takes
}

/// Hosts that can do more, from the least change on.
fn other_hosts(host: &Host) -> Vec<(String, Host)> {
    let mut hosts = Vec::new();
    for off in &host.without {
        let mut other = host.clone();
        other.without.remove(off);
        hosts.push((format!("{off} switched on"), other));
    }
    let now = host.landlock.map_or(0, LandlockAbi::number);
    for version in now + 1..=LandlockAbi::NEWEST.number() {
        let landlock = LandlockAbi::new(version.into());
        hosts.push((format!("landlock={version}"), Host { landlock, ..host.clone() }));
    }
    if !host.sockets {
        hosts.push(("sockets=yes".to_owned(), Host { sockets: true, ..host.clone() }));
    }
    if host.linux < LinuxVersion::SOCKET_PROGRAMS {
        let linux = LinuxVersion::SOCKET_PROGRAMS;
        let newer = Host { linux, sockets: true, ..host.clone() };
        hosts.push((format!("linux={linux}"), newer));
    }
    if host.engine != Engine::SystraceShim {
        let engine = Engine::SystraceShim;
        hosts.push((format!("engine={}", engine.name()), Host { engine, ..host.clone() }));
    }
    hosts
}

/// The policy, as its author may change it.
struct Author<'l> {
    loaded: &'l Loaded,
    policy_dir: &'l Path,
    host: &'l Host,
}

impl Author<'_> {
    fn text(&self) -> String {
        String::from_utf8_lossy(self.loaded.source.text()).into_owned()
    }

    fn line(&self, rule: &RulePlan) -> String {
        self.text().lines().nth(rule.line as usize - 1).unwrap_or_default().to_owned()
    }

    /// The plan with other lines, if they still are the same rules.
    fn plan_with(&self, change: impl Fn(u32, &str) -> String) -> Option<Plan> {
        let lines = self.text();
        let lines = (1..).zip(lines.lines()).map(|(number, line)| change(number, line) + "\n");
        let text = lines.collect::<String>();
        if text.as_bytes() == self.loaded.source.text() {
            return None;
        }
        let source = Source::new(self.loaded.source.name().clone(), text);
        let other = understand(source, self.policy_dir).ok()?;
        let count = |loaded: &Loaded| {
            let policies = loaded.set.policies.iter();
            policies.map(|policy| policy.rules().len()).collect::<Vec<_>>()
        };
        let same = count(&other) == count(self.loaded);
        plan(&other.set, self.host, Target::Supervised).ok().filter(|_| same)
    }
}

/// Other ways to write a rule, and how they differ.
fn other_texts(line: String) -> Vec<(String, String)> {
    type Rewrite = fn(&str) -> String;
    let all: [(&str, Rewrite); 5] = [
        ("`eq` instead of `re`", without_re),
        ("a folder instead of a pattern", without_pattern),
        ("no `log`", without_log),
        ("`deny[eacces]`", with_eacces),
        ("`permit` instead of `ask`", without_ask),
    ];
    let changed = all.into_iter().map(|(change, rewrite)| (change.to_owned(), rewrite(&line)));
    let mut texts: Vec<_> = changed.filter(|(_, text)| *text != line).collect();
    let both = with_eacces(&without_log(&line));
    if texts.iter().all(|(_, text)| *text != both) && both != line {
        texts.push(("`deny[eacces]` and no `log`".to_owned(), both));
    }
    texts
}

fn plainest(line: &str) -> String {
    with_eacces(&without_log(&without_pattern(&without_re(line))))
}

fn without_re(line: &str) -> String {
    line.replace(" re \"", " eq \"")
}

/// `match "/var/log/*.log"` becomes `match "/var/log"`.
fn without_pattern(line: &str) -> String {
    const MATCH: &str = " match \"/";
    let mut changed = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(MATCH) {
        let (before, text) = rest.split_at(start + MATCH.len());
        changed.push_str(before);
        let (name, after) = text.split_at(text.find('"').unwrap_or(text.len()));
        let plain = match name.find(['*', '?', '[']) {
            Some(wild) => name[..wild].rsplit_once('/').map_or("", |(folder, _)| folder),
            None => name,
        };
        changed.push_str(plain);
        rest = after;
    }
    changed + rest
}

fn without_log(line: &str) -> String {
    let text = line.trim_end();
    text.strip_suffix(" log").map_or(line, str::trim_end).to_owned()
}

fn with_eacces(line: &str) -> String {
    let Some(start) = line.find("deny[") else { return line.to_owned() };
    let Some(length) = line[start..].find(']') else { return line.to_owned() };
    format!("{}deny[eacces]{}", &line[..start], &line[start + length + 1..])
}

fn without_ask(line: &str) -> String {
    let text = line.trim_end();
    text.strip_suffix(" ask").map_or(line.to_owned(), |text| format!("{text} permit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(rules: &str, host: &str) -> Vec<String> {
        let text = format!("Policy: /bin/x, Emulation: native\n{rules}\n");
        let loaded = understand(Source::new("x.policy", text), Path::new("/nowhere"));
        let loaded = loaded.expect("a policy");
        let host: Host = host.parse().expect("a host");
        let plan = plan(&loaded.set, &host, Target::Supervised).expect("a plan");
        let all = advise(&loaded, Path::new("/nowhere"), &host, &plan);
        let shown = |(rule, advice): (&RulePlan, &Advice)| {
            let takes = advice.takes.iter();
            let takes =
                takes.map(|taken| format!("{}: {}", taken.mechanism, taken.calls.join(" ")));
            format!("{} {} {}", rule.line, advice.change, takes.collect::<Vec<_>>().join("; "))
        };
        let each = plan.rules.iter().zip(&all);
        each.flat_map(|(rule, advice)| advice.iter().map(move |one| shown((rule, one)))).collect()
    }

    const READ: &str = "native-fsread: true then permit\n";

    #[test]
    fn a_newer_landlock_is_named_by_its_version() {
        let rules = format!("{READ}native-fswrite: filename match \"/tmp\" then permit");
        let told = advice(&rules, "linux=6.1,landlock=no");
        assert!(told.iter().any(|one| one.starts_with("3 landlock=1 landlock: ")), "{told:?}");
        let truncate = told.iter().find(|one| one.starts_with("3 landlock=3"));
        assert!(truncate.is_some_and(|one| one.contains("truncate")), "{told:?}");
        assert!(advice(&rules, "linux=6.18").is_empty());
    }

    #[test]
    fn a_simpler_comparison_is_named() {
        let rules = format!("{READ}native-fswrite: filename re \"/tmp\" then permit");
        let told = advice(&rules, "linux=6.18");
        assert!(
            told.iter().any(|one| one.starts_with("3 `eq` instead of `re` landlock: ")),
            "{told:?}"
        );
        let rules = format!("{READ}native-fswrite: filename match \"/tmp/*.x\" then permit");
        let told = advice(&rules, "linux=6.18");
        assert!(told.iter().any(|one| one.starts_with("3 a folder instead of")), "{told:?}");
        let told = advice("native-getuid: permit log", "linux=6.18");
        assert_eq!(told, ["2 no `log` seccomp: getuid"]);
    }

    /// One rule alone would not do.
    #[test]
    fn what_all_rules_must_do_is_said() {
        let rules = format!(
            "{READ}native-fswrite: filename re \"/tmp\" then permit\nnative-fswrite: true then deny[eperm] log"
        );
        let told = advice(&rules, "linux=6.18");
        assert!(told.iter().any(|one| one.starts_with(&format!("3 {PLAINEST}"))), "{told:?}");
    }

    #[test]
    fn what_only_a_supervisor_can_do_gets_no_advice() {
        let told =
            advice("native-execve: filename re \"/bin/.*\" then permit[inherit]", "linux=6.1");
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn lines_are_rewritten_as_an_author_would() {
        let line =
            "\tnative-x: filename match \"/a/b*/c\" or filename re \"/d\" then deny[enoent] log  ";
        assert_eq!(
            plainest(line),
            "\tnative-x: filename match \"/a\" or filename eq \"/d\" then deny[eacces]"
        );
        assert_eq!(without_pattern(" match \"/*\" x"), " match \"/\" x");
        assert_eq!(without_pattern(" match \"/a"), " match \"/a");
    }
}
