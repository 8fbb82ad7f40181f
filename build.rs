//! Rebuilds the program when a migration is added: migrations are embedded in it.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
