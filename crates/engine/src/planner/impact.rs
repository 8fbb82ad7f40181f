//! Impact of a changed rules pack: recorded decisions compared with what the changed rules would decide.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use super::post_status::PostStatus;
use super::replay::{DecisionSource, Recorded};
use super::rule_evaluation::RuleEvaluation;
use crate::model::{Channel, ClientId, Outcome, Reason, ScheduleStatus, Timestamp, Verdict, WorkspaceId};
use crate::rules::{CONFIDENCE, CompiledRules};

/// One way in which a decision changes, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Was not blocked, and is now.
    Blocked,
    /// Ran without review, and needs one now.
    NeedsReview,
    /// The risk band is higher.
    BandRaised,
    /// No longer blocked.
    Allowed,
    /// Needed a review, and runs without one now.
    RunsAlone,
    /// The risk band is lower.
    BandLowered,
}

impl ChangeKind {
    /// Every kind, the worst first.
    pub const ALL: [ChangeKind; 6] = [
        ChangeKind::Blocked,
        ChangeKind::NeedsReview,
        ChangeKind::BandRaised,
        ChangeKind::Allowed,
        ChangeKind::RunsAlone,
        ChangeKind::BandLowered,
    ];

    /// The change in words, for display.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            ChangeKind::Blocked => "would have been blocked",
            ChangeKind::NeedsReview => "would have needed a review",
            ChangeKind::BandRaised => "of higher risk",
            ChangeKind::Allowed => "would have been allowed",
            ChangeKind::RunsAlone => "would have run without review",
            ChangeKind::BandLowered => "of lower risk",
        }
    }

    /// The ways in which `after` differs from `before`, the worst first.
    #[must_use]
    pub fn between(before: PostStatus, after: PostStatus) -> Vec<ChangeKind> {
        use ScheduleStatus::{Blocked, Pending, Ready};
        let of_status = match (before.status, after.status) {
            (Blocked, Blocked) => None,
            (_, Blocked) => Some(ChangeKind::Blocked),
            (Blocked, _) => Some(ChangeKind::Allowed),
            (Ready, Pending) => Some(ChangeKind::NeedsReview),
            (Pending, Ready) => Some(ChangeKind::RunsAlone),
            _ => None,
        };
        let of_band = match before.risk.cmp(&after.risk) {
            std::cmp::Ordering::Less => Some(ChangeKind::BandRaised),
            std::cmp::Ordering::Greater => Some(ChangeKind::BandLowered),
            std::cmp::Ordering::Equal => None,
        };
        let mut kinds: Vec<ChangeKind> = of_status.into_iter().chain(of_band).collect();
        kinds.sort_unstable();
        kinds
    }
}

/// The rule responsible for a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cause {
    /// The guardrail, `confidence` or `bands`.
    pub rule: Arc<str>,
    /// The reason, for display.
    pub reason: Arc<str>,
    /// File of the rule; for a block that no longer applies, in the pack that had blocked the post.
    pub file: Arc<str>,
    /// 1-based line; 0 if there is none.
    pub line: u32,
}

/// A recorded decision that the rules would now make differently.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Id of the schedule.
    pub schedule_id: Uuid,
    /// The client whose post it is.
    pub client_id: ClientId,
    /// The workspace of the client.
    pub workspace_id: WorkspaceId,
    /// The channel.
    pub channel: Channel,
    /// When the post was to go out, on the client's clock.
    pub local_time: String,
    /// When the recorded decision was made.
    pub decided_at: Timestamp,
    /// What made the recorded decision.
    pub occasion: DecisionSource,
    /// The post as recorded.
    pub before: PostStatus,
    /// The post as the rules evaluate it now.
    pub after: PostStatus,
    /// The changes, the worst first, each with its cause.
    pub differs: Vec<(ChangeKind, Cause)>,
}

/// Number of decisions by kind of change; one decision may count under two kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImpactCount {
    /// Decisions re-evaluated.
    pub judged: u64,
    /// Decisions whose status and band stay as recorded.
    pub same: u64,
    /// Decisions among the `same` whose confidence is not the recorded one.
    pub other_confidence: u64,
    /// Changed decisions, by kind of change.
    pub differ: BTreeMap<ChangeKind, u64>,
}

impl ImpactCount {
    /// Number of decisions with the given kind of change.
    #[must_use]
    pub fn of(&self, kind: ChangeKind) -> u64 {
        self.differ.get(&kind).copied().unwrap_or(0)
    }

    /// Sort key: the greater, the worse.
    fn harm(&self) -> Vec<u64> {
        let stricter = self.of(ChangeKind::Blocked) + self.of(ChangeKind::NeedsReview);
        let totals = [stricter, self.judged - self.same];
        totals.into_iter().chain(ChangeKind::ALL.map(|kind| self.of(kind))).collect()
    }

