//! `mcoe rules`: the strategist's workbench.

mod diff;
mod schema;
mod show;

use clap::{Args, Subcommand};

use super::Globals;
use super::failure::Failure;

/// Look at rules: what holds for whom, what a change does, what files may hold
#[derive(Debug, Args)]
pub(super) struct Rules {
    #[command(subcommand)]
    command: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Show(show::Show),
    Diff(diff::Diff),
    Schema(schema::Schema),
}

impl Rules {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        match &self.command {
            Step::Show(step) => step.run(globals),
            Step::Diff(step) => step.run(globals),
            Step::Schema(step) => step.run(globals),
        }
    }
}
