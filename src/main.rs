//! The `mcoe` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcoe::cli::main()
}
