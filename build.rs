//! Rebuilds the program when a migration changes, because migrations are embedded in it.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
