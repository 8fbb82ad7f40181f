//! `mcoe rules fmt`: formats the files of a pack.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use crate::cli::diagnostics;
use crate::cli::failure::Failure;
use crate::cli::folder::{refuse_links, replace_file};
use crate::cli::pack::read_pack;
use crate::cli::{Format, Globals, RulesArgument, print};
use crate::workbench::{self, Formatted};

/// Lay out the TOML files of a pack alike, overlays and cases too, and trim its scripts
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Fmt {
    #[command(flatten)]
    rules: RulesArgument,
    /// Write nothing, and list the files that are laid out otherwise.
    #[arg(long)]
    check: bool,
}

const EXAMPLES: &str = "\
Examples:
  mcoe rules fmt                  lay out every file of rules/
  mcoe rules fmt --check          is there anything to lay out?

Values, comments and their order stay; a file that would say something else is left as it is.
Nothing is written through a link: where one leads to a file to lay out, no file is written.

Exit codes: 0 done; 1 with --check, a file is laid out otherwise; 2 a file cannot be read.";

impl Fmt {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let dir = &self.rules.rules;
        let files = read_pack(dir, globals)?;
        let formatted =
            workbench::format(&files).map_err(|wrong| diagnostics::rules_failure(&wrong, &files, dir, globals))?;
        if !self.check {
            formatted.changed.keys().try_for_each(|name| refuse_links(dir, name))?;
            for (name, text) in &formatted.changed {
                replace_file(&dir.join(name), text.as_bytes())?;
            }
        }
        self.tell(&formatted, globals)?;
        if !formatted.refused.is_empty() {
            return Err(Failure::Verdict(self.refusals(&formatted)));
        }
        match (self.check, formatted.changed.len()) {
            (false, _) | (true, 0) => Ok(()),
            (true, count) => {
                let remedy = format!("run `mcoe rules fmt --rules {}`", dir.display());
                Err(Failure::Verdict(format!("{count} file(s) are laid out otherwise\n  remedy: {remedy}")))
            }
        }
    }

    fn tell(&self, formatted: &Formatted, globals: &Globals) -> Result<(), Failure> {
        let names = formatted.changed.keys();
        if globals.format == Format::Json {
            let told = json!({ "changed": names.collect::<Vec<_>>(), "refused": formatted.refused });
            return print(&format!("{told}\n"));
        }
        let shown = names.map(|name| self.rules.rules.join(name).display().to_string());
        print(&shown.map(|name| name + "\n").collect::<String>())
    }

    /// The error about files that cannot be formatted without changing their meaning.
    fn refusals(&self, formatted: &Formatted) -> String {
        let mut text = String::new();
        for name in &formatted.refused {
            let shown = self.rules.rules.join(name).display().to_string();
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "error: `{shown}` would say something else once laid out, so it stays as it is");
        }
        text + "  remedy: lay it out by hand"
    }
}
