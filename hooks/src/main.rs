//! `systrace-hook`: policies for containers that stock runtimes start.
//!
//! `precreate` is Podman's hook of that name (oci-hooks(5)): it reads the proposed `config.json` and prints the
//! changed one. There is no supervisor behind it, so only policies that the kernel can enforce alone are taken.
#![forbid(unsafe_code)]

mod precreate;
mod stack;

use std::process::ExitCode;

use clap::Parser;

/// Puts containers of stock runtimes under a policy.
#[derive(Debug, Parser)]
#[command(name = "systrace-hook", version)]
enum Hook {
    Precreate(precreate::Precreate),
}

fn main() -> ExitCode {
    let Hook::Precreate(hook) = Hook::parse();
    match hook.run(std::io::stdin().lock(), std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("systrace-hook: {error:#}");
            ExitCode::FAILURE
        }
    }
}