    fn add(&mut self, kinds: &[ChangeKind], other_confidence: bool) {
        self.judged += 1;
        self.same += u64::from(kinds.is_empty());
        self.other_confidence += u64::from(kinds.is_empty() && other_confidence);
        for kind in kinds {
            *self.differ.entry(*kind).or_default() += 1;
        }
    }
}

/// A kind of change with the rule responsible for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CauseKey {
    /// The kind of change.
    pub kind: ChangeKind,
    /// The guardrail, `confidence` or `bands`.
    pub rule: Arc<str>,
    /// File of the rule.
    pub file: Arc<str>,
    /// 1-based line of the rule; 0 if there is none.
    pub line: u32,
}

/// Impact of a pack on recorded decisions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Impact {
    /// Totals.
    pub count: ImpactCount,
    /// Number of the re-evaluated decisions that a daily pass made.
    pub by_daily_pass: u64,
    /// Decisions whose record lacks the facts that the rules saw; these cannot be re-evaluated.
    pub without_facts: u64,
    /// Posts blocked for lack of a review. This is not re-evaluated, so they stay blocked.
    pub held_for_review: u64,
    /// Counts by channel.
    pub channels: BTreeMap<Channel, ImpactCount>,
    /// Counts by client and channel.
    pub clients: BTreeMap<(ClientId, Channel), ImpactCount>,
    /// By kind of change and rule: the number of decisions, and the reason of the first.
    pub causes: BTreeMap<CauseKey, (u64, Arc<str>)>,
    /// The first changed decisions, by their worst kind of change.
    pub changes: BTreeMap<ChangeKind, Vec<Change>>,
}

impl Impact {
    /// Adds a recorded decision and its re-evaluation. At most `max_changes` changes of each kind are stored.
    pub fn add(&mut self, recorded: &Recorded, evaluated: &RuleEvaluation, rules: &CompiledRules, max_changes: usize) {
        let before = recorded.post_status;
        let after = PostStatus { status: evaluated.status, risk: evaluated.risk, confidence: evaluated.confidence };
        let kinds = ChangeKind::between(before, after);
        let other_confidence = (before.confidence - after.confidence).abs() > 1e-9;
        self.count.add(&kinds, other_confidence);
        self.by_daily_pass += u64::from(recorded.occasion == DecisionSource::Daily);
        self.held_for_review += u64::from(recorded.engine_block.as_ref().is_some_and(Reason::is_lack_of_review));
        self.channels.entry(recorded.channel).or_default().add(&kinds, other_confidence);
        let client = (recorded.client_id.clone(), recorded.channel);
        self.clients.entry(client).or_default().add(&kinds, other_confidence);
        let differs: Vec<(ChangeKind, Cause)> =
            kinds.iter().map(|kind| (*kind, cause_of(*kind, recorded, evaluated, rules))).collect();
        for (kind, cause) in &differs {
            let key = CauseKey {
                kind: *kind,
                rule: Arc::clone(&cause.rule),
                file: Arc::clone(&cause.file),
                line: cause.line,
            };
            self.causes.entry(key).or_insert_with(|| (0, Arc::clone(&cause.reason))).0 += 1;
        }
        let Some(worst) = kinds.first() else { return };
        let stored = self.changes.entry(*worst).or_default();
        if stored.len() < max_changes {
            stored.push(change(recorded, after, differs));
        }
    }

    /// Clients' channels with changes, the worst affected first.
    #[must_use]
    pub fn worst_clients(&self) -> Vec<(&(ClientId, Channel), &ImpactCount)> {
        worst_first(&self.clients)
    }

    /// Channels with changes, the worst affected first.
    #[must_use]
    pub fn worst_channels(&self) -> Vec<(&Channel, &ImpactCount)> {
        worst_first(&self.channels)
    }
}

fn worst_first<K>(counts: &BTreeMap<K, ImpactCount>) -> Vec<(&K, &ImpactCount)> {
    let mut affected: Vec<(&K, &ImpactCount)> = counts.iter().filter(|(_, count)| count.same < count.judged).collect();
    affected.sort_by_key(|(_, count)| std::cmp::Reverse(count.harm()));
    affected
}

fn change(recorded: &Recorded, after: PostStatus, differs: Vec<(ChangeKind, Cause)>) -> Change {
    let local = recorded.zone.local(recorded.scheduled_for);
    Change {
        schedule_id: recorded.schedule_id,
        client_id: recorded.client_id.clone(),
        workspace_id: recorded.workspace_id.clone(),
        channel: recorded.channel,
        local_time: local.format("%Y-%m-%d %a %H:%M").to_string(),
        decided_at: recorded.decided_at,
        occasion: recorded.occasion,
        before: recorded.post_status,
        after,
        differs,
    }
}

