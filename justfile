# Frequent commands. `just` alone lists them; each also works without just.

_default:
    @just --list --unsorted

# Run mcoe, for example: just run check --scenario scenarios/agency
run *arguments:
    cargo run --release -- {{arguments}}

# The report of the agency scenario, in reports/agency
report:
    cargo run --release -- simulate scenarios/agency --out reports/agency --force

# The console, with a fictional workspace
demo:
    cargo run --release -- serve --demo

# Requests generated from the OpenAPI document (needs schemathesis, from PyPI)
hammer examples="100":
    cargo build --release
    tests/hammer.sh target/release/mcoe {{examples}}

# All tests, or those whose names contain a word
test *words:
    cargo test {{words}}

# Time of the planner, the simulator and the rules
bench *names:
    cargo bench {{names}}

# Lints, as strict as in .ci/run
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Format all Rust code
fmt:
    cargo fmt --all

# Review snapshots that differ, and accept or reject each (needs cargo-insta)
review-snapshots:
    cargo insta test --review

# Update the README's output, its figure and the sample report; then review the difference
tour:
    MCOE_TOUR=rewrite cargo test --test it tour::
    cargo test --test it tour::

# The documentation of the code
doc:
    cargo doc --workspace --no-deps --open
