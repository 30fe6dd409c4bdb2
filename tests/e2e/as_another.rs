//! `permit … as user`: what a user of a container does as root, and that it does nothing else so.

use crate::{Test, tests_of};
use anyhow::{Result, ensure};
use tests::Engine;

pub fn tests() -> Vec<Test> {
    tests_of![one_call_as_root, no_more_than_the_engine_gives]
}

const SCRIPT: &str = "id -u; head -c 4 /etc/shadow; echo; head -c 4 /etc/gshadow || echo denied; \
                      echo x > /tmp/of-root && stat -c %u:%g /tmp/of-root; \
                      echo x > /root/new && echo made; echo x > /etc/new || echo denied; id -u";

fn one_call_as_root(engine: &Engine) -> Result<()> {
    let container = engine.container("debian").policy("as-another").options(["--user=1000:1000"]);
    let finished = container.shell(SCRIPT).run()?.finished;
    let expected = "1000\nroot\ndenied\n0:0\nmade\ndenied\n1000\n";
    ensure!(finished.stdout == expected, "{}", finished.summary());
    Ok(())
}

/// What the engine takes from the bounding set, no rule gives back: root owns the file, but not the way into its folder.
fn no_more_than_the_engine_gives(engine: &Engine) -> Result<()> {
    let container = engine.container("debian").policy("as-another").options([
        "--user=1000:1000",
        "--cap-drop=ALL",
        "--tmpfs=/root:mode=0700,uid=1000",
    ]);
    let script = "head -c 4 /etc/shadow; echo; echo x > /root/new || echo denied";
    let finished = container.shell(script).run()?.finished;
    // Without CAP_DAC_OVERRIDE root is nobody to a folder of another user's.
    ensure!(finished.stdout.ends_with("\ndenied\n"), "{}", finished.summary());
    Ok(())
}
