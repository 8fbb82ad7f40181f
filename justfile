# Frequent commands. `just` alone lists them; each also works without just.

_default:
    @just --list --unsorted

# Run mcoe, for example: just run check --scenario scenarios/agency
run *arguments:
    cargo run --release -- {{arguments}}

# Write the report of the agency scenario to reports/agency
report:
    cargo run --release -- simulate scenarios/agency --out reports/agency --force

# Serve the console with a fictional workspace
demo:
    cargo run --release -- serve --demo

# Send a server requests generated from the OpenAPI document (needs schemathesis, from PyPI)
hammer examples="100":
    cargo build --release
    tests/hammer.sh target/release/mcoe {{examples}}

# Run all tests, or those whose names contain a word
test *words:
    cargo test {{words}}

# Measure the planner, the simulator, the rules and the ledger
bench *names:
    cargo bench {{names}}

# Lint as strictly as .ci/run
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Format all Rust code
fmt:
    cargo fmt --all

# Review snapshots that differ, and accept or reject each (needs cargo-insta)
review-snapshots:
    cargo insta test --review

# Update the output in the README and docs/rules.md, the figure and the sample report; then review the difference
tour:
    MCOE_TOUR=rewrite cargo test --test it tour::
    cargo test --test it tour::

# Open the documentation of the code
doc:
    cargo doc --workspace --no-deps --open
