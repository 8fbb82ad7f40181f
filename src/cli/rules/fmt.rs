//! `mcoe rules fmt`: formats the files of a pack.

use clap::Args;
use serde_json::json;

use crate::cli::diagnostics;
use crate::cli::failure::Failure;
use crate::cli::folder::{refuse_links, replace_file};
use crate::cli::pack::read_pack;
use crate::cli::{Format, Globals, RulesArgument, print};
use crate::workbench::{self, Formatted};

/// Format the TOML files of a pack, including overlays and test cases, and trim its scripts
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Fmt {
    #[command(flatten)]
    rules: RulesArgument,
    /// Write nothing, and list the files that are not formatted.
    #[arg(long)]
    check: bool,
}

const EXAMPLES: &str = "\
Examples:
  mcoe rules fmt                  format every file of rules/
  mcoe rules fmt --check          check whether every file is formatted

Values, comments and their order are kept; a file whose meaning would change is not formatted.
Symbolic links are not followed: if a file to format is behind one, no file is written.

Exit codes: 0 success; 1 with --check, a file is not formatted; 2 a file cannot be read.";

impl Fmt {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let dir = &self.rules.rules;
        let files = read_pack(dir, globals)?;
        let formatted =
            workbench::format(&files).map_err(|errors| diagnostics::rules_failure(&errors, &files, dir, globals))?;
        if !self.check {
            formatted.changed.keys().try_for_each(|name| refuse_links(dir, name))?;
            for (name, text) in &formatted.changed {
                replace_file(&dir.join(name), text.as_bytes())?;
            }
        }
        self.print_result(&formatted, globals)?;
        if !formatted.refused.is_empty() {
            return Err(self.refusal(&formatted));
        }
        match (self.check, formatted.changed.len()) {
            (false, _) | (true, 0) => Ok(()),
            (true, count) => {
                let remedy = format!("run `mcoe rules fmt --rules {}`", dir.display());
                Err(Failure::Negative(format!("{count} file(s) are not formatted")).with_remedy(remedy))
            }
        }
    }

    fn print_result(&self, formatted: &Formatted, globals: &Globals) -> Result<(), Failure> {
        let names = formatted.changed.keys();
        if globals.format == Format::Json {
            let text = json!({ "changed": names.collect::<Vec<_>>(), "refused": formatted.refused });
            return print(&format!("{text}\n"));
        }
        let shown = names.map(|name| self.rules.rules.join(name).display().to_string());
        print(&shown.map(|name| name + "\n").collect::<String>())
    }

    /// The error about files that cannot be formatted without changing their meaning.
    fn refusal(&self, formatted: &Formatted) -> Failure {
        let refused = formatted.refused.iter().map(|name| {
            let shown = self.rules.rules.join(name).display().to_string();
            format!("error: `{shown}` was not formatted, because its meaning would change")
        });
        Failure::Negative(refused.collect::<Vec<_>>().join("\n")).with_remedy("format it by hand")
    }
}
