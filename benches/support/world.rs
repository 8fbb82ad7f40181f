//! The default pack, for benches.

use std::collections::BTreeMap;
use std::path::Path;

use mcoe::rules::{self, CompiledRules, PackFiles};

/// The texts of the default pack.
pub fn pack() -> PackFiles {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir).expect("the default pack is there") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_some_and(|e| e == "toml" || e == "rhai") {
            let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            files.insert(name, std::fs::read_to_string(&path).expect("the file is text"));
        }
    }
    files
}

/// The default pack, compiled.
pub fn compiled() -> CompiledRules {
    let pack = rules::load(pack()).expect("the default pack is valid");
    CompiledRules::compile(pack).unwrap_or_else(|errors| panic!("the default scripts are invalid: {errors:?}"))
}
