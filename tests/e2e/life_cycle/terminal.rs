//! `docker run -it` and `docker exec -it`: a terminal of its own, its size, job control.

use super::{Scenario, Stage};
use anyhow::Result;
use tests::terminal::Terminal;

pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "conversation", play: conversation, shows: &["status 4"] },
    Scenario { name: "interrupt", play: interrupt, shows: &["status 9"] },
    Scenario { name: "exec", play: exec, shows: &["status 6"] },
    Scenario { name: "by_an_ordinary_user", play: by_an_ordinary_user, shows: &["status 0"] },
];

fn conversation(stage: &Stage<'_>) -> Result<String> {
    let mut terminal = stage.debian().command(["sh"]).terminal()?;
    terminal.expect("# ")?;
    terminal.type_keys("tty\n")?;
    terminal.expect("/dev/pts/0")?;
    terminal.type_keys("echo $((6 * 7)) > /dev/tty\n")?;
    terminal.expect("42\r\n")?;
    terminal.type_keys("exit 4\n")?;
    end(terminal)
}

/// Ctrl-C reaches the program in the foreground, and the shell goes on.
fn interrupt(stage: &Stage<'_>) -> Result<String> {
    let mut terminal = stage.debian().command(["sh"]).terminal()?;
    terminal.expect("# ")?;
    terminal.type_keys("sh -c 'trap \"exit 9\" INT; echo re\"\"ady; sleep 1000 & wait'\n")?;
    terminal.expect("ready\r\n")?;
    terminal.type_keys("\x03")?;
    terminal.expect("# ")?;
    terminal.type_keys("exit $?\n")?;
    end(terminal)
}

fn exec(stage: &Stage<'_>) -> Result<String> {
    let running = stage.debian().command(["sleep", "1000"]).start()?;
    let mut terminal = running.exec_terminal(&["sh"])?;
    terminal.expect("# ")?;
    terminal.type_keys("test -t 0 && echo is''atty\n")?;
    terminal.expect("isatty")?;
    terminal.type_keys("exit 6\n")?;
    end(terminal)
}

fn by_an_ordinary_user(stage: &Stage<'_>) -> Result<String> {
    let mut terminal = stage.debian().options(["--user=demo"]).command(["sh"]).terminal()?;
    terminal.expect("$ ")?;
    terminal.type_keys("stat -c %U /dev/pts/0; echo mine > /dev/tty\n")?;
    terminal.expect("demo\r\nmine\r\n")?;
    terminal.type_keys("exit\n")?;
    end(terminal)
}

fn end(terminal: Terminal) -> Result<String> {
    Ok(format!("status {}", terminal.close()?))
}
