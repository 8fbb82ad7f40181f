//! Each channel's allocation with the reasons for missing posts, and the conflicts of a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::channel::ChannelDraft;
use super::hours::HourRule;
use super::post_evaluation::fatigue_at_end;
use crate::model::{
    Allocation, Channel, Conflict, ConflictKind, Outcome, Post, Reason, Severity, Signals, TargetSource, Tier,
};
use crate::rules::ClientRules;

/// Name under which `hours_removed` lists the hours that guardrails close.
const CLOSED_BY_GUARDRAIL: &str = "guardrail";

/// One channel's allocation, from its draft and the client's evaluated posts.
///
/// `week_hours` is the number of hours of the week; `limits` are the names of the limits for which posts of the channel
/// were left out.
pub(super) fn allocation(
    channel_draft: &ChannelDraft<'_>,
    posts: &[Post],
    week_hours: usize,
    limits: &[&str],
) -> Allocation {
    let channel = channel_draft.state.channel;
    let channel_posts: Vec<&Post> = posts.iter().filter(|post| post.channel == channel).collect();
    let blocked = channel_posts.iter().filter(|post| !post.is_live()).count();
    let forbidden_by =
        |rule: HourRule| channel_draft.hours.forbidden.iter().filter(|by| **by == Some(rule)).count() as u32;
    let hours_removed = HourRule::ALL
        .into_iter()
        .map(|rule| (rule.name(), forbidden_by(rule)))
        .chain([(CLOSED_BY_GUARDRAIL, channel_draft.closed.len() as u32)])
        .filter(|(_, count)| *count > 0)
        .collect();
    Allocation {
        channel,
        snapshot: Arc::clone(&channel_draft.snapshot),
        posts_wanted: channel_draft.posts_wanted,
        posts_target: channel_draft.posts_target,
        target_source: channel_draft.target_source,
        posts_planned: channel_posts.len() as u32,
        posts_blocked: blocked as u32,
        why_fewer: why_fewer(channel_draft, &channel_posts, limits),
        always_needs_review: channel_draft.always_needs_review,
        fatigue_start: channel_draft.instance.fatigue_start,
        fatigue_end: fatigue_at_end(channel_draft, posts, week_hours),
        mean_quality: channel_draft.mean.quality,
        mean_cost: channel_draft.mean.cost,
        end_weight: channel_draft.instance.end_weight,
        objective: channel_draft.solution.objective,
        upper_bound: channel_draft.upper_bound,
        tier: if channel_draft.solution.optimal { Tier::Exact } else { Tier::Fast },
        hours_allowed: channel_draft.instance.allowed.iter().filter(|allowed| **allowed).count() as u32,
        hours_removed,
        hours_closed_by_guardrails: channel_draft.closed.keys().copied().collect(),
    }
}

/// Why fewer posts are planned and not blocked than the greater of the channel's `weekly_posts` and the number wanted
/// in this week; empty if no post is missing. Also names a script that sets another target, even a higher one.
fn why_fewer(channel_draft: &ChannelDraft<'_>, posts: &[&Post], limits: &[&str]) -> String {
    let mut reasons = Vec::new();
    let (weekly_posts, wanted) = (channel_draft.rules.weekly_posts, channel_draft.posts_wanted);
    if wanted < weekly_posts {
        reasons.push(format!("the season lowers weekly posts from {weekly_posts} to {wanted}"));
    }
    if channel_draft.posts_target != wanted {
        reasons.push(why_other_target(channel_draft));
    }
    let committed = channel_draft.hours.committed.len();
    if committed > 0 {
        reasons.push(format!("{committed} committed already"));
    }
    let placed = channel_draft.solution.chosen.len();
    let missing = channel_draft.instance.posts_max.saturating_sub(placed);
    if missing > 0 {
        reasons.push(format!("{missing} {}", why_unplaced(channel_draft, limits)));
    }
    let mut by_rule: BTreeMap<&str, u32> = BTreeMap::new();
    for reason in posts.iter().filter_map(|post| post.blocked.as_deref()) {
        *by_rule.entry(reason.rule()).or_default() += 1;
    }
    reasons.extend(by_rule.into_iter().map(|(rule, count)| format!("{count} blocked by {rule}")));
    reasons.join("; ")
}

/// Why the target differs from the number of posts that the rules want.
fn why_other_target(channel_draft: &ChannelDraft<'_>) -> String {
    let (wanted, target) = (channel_draft.posts_wanted, channel_draft.posts_target);
    match channel_draft.target_source {
        TargetSource::FatigueSteps => {
            format!(
                "fatigue {:.2} lowers the target from {wanted} posts to {target}",
                channel_draft.instance.fatigue_start
            )
        }
        TargetSource::Hook => {
            format!("the pack's `weekly_posts` function changes the target from {wanted} posts to {target}")
        }
    }
}

