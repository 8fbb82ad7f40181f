# What is done often. `just` alone lists it; each line can be typed without just, too.

_default:
    @just --list --unsorted

# Run mcoe, for example: just run check --scenario scenarios/agency
run *arguments:
    cargo run --release -- {{arguments}}

# The report of the agency scenario, in reports/agency
report:
    cargo run --release -- simulate scenarios/agency --out reports/agency --force

# The console, with a made-up workspace
demo:
    cargo run --release -- serve --demo

# Requests made up from the description of the interface (needs schemathesis, from PyPI)
hammer examples="100":
    cargo build --release
    tests/hammer.sh target/release/mcoe {{examples}}

# All tests, or those whose names contain a word
test *words:
    cargo test {{words}}

# Time of the planner, the simulator and the rules
bench *names:
    cargo bench {{names}}

# Lints, as strict as they are before a merge
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Format all Rust code
fmt:
    cargo fmt --all

# Snapshots that differ: look at each, accept or reject it (needs cargo-insta)
review-snapshots:
    cargo insta test --review

# Bring the README's numbers, its figure and the sample report up to date; read the difference
tour:
    MCOE_TOUR=rewrite cargo test --test it tour::
    cargo test --test it tour::

# The documentation of the code
doc:
    cargo doc --workspace --no-deps --open