impl Cause {
    fn of(verdict: &Verdict) -> Self {
        let Verdict { rule, reason, file, line, .. } = verdict.clone();
        Self { rule, reason, file, line }
    }
}

/// The rule responsible for a change of a recorded decision.
fn cause_of(kind: ChangeKind, recorded: &Recorded, evaluated: &RuleEvaluation, rules: &CompiledRules) -> Cause {
    let block = evaluated.verdicts.iter().find(|verdict| verdict.outcome == Outcome::Block);
    let guardrail = match kind {
        ChangeKind::Blocked => block.map(|verdict| Cause::of(verdict)),
        ChangeKind::Allowed => recorded.blocked_by().map(Cause::of),
        ChangeKind::NeedsReview | ChangeKind::BandRaised => {
            let is_new = |verdict: &&Arc<Verdict>| !warns(recorded.verdicts.iter(), &verdict.rule);
            let mut warnings = evaluated.verdicts.iter().filter(|verdict| verdict.outcome == Outcome::Warn);
            warnings.find(is_new).map(|verdict| Cause::of(verdict))
        }
        ChangeKind::RunsAlone | ChangeKind::BandLowered => {
            let still_warns = |rule: &str| warns(evaluated.verdicts.iter().map(AsRef::as_ref), rule);
            let mut warnings = recorded.verdicts.iter().filter(|verdict| verdict.outcome == Outcome::Warn);
            warnings.find(|verdict| !still_warns(&verdict.rule)).map(Cause::of)
        }
    };
    guardrail.unwrap_or_else(|| confidence_cause(recorded, evaluated, rules))
}

/// Whether the guardrail `rule` warned.
fn warns<'v>(mut verdicts: impl Iterator<Item = &'v Verdict>, rule: &str) -> bool {
    verdicts.any(|verdict| verdict.outcome == Outcome::Warn && &*verdict.rule == rule)
}

/// The cause if no guardrail is responsible: the confidence changed, or the thresholds of the bands did.
fn confidence_cause(recorded: &Recorded, evaluated: &RuleEvaluation, rules: &CompiledRules) -> Cause {
    let before = recorded.post_status;
    let has_confidence_changed = (before.confidence - evaluated.confidence).abs() > 1e-9;
    let (rule, key, reason) = if has_confidence_changed {
        ("confidence", "risk.confidence", format!("confidence {:.2} -> {:.2}", before.confidence, evaluated.confidence))
    } else {
        ("bands", "risk.bands.low.from", format!("confidence {:.2} is {} risk now", before.confidence, evaluated.risk))
    };
    let function = rules.place_of_function(CONFIDENCE).filter(|_| has_confidence_changed);
    let Recorded { workspace_id, client_id, campaign_id, .. } = recorded;
    let overlays = rules.pack().overlay_key(workspace_id, client_id, campaign_id.as_ref());
    let (file, line) =
        function.or_else(|| rules.pack().place_with(&overlays, key)).unwrap_or_else(|| ("risk.toml".into(), 0));
    Cause { rule: rule.into(), reason: reason.into(), file, line }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RiskBand;

    fn all_statuses() -> Vec<PostStatus> {
        let statuses = [ScheduleStatus::Pending, ScheduleStatus::Ready, ScheduleStatus::Blocked];
        let of_each_band =
            |status| RiskBand::ALL.into_iter().map(move |risk| PostStatus { status, risk, confidence: 0.5 });
        statuses.into_iter().flat_map(of_each_band).collect()
    }

    fn opposite(kind: ChangeKind) -> ChangeKind {
        match kind {
            ChangeKind::Blocked => ChangeKind::Allowed,
            ChangeKind::Allowed => ChangeKind::Blocked,
            ChangeKind::NeedsReview => ChangeKind::RunsAlone,
            ChangeKind::RunsAlone => ChangeKind::NeedsReview,
            ChangeKind::BandRaised => ChangeKind::BandLowered,
            ChangeKind::BandLowered => ChangeKind::BandRaised,
        }
    }

    #[test]
    fn swapping_before_and_after_gives_the_opposite_changes() {
        let pairs = all_statuses().into_iter().flat_map(|a| all_statuses().into_iter().map(move |b| (a, b)));
        for (before, after) in pairs {
            let forwards = ChangeKind::between(before, after);
            let mut backwards: Vec<ChangeKind> = ChangeKind::between(after, before).into_iter().map(opposite).collect();
            backwards.sort_unstable();
            assert_eq!(forwards, backwards, "{before:?} {after:?}");
            let is_same = (before.status, before.risk) == (after.status, after.risk);
            assert_eq!(forwards.is_empty(), is_same, "{before:?} {after:?}");
            assert!(forwards.is_sorted(), "{forwards:?}");
        }
    }
}
