//! The `mcoe` command.

use std::process::ExitCode;

/// Planning allocates many small strings and vectors; this allocator is faster for them than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mcoe::cli::main()
}
