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

/// Inspect, test, compare, format and tune a rules pack
#[derive(Debug, Args)]
pub(super) struct Rules {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
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
    /// Whether this command runs test cases, whose results can be printed as JUnit XML.
    pub const fn runs_cases(&self) -> bool {
        matches!(self.command, RulesCommand::Test(_))
    }

    /// Whether the command converts between instants and clocks.
    pub const fn uses_time_zones(&self) -> bool {
        match self.command {
            RulesCommand::Test(_) | RulesCommand::Diff(_) | RulesCommand::Impact(_) | RulesCommand::Sweep(_) => true,
            RulesCommand::Fmt(_) | RulesCommand::Show(_) | RulesCommand::Schema(_) | RulesCommand::Verify(_) => false,
        }
    }

    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        match &self.command {
            RulesCommand::Test(command) => command.run(globals),
            RulesCommand::Fmt(command) => command.run(globals),
            RulesCommand::Show(command) => command.run(globals),
            RulesCommand::Diff(command) => command.run(globals),
            RulesCommand::Impact(command) => command.run(globals),
            RulesCommand::Schema(command) => command.run(globals),
            RulesCommand::Verify(command) => command.run(globals),
            RulesCommand::Sweep(command) => command.run(globals),
        }
    }
}
