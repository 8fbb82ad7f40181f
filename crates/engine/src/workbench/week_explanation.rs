//! Explains results of a whole week: the limits that change it, and how many posts its channels have.

use std::sync::Arc;

use super::situation::Situation;
use super::week::{LimitState, limit_names, limit_state};
use crate::model::digits::short;
use crate::model::{Allocation, ClientPlan, LimitUse};
use crate::planner::{Explainer, ExplanationStep};
use crate::rules::{ACTIONS_A_DAY, CompiledRules};

/// Explains the result of a planned week with the given key: `posts`, `week` or `limits.<limit>`.
pub(super) fn week_explanation(
    rules: &CompiledRules,
    situation: &Situation,
    plan: &ClientPlan,
    key: &str,
) -> Vec<ExplanationStep> {
    let explanation =
        WeekExplanation { rules, situation, plan, explainer: Explainer::new(rules, situation.client(), None) };
    match key.strip_prefix("limits.") {
        Some(limit) => explanation.limit(limit),
        None => explanation.posts(),
    }
}

struct WeekExplanation<'w> {
    rules: &'w CompiledRules,
    situation: &'w Situation,
    plan: &'w ClientPlan,
    explainer: Explainer<'w>,
}

impl WeekExplanation<'_> {
    fn state(&self, limit: &str) -> Option<LimitState> {
        limit_state(self.plan, &self.explainer.effective, limit)
    }

    /// What a limit does to the week, its use in each period in which it has a price and, if it changes the week, its
    /// keys in the pack.
    fn limit(&self, limit: &str) -> Vec<ExplanationStep> {
        let state = self.state(limit);
        let name = state.map_or("unknown: no bound is proven", LimitState::name);
        let mut steps = vec![ExplanationStep::fact(format!("the limit {limit}: {name}"))];
        let uses = self.plan.certificate.iter().flat_map(|certificate| &certificate.limits);
        let costly = uses.filter(|limit_use| *limit_use.limit == *limit && limit_use.price > 0.0);
        steps.extend(costly.map(|limit_use| ExplanationStep::fact(use_text(limit_use))));
        if state.is_some_and(|state| state != LimitState::Slack) {
            steps.extend(self.keys(limit));
        }
        steps
    }

    /// The keys that the pack states for a limit.
    fn keys(&self, limit: &str) -> Vec<ExplanationStep> {
        if limit == ACTIONS_A_DAY {
            return self.explainer.setting("risk.default_policy.max_actions_per_day").into_iter().collect();
        }
        let prefix = format!("limits.{limit}.");
        let stated = self.rules.pack().stated_keys().into_iter().map(|stated| stated.key);
        let mut keys: Vec<String> = stated.filter(|key| key.starts_with(&prefix)).collect();
        keys.sort();
        keys.dedup();
        keys.iter().filter_map(|key| self.explainer.setting(key)).collect()
    }

    /// The number of posts of each channel, and the limits that change the week.
    fn posts(&self) -> Vec<ExplanationStep> {
        let channels = self.plan.allocations.iter().flat_map(|allocation| self.channel(allocation));
        let limits: Vec<Arc<str>> = limit_names(self.rules);
        let changes = |limit: &&Arc<str>| self.state(limit).is_some_and(|state| state != LimitState::Slack);
        channels.chain(limits.iter().filter(changes).flat_map(|limit| self.limit(limit))).collect()
    }

    fn channel(&self, allocation: &Allocation) -> Vec<ExplanationStep> {
        let Allocation { channel, posts_wanted, posts_planned, posts_blocked, why_fewer, .. } = allocation;
        let why = if why_fewer.is_empty() { String::new() } else { format!(": {why_fewer}") };
        let sentence =
            format!("{channel}: {posts_planned} of {posts_wanted} posts are planned, {posts_blocked} blocked{why}");
        let mut steps = vec![ExplanationStep::fact(sentence)];
        let key = |key: &str| format!("channels.{channel}.{key}");
        steps.extend(self.explainer.setting(&key("weekly_posts")));
        steps.extend(self.situation.hours().iter().flat_map(|hours| self.explainer.seasons(hours)));
        steps.extend(self.explainer.setting(&key("min_spacing_hours")));
        steps.extend(self.explainer.closed_ranges(*channel));
        steps
    }
}

/// The use of a limit in one of its periods, in words.
fn use_text(limit_use: &LimitUse) -> String {
    let LimitUse { limit, channel, campaign, from, hours, allowed, used, price, .. } = limit_use;
    let on_channel = channel.map_or_else(String::new, |channel| format!(" on {channel}"));
    let [used, allowed, price] = [used, allowed, price].map(|number| short(*number));
    let bound = if limit_use.kind.is_from_below() { "required" } else { "allowed" };
    let of_campaign = campaign.as_ref().map_or_else(String::new, |campaign| format!(" for campaign {campaign}"));
    format!("{limit}{of_campaign}{on_channel}, {hours} hours from {from}: {used} of {allowed} {bound}, price {price}")
}
