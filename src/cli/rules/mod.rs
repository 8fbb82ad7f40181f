//! `mcoe rules`: tools for writing and testing rules packs.

mod diff;
mod fmt;
mod impact;
mod junit;
mod schema;
mod show;
mod sweep;
mod test;
pub(super) mod test_output;
mod verify;

use clap::{Args, Subcommand};

use super::Globals;
use super::failure::Failure;

/// Work on a rules pack: what holds for whom, what a change does, what its cases say
#[derive(Debug, Args)]
pub(super) struct Rules {
    #[command(subcommand)]
    command: Work,
}

#[derive(Debug, Subcommand)]
enum Work {
    Test(test::Test),
    Fmt(fmt::Fmt),
    Show(show::Show),
    Diff(diff::Diff),
    Impact(impact::Impact),
    Schema(schema::Schema),
    Verify(verify::Verify),
    Sweep(sweep::Sweep),
}

impl Rules {
    /// Whether it runs cases, whose results can be printed as JUnit XML.
    pub const fn runs_cases(&self) -> bool {
        matches!(self.command, Work::Test(_))
    }

    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        match &self.command {
            Work::Test(command) => command.run(globals),
            Work::Fmt(command) => command.run(globals),
            Work::Show(command) => command.run(globals),
            Work::Diff(command) => command.run(globals),
            Work::Impact(command) => command.run(globals),
            Work::Schema(command) => command.run(globals),
            Work::Verify(command) => command.run(globals),
            Work::Sweep(command) => command.run(globals),
        }
    }
}
