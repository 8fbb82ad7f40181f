//! `early_warning.toml`: when a signal about a client becomes a warning.

use std::sync::Arc;

use super::declare::{RuleTable, rule_table};
use super::key::{Key, Kind, SIGNALS};

rule_table! {
    /// `early_warning.toml`.
    pub struct EarlyWarningRules from (table), keys EARLY_WARNING under "" {
        /// score from which a raised signal is of high severity
        #[key(required, Kind::number(0.0, 1.0))]
        pub high_from: f64,
        /// signals by name, each with the score from which it is raised; in file order, then those that only overlays
        /// state
        #[made(
            [Key::optional("signals.<signal>", Kind::number(0.0, 1.0), "score from which the signal is raised")],
            signals(table)
        )]
        pub signals: Vec<(Arc<str>, f64)>,
        /// value towards which an assessed score is shrunk if data is missing
        #[key(name = "reality.middle", required, Kind::number(0.0, 1.0))]
        pub reality_middle: f64,
        /// half-width of the band around an estimated true score if all data is missing
        #[key(name = "reality.band", required, Kind::number(0.0, 1.0))]
        pub reality_band: f64,
    }
}

fn signals(table: RuleTable<'_>) -> Vec<(Arc<str>, f64)> {
    let base = table.view.base();
    let base_names: Vec<&str> = base.iter().flat_map(|base| base.names_under("early_warning.signals")).collect();
    let other_names = SIGNALS.into_iter().filter(|signal| !base_names.contains(signal));
    let with_threshold = |signal: &str| {
        let raised_from = table.view.number(&format!("early_warning.signals.{signal}"))?;
        Some((Arc::from(signal), raised_from))
    };
    base_names.iter().copied().chain(other_names).filter_map(with_threshold).collect()
}