/// Why fewer posts are placed than the target allows: limits, a guardrail, no room, or no gain.
fn why_unplaced(channel_draft: &ChannelDraft<'_>, limits: &[&str]) -> String {
    if !limits.is_empty() {
        return format!("left out for {}", limits_named(limits));
    }
    if let Some(verdict) = channel_draft.avoided.values().next() {
        return format!("left out: the guardrail {} would block another post alongside those planned", verdict.rule);
    }
    let chosen = &channel_draft.solution.chosen;
    let fits = |hour: usize| {
        let mut with_hour = chosen.clone();
        let position = with_hour.partition_point(|other| *other < hour);
        with_hour.insert(position, hour);
        channel_draft.instance.is_feasible(&with_hour)
    };
    let has_room = (0..channel_draft.instance.value.len()).any(|hour| !chosen.contains(&hour) && fits(hour));
    let reason = if has_room {
        "left out: another post would cost more in fatigue than it earns"
    } else {
        "without a free hour: spacing, closed hours and the fatigue block leave none"
    };
    reason.to_owned()
}

/// For example "the limit `a`" or "the limits `a`, `b`".
fn limits_named(limits: &[&str]) -> String {
    let distinct: BTreeSet<&str> = limits.iter().copied().collect();
    let quoted: Vec<String> = distinct.iter().map(|name| format!("`{name}`")).collect();
    format!("the {} {}", if distinct.len() == 1 { "limit" } else { "limits" }, quoted.join(", "))
}

/// A conflict for each channel and each reason other than a guardrail for which its posts are blocked.
fn non_guardrail_conflicts(posts: &[Post]) -> Vec<Conflict> {
    let mut grouped: BTreeMap<(Channel, &'static str), Conflict> = BTreeMap::new();
    let blocked = posts.iter().filter_map(|post| Some((post, post.blocked.as_deref()?)));
    for (post, reason) in blocked.filter(|(_, reason)| !reason.is_from_guardrail()) {
        grouped.entry((post.channel, reason.code())).and_modify(|conflict| conflict.affected += 1).or_insert_with(
            || Conflict {
                channel: Some(post.channel),
                kind: match reason {
                    Reason::NoAsset | Reason::EmptyAsset { .. } => ConflictKind::Asset,
                    _ => ConflictKind::Policy,
                },
                severity: Severity::High,
                description: reason.to_string(),
                affected: 1,
                resolution: reason.remedy().to_owned(),
            },
        );
    }
    grouped.into_values().collect()
}

/// The conflict that reports limits that cannot be satisfied together; `None` if there are none.
fn unmet_limits_conflict(limits: &[Arc<str>]) -> Option<Conflict> {
    let names: Vec<&str> = limits.iter().map(|name| &**name).collect();
    let together = if names.len() > 1 { " together" } else { "" };
    (!names.is_empty()).then(|| Conflict {
        channel: None,
        kind: ConflictKind::Policy,
        severity: Severity::High,
        description: format!("no week was found that keeps {}{together}: nothing is planned", limits_named(&names)),
        affected: limits.len() as u32,
        resolution: "loosen one of them, or give it a `price` in limits.toml".to_owned(),
    })
}

/// Conflicts of a client's plan: limits that cannot be satisfied, days on which channels want more posts than the
/// policy allows, posts that a guardrail warns of or blocks (by channel and guardrail), and posts that are blocked for
/// another reason.
pub(super) fn conflicts(
    rules: &ClientRules,
    posts: &[Post],
    signals: &Signals,
    unmet_limits: &[Arc<str>],
) -> Vec<Conflict> {
    let mut conflicts: Vec<Conflict> = unmet_limits_conflict(unmet_limits).into_iter().collect();
    if let Some(first) = signals.scaling.full_days.first() {
        let days = signals.scaling.full_days.len();
        conflicts.push(Conflict {
            channel: None,
            kind: ConflictKind::Timing,
            severity: Severity::Low,
            description: format!("channels want more posts than the policy allows on {days} day(s), the first {first}"),
            affected: days as u32,
            resolution: "raise the policy's `max_actions_per_day`, or lower a channel's `weekly_posts`".to_owned(),
        });
    }
    let mut grouped: BTreeMap<(Channel, usize, Outcome), Conflict> = BTreeMap::new();
    for post in posts {
        let guardrails = &rules.of(post.campaign_id.as_ref()).guardrails;
        for (position, verdict) in post.verdicts.iter().enumerate().filter(|(_, v)| v.outcome != Outcome::Pass) {
            let kind = guardrails.get(position).map_or(ConflictKind::Policy, |guardrail| guardrail.conflict);
            grouped
                .entry((post.channel, position, verdict.outcome))
                .and_modify(|conflict| conflict.affected += 1)
                .or_insert_with(|| Conflict {
                    channel: Some(post.channel),
                    kind,
                    severity: if verdict.outcome == Outcome::Block { Severity::High } else { Severity::Medium },
                    description: format!("{}: {}", verdict.rule, verdict.reason),
                    affected: 1,
                    resolution: verdict.remedy.to_string(),
                });
        }
    }
    conflicts.extend(grouped.into_values());
    conflicts.extend(non_guardrail_conflicts(posts));
    conflicts
}
