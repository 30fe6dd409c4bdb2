//! What confined programs do, and how they tell what came of it: `ok`, or the error's name.

use nix::errno::Errno;
use std::process::ExitCode;

/// `work WHAT ARGUMENT…`
pub fn work(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["nothing"] => {}
        ["run", program, arguments @ ..] => tell(run(program, arguments)),
        other => {
            eprintln!("unknown work {other:?}");
            return ExitCode::from(96);
        }
    }
    ExitCode::SUCCESS
}

fn tell<T: std::fmt::Display>(result: Result<T, Errno>) {
    match result {
        Ok(value) => println!("{value}"),
        Err(errno) => println!("{errno:?}"),
    }
}

/// Starts a program in a child and gives its exit code.
fn run(program: &str, arguments: &[&str]) -> Result<String, Errno> {
    let status = std::process::Command::new(program).args(arguments).status();
    match status {
        Ok(status) => Ok(status.to_string()),
        Err(error) => Err(Errno::from_raw(error.raw_os_error().unwrap_or_default())),
    }
}
