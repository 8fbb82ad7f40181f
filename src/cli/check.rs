//! `mcoe check`: validates rules and scenario.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::{Format, Globals, RulesArgument, input, print};

/// Validate rules, scripts and a scenario, and report every error with its location and remedy.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe check --rules rules --scenario scenarios/agency")]
pub(super) struct Check {
    #[command(flatten)]
    rules: RulesArgument,
    /// Folder of a scenario to check together with the rules.
    #[arg(long, value_name = "DIR")]
    scenario: Option<PathBuf>,
}

impl Check {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let (rules, scenario) = match &self.scenario {
            Some(dir) => input::rules_and_scenario(&self.rules.rules, dir, globals)
                .map(|(rules, scenario)| (rules, Some(scenario)))?,
            None => (input::rules(&self.rules.rules, globals)?, None),
        };
        input::checked_cases(&rules, &self.rules.rules, scenario.as_ref(), globals)?;
        let warnings = input::warnings(&rules, scenario.as_ref());
        let base = rules.base();
        if globals.format == Format::Json {
            let scenario = scenario.map(
                |scenario| json!({ "name": scenario.name, "hash": scenario.hash, "clients": scenario.clients.len() }),
            );
            let text = json!({
                "errors": 0,
                "warnings": warnings,
                "rules": { "name": rules.name(), "hash": rules.hash(), "guardrails": base.guardrails.len() },
                "scenario": scenario,
            });
            return print(&format!("{text}\n"));
        }
        input::print_warnings(&warnings, &rules, &self.rules.rules, globals);
        let mut text = format!(
            "rules `{}` are valid: {} guardrails, hash {}\n",
            rules.name(),
            base.guardrails.len(),
            short_hash(rules.hash())
        );
        if let Some(scenario) = scenario {
            let assets: usize = scenario.clients.iter().map(|(client, _)| client.assets.len()).sum();
            let channels: usize = scenario.clients.iter().map(|(_, state)| state.channels.len()).sum();
            text.push_str(&format!(
                "scenario `{}` is valid: {} clients, {channels} channels, {assets} assets, hash {}\n",
                scenario.name,
                scenario.clients.len(),
                short_hash(&scenario.hash)
            ));
        }
        print(&text)
    }
}

/// The first 12 characters of a hash, enough to tell hashes apart.
fn short_hash(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
