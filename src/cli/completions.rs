//! `mcoe completions`: shell completions on stdout.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Arguments;
use super::failure::Failure;
use super::terminal::print_unescaped;

/// Print completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe completions bash > ~/.local/share/bash-completion/completions/mcoe")]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub fn run(&self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "mcoe", &mut script);
        print_unescaped(&String::from_utf8_lossy(&script))
    }
}
