//! `explain`: what a diagnostic code means.

use std::io::Write;

use clap::Args;
use policy::Code;

use crate::cli::Outcome;

#[derive(Debug, Args)]
pub struct Explain {
    /// The code, such as SYS001; without one all are listed.
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

impl Explain {
    pub fn run(&self, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        let Some(name) = &self.code else {
            for code in Code::ALL {
                writeln!(out, "{code}  {}", code.title())?;
            }
            return Ok(Outcome::Fine);
        };
        let code =
            Code::from_name(name).ok_or_else(|| anyhow::anyhow!("there is no code {name}"))?;
        writeln!(out, "{code}: {}\n\n{}", code.title(), code.explanation().trim_end())?;
        Ok(Outcome::Fine)
    }
}
