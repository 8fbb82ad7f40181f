//! The packs of a sweep's points: tried before anything is simulated, and made again when their turn comes.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::{Format, Globals, input};
use crate::model::{Policy, Scenario};
use crate::rules::{CompiledRules, Diagnostic, Dial, Level, PackFiles};
use crate::simulator::{LeftOut, Packs, side_by_side};

/// What is swept.
#[derive(Clone, Copy)]
pub(super) struct Swept<'a> {
    pub rules: &'a CompiledRules,
    pub dials: &'a [Dial],
    /// A level of every dial, a point each.
    pub points: &'a [Vec<Level>],
}

/// Packs that were tried.
pub(super) struct Points<'a> {
    swept: Swept<'a>,
    /// The scenario under the default policy of the pack as it stands.
    base: Scenario,
    /// The scenario under every other default policy.
    others: Vec<Scenario>,
    /// Of the pack as it stands and every point: its hash and the place of its scenario, 0 for the base;
    /// none where it is no valid pack.
    valid: Vec<Option<(String, usize)>>,
    /// The points that are none.
    pub left_out: Vec<LeftOut>,
}

impl Swept<'_> {
    fn files(&self, point: u32) -> PackFiles {
        let pack = self.rules.pack();
        let levels = (point as usize).checked_sub(1).and_then(|place| self.points.get(place));
        levels.map_or_else(|| pack.files.clone(), |levels| pack.turned(self.dials, levels))
    }

    fn compiled(&self, point: u32) -> Result<CompiledRules, Vec<Diagnostic>> {
        input::compile(self.files(point))
    }

    /// Number of the last point.
    fn last(&self) -> u32 {
        u32::try_from(self.points.len()).unwrap_or(u32::MAX)
    }
}

impl<'a> Points<'a> {
    /// Tries the pack of every point, on all threads of the pool that this runs in.
    pub fn tried(
        swept: Swept<'a>,
        scenario: Scenario,
        scenario_dir: &Path,
        globals: &Globals,
    ) -> Result<Self, Failure> {
        let numbers: Vec<u32> = (0..=swept.last()).collect();
        let tried = side_by_side(&numbers, |point| {
            let rules = swept.compiled(*point)?;
            Ok((rules.hash().to_owned(), rules.base().risk.default_policy.clone()))
        });
        let mut policies = vec![swept.rules.base().risk.default_policy.clone()];
        let mut others = Vec::new();
        let mut valid = Vec::new();
        let mut left_out = Vec::new();
        for (point, tried) in numbers.into_iter().zip(tried) {
            match tried {
                Ok((hash, policy)) => {
                    let place = place_of(&policy, &mut policies);
                    if place > others.len() {
                        others.push(input::scenario_under(scenario_dir, &policy, globals)?);
                    }
                    valid.push(Some((hash, place)));
                }
                Err(mistakes) => {
                    left_out.push(LeftOut { point, mistakes });
                    valid.push(None);
                }
            }
        }
        Ok(Self { swept, base: scenario, others, valid, left_out })
    }

    /// The pack as it stands and every valid point, by number.
    pub fn numbers(&self) -> Vec<u32> {
        (0..).zip(&self.valid).filter(|(_, valid)| valid.is_some()).map(|(number, _)| number).collect()
    }

    /// Whether a point's pack has the hash.
    pub fn has(&self, point: u32, hash: &str) -> bool {
        self.valid.get(point as usize).is_some_and(|valid| valid.as_ref().is_some_and(|(own, _)| own == hash))
    }

    /// What is wrong with the points that are no valid pack.
    pub fn told(&self, rules_dir: &Path, globals: &Globals) -> Failure {
        if globals.format == Format::Json {
            let mistakes: Vec<Value> = self.left_out.iter().flat_map(|point| self.in_json(point)).collect();
            return Failure::Input(json!({ "errors": mistakes.len(), "diagnostics": mistakes }).to_string());
        }
        let (wrong, all) = (self.left_out.len(), self.swept.points.len());
        let mut text = format!("error: {wrong} of {all} points are no valid pack\n");
        for point in &self.left_out {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "\npoint {}: {}", point.point, self.coordinates(point.point));
            for Diagnostic { file, line, column, cause, remedy, .. } in &point.mistakes {
                let place = rules_dir.join(&**file);
                let _ = writeln!(text, "  {}:{line}:{column}: {cause}\n    remedy: {remedy}", place.display());
            }
        }
        let remedy = match wrong < all {
            true => "change the values, or add --skip-invalid to leave these points out",
            false => "change the values: no point is left to simulate",
        };
        Failure::Input(format!("{text}\n  remedy: {remedy}\nnothing was written"))
    }

    fn in_json(&self, left_out: &LeftOut) -> Vec<Value> {
        let with_point = |mistake: &Diagnostic| {
            let mut told = json!(mistake);
            if let Some(fields) = told.as_object_mut() {
                fields.insert("point".to_owned(), left_out.point.into());
                fields.insert("settings".to_owned(), self.coordinates(left_out.point).into());
            }
            told
        };
        left_out.mistakes.iter().map(with_point).collect()
    }

    /// The values of a point: `fatigue.warn_at = 0.4, fatigue.block_at = 0.8`.
    pub fn coordinates(&self, point: u32) -> String {
        let levels = (point as usize).checked_sub(1).and_then(|place| self.swept.points.get(place));
        let Some(levels) = levels else { return "the pack as it stands".to_owned() };
        let set = self.swept.dials.iter().zip(levels);
        set.map(|(dial, level)| format!("{} = {}", dial.name(), level.written)).collect::<Vec<_>>().join(", ")
    }

    /// The scenario under the pack as it stands.
    pub fn base_scenario(&self) -> &Scenario {
        &self.base
    }
}

/// The place of a policy among those met so far; a new one is added.
fn place_of(policy: &Policy, policies: &mut Vec<Policy>) -> usize {
    policies.iter().position(|known| known == policy).unwrap_or_else(|| {
        policies.push(policy.clone());
        policies.len() - 1
    })
}

impl Packs for Points<'_> {
    fn as_it_stands(&self) -> &CompiledRules {
        self.swept.rules
    }

    fn rules(&self, point: u32) -> Result<CompiledRules, Vec<Diagnostic>> {
        self.swept.compiled(point)
    }

    fn scenario(&self, point: u32) -> &Scenario {
        let place = self.valid.get(point as usize).and_then(|valid| valid.as_ref().map(|(_, place)| *place));
        place.and_then(|place| self.others.get(place.checked_sub(1)?)).unwrap_or(&self.base)
    }
}
