//! `mcoe rules schema`: JSON Schemas of a pack's files, for editors.

use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::folder::OutFolder;
use crate::cli::{Globals, print};
use crate::diagnostic::{hint, nearest};
use crate::rules::{PACK_FILES, json_schema};

/// Print the JSON Schema of a file of a rules pack, or write the schemas of all files
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe rules schema channels > channels.schema.json\n  mcoe rules schema --out schemas\n\nEditors with a TOML language server complete and validate a file that starts with, for example:\n  #:schema ../schemas/channels.schema.json"
)]
pub(super) struct Schema {
    /// Name of a file without `.toml`, such as `channels`.
    #[arg(required_unless_present = "out")]
    file: Option<String>,
    /// Folder for the schemas of all files.
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    out: Option<PathBuf>,
    /// Replace an existing folder that mcoe wrote.
    #[arg(long, requires = "out")]
    force: bool,
}

impl Schema {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        if let Some(dir) = &self.out {
            let out = OutFolder::open(dir, self.force)?;
            for file in &PACK_FILES {
                out.write(&format!("{}.schema.json", file.stem), format!("{:#}\n", json_schema(file)).as_bytes())?;
            }
            out.finish()?;
            globals.info(&format!("wrote {} schemas to {}", PACK_FILES.len(), dir.display()));
            return Ok(());
        }
        let name = self.file.as_deref().unwrap_or_default().trim_end_matches(".toml");
        let Some(file) = PACK_FILES.iter().find(|file| file.stem == name) else {
            let known = PACK_FILES.iter().map(|file| file.stem);
            let near = hint("; ", nearest(name, known.clone()));
            let remedy = format!("use one of {}", known.collect::<Vec<_>>().join(", "));
            return Err(Failure::input(format!("a pack has no file `{name}.toml`{near}"), remedy));
        };
        print(&format!("{:#}\n", json_schema(file)))
    }
}
