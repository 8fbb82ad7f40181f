//! The `mcoe` command.

use std::process::ExitCode;

/// Planning makes and drops many small texts and lists; this allocator hands them out faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mcoe::cli::main()
}
