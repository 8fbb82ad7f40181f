//! The packs of a sweep's points: validated before anything is simulated, and compiled again when simulated.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::diagnostics::errors_as_json;
use crate::cli::failure::{Failure, NOTHING_WRITTEN};
use crate::cli::{Format, Globals, input};
use crate::diagnostic::Diagnostic;
use crate::model::{Policy, Scenario};
use crate::rules::{CompiledRules, Level, PackFiles, SweepParameter};
use crate::simulator::{LeftOut, Packs, par_map};

/// The pack, keys and values of a sweep.
#[derive(Clone, Copy)]
pub(super) struct Swept<'a> {
    pub rules: &'a CompiledRules,
    pub parameters: &'a [SweepParameter],
    /// One entry per point: a value for every parameter.
    pub points: &'a [Vec<Level>],
}

/// The validated packs of a sweep.
pub(super) struct Points<'a> {
    swept: Swept<'a>,
    /// The scenario with the base pack's default policy.
    base_scenario: Scenario,
    /// The scenario with each other default policy, in order of first use.
    other_scenarios: Vec<Scenario>,
    /// The base pack and the pack of every point, by number; `None` if the pack is invalid.
    packs: Vec<Option<ValidPack>>,
    /// The points whose pack is invalid.
    pub left_out: Vec<LeftOut>,
}

/// A valid pack.
struct ValidPack {
    hash: String,
    /// The scenario with this pack's default policy: 0 for `base_scenario`, otherwise a 1-based position in
    /// `other_scenarios`.
    scenario_number: usize,
}

impl Swept<'_> {
    fn files(&self, point: u32) -> PackFiles {
        let pack = self.rules.pack();
        let levels = (point as usize).checked_sub(1).and_then(|index| self.points.get(index));
        levels.map_or_else(|| pack.files.clone(), |levels| pack.with_levels(self.parameters, levels))
    }

    fn compiled(&self, point: u32) -> Result<CompiledRules, Vec<Diagnostic>> {
        input::compile(self.files(point))
    }

    /// The number of the last point. Points are numbered from 1; 0 is the base pack.
    fn last_number(&self) -> u32 {
        u32::try_from(self.points.len()).unwrap_or(u32::MAX)
    }
}

impl<'a> Points<'a> {
    /// Validates the pack of every point, in parallel on the current thread pool.
    pub fn validate(
        swept: Swept<'a>,
        scenario: Scenario,
        scenario_dir: &Path,
        globals: &Globals,
    ) -> Result<Self, Failure> {
        let numbers: Vec<u32> = (0..=swept.last_number()).collect();
        let results = par_map(&numbers, |point| {
            let rules = swept.compiled(*point)?;
            Ok((rules.hash().to_owned(), rules.base().risk.default_policy.clone()))
        });
        let mut policies = vec![swept.rules.base().risk.default_policy.clone()];
        let mut other_scenarios = Vec::new();
        let mut packs = Vec::new();
        let mut left_out = Vec::new();
        for (point, result) in numbers.into_iter().zip(results) {
            match result {
                Ok((hash, policy)) => {
                    let scenario_number = index_or_append(&policy, &mut policies);
                    if scenario_number > other_scenarios.len() {
                        other_scenarios.push(input::scenario_with_policy(scenario_dir, &policy, globals)?);
                    }
                    packs.push(Some(ValidPack { hash, scenario_number }));
                }
                Err(mistakes) => {
                    left_out.push(LeftOut { point, mistakes });
                    packs.push(None);
                }
            }
        }
        Ok(Self { swept, base_scenario: scenario, other_scenarios, packs, left_out })
    }

    /// The numbers of the base pack (0) and of every valid point, ascending.
    pub fn numbers(&self) -> Vec<u32> {
        (0..).zip(&self.packs).filter(|(_, pack)| pack.is_some()).map(|(number, _)| number).collect()
    }

    /// Whether a point's pack is valid and has the given hash.
    pub fn has_pack(&self, point: u32, hash: &str) -> bool {
        self.pack(point).is_some_and(|pack| pack.hash == hash)
    }

    fn pack(&self, point: u32) -> Option<&ValidPack> {
        self.packs.get(point as usize)?.as_ref()
    }

    /// The error about the points whose pack is invalid.
    pub fn invalid_points_failure(&self, rules_dir: &Path, globals: &Globals) -> Failure {
        if globals.format == Format::Json {
            let mistakes: Vec<Value> = self.left_out.iter().flat_map(|point| self.mistakes_as_json(point)).collect();
            return Failure::Input(errors_as_json(mistakes));
        }
        let (invalid, all) = (self.left_out.len(), self.swept.points.len());
        let mut text = format!("error: the pack of {invalid} of {all} points is invalid\n");
        for point in &self.left_out {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "\npoint {}: {}", point.point, self.settings_text(point.point));
            for mistake in &point.mistakes {
                let Diagnostic { place, cause, remedy, .. } = mistake.clone().within(&rules_dir.to_string_lossy());
                let _ = writeln!(text, "  {place}: {cause}\n    remedy: {remedy}");
            }
        }
        let remedy = match invalid < all {
            true => "change the values, or add --skip-invalid to skip these points",
            false => "change the values: no point can be simulated",
        };
        Failure::Input(text).with_remedy(remedy).with_line(NOTHING_WRITTEN)
    }

    fn mistakes_as_json(&self, left_out: &LeftOut) -> Vec<Value> {
        let with_point = |mistake: &Diagnostic| {
            let mut json = json!(mistake);
            if let Some(fields) = json.as_object_mut() {
                fields.insert("point".to_owned(), left_out.point.into());
                fields.insert("settings".to_owned(), self.settings_text(left_out.point).into());
            }
            json
        };
        left_out.mistakes.iter().map(with_point).collect()
    }

    /// The values of a point as text: `fatigue.warn_at = 0.4, fatigue.block_at = 0.8`.
    pub fn settings_text(&self, point: u32) -> String {
        let levels = (point as usize).checked_sub(1).and_then(|index| self.swept.points.get(index));
        let Some(levels) = levels else { return "the base pack".to_owned() };
        let values = self.swept.parameters.iter().zip(levels);
        let texts = values.map(|(parameter, level)| format!("{} = {}", parameter.name(), level.written));
        texts.collect::<Vec<_>>().join(", ")
    }

    /// The scenario with the base pack's default policy.
    pub fn base_scenario(&self) -> &Scenario {
        &self.base_scenario
    }
}

/// The index of a policy among those seen so far; a new one is appended.
fn index_or_append(policy: &Policy, policies: &mut Vec<Policy>) -> usize {
    policies.iter().position(|known| known == policy).unwrap_or_else(|| {
        policies.push(policy.clone());
        policies.len() - 1
    })
}

impl Packs for Points<'_> {
    fn base_rules(&self) -> &CompiledRules {
        self.swept.rules
    }

    fn rules(&self, point: u32) -> Result<CompiledRules, Vec<Diagnostic>> {
        self.swept.compiled(point)
    }

    fn scenario(&self, point: u32) -> &Scenario {
        let other = |pack: &ValidPack| self.other_scenarios.get(pack.scenario_number.checked_sub(1)?);
        self.pack(point).and_then(other).unwrap_or(&self.base_scenario)
    }
}
