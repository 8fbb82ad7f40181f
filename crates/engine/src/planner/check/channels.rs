//! Checks the numbers of each channel's week: numbers of posts, fatigue, mean quality and cost, objective, and the
//! numbers of hours that rules removed.

use super::assets::{self, OnChannel};
use super::case::ClientCase;
use super::channel::ChannelCase;
use super::reviews::always_needs_review;
use super::{Findings, OBJECTIVE_ROUNDING, is_same};
use crate::model::{Allocation, Channel, Tier};
use crate::rules::{LimitBound, Rules};

/// Checks the allocations of a client's channels.
pub(super) fn check(case: &ClientCase<'_>, channels: &[ChannelCase<'_>], findings: &mut Findings) {
    let stated: Vec<Channel> = case.plan.allocations.iter().map(|allocation| allocation.channel).collect();
    let expected: Vec<Channel> = case.state.channels.iter().map(|state| state.channel).collect();
    if stated != expected {
        let names = |channels: &[Channel]| channels.iter().map(|channel| channel.name()).collect::<Vec<_>>().join(", ");
        let detail = format!("allocations of [{}], the client has [{}]", names(&stated), names(&expected));
        findings.report_client("allocations", detail);
    }
    for channel in channels {
        let Some(allocation) = channel.allocation else { continue };
        let week = ChannelWeek { channel, allocation };
        week.check_counts(findings);
        week.check_why_fewer(findings);
        week.check_reviews(findings);
        week.check_numbers(findings);
        week.check_objective(findings);
        week.check_hours(findings);
    }
}

struct ChannelWeek<'c, 'a> {
    channel: &'c ChannelCase<'a>,
    allocation: &'c Allocation,
}

impl ChannelWeek<'_, '_> {
    fn report(&self, rule: &'static str, detail: String, findings: &mut Findings) {
        findings.report_channel(self.channel.state.channel, rule, detail);
    }

    fn check_counts(&self, findings: &mut Findings) {
        let (stated, channel) = (self.allocation, self.channel);
        let channel_posts = channel.case.plan.posts.iter().filter(|post| post.channel == channel.state.channel);
        let planned = channel_posts.clone().count();
        let blocked = channel_posts.filter(|post| !post.is_live()).count();
        let counts = [
            ("posts_wanted", stated.posts_wanted, channel.posts_wanted() as usize),
            ("posts_target", stated.posts_target, channel.posts_target().unwrap_or(stated.posts_target) as usize),
            ("posts_planned", stated.posts_planned, planned),
            ("posts_blocked", stated.posts_blocked, blocked),
        ];
        for (rule, stated, derived) in counts {
            if stated as usize != derived {
                self.report(rule, format!("the plan says {stated}, it is {derived}"), findings);
            }
        }
    }

    /// A reason is given if and only if fewer posts are planned and not blocked than the greater of `weekly_posts` and
    /// the number wanted in this week. If a script sets the target, a reason may also be given if no post is missing.
    fn check_why_fewer(&self, findings: &mut Findings) {
        let live = self.channel.posts.iter().filter(|placed| placed.post.is_live()).count();
        let wanted = self.channel.rules.weekly_posts.max(self.channel.posts_wanted()) as usize;
        let has_reason = !self.allocation.why_fewer.is_empty();
        if live < wanted && !has_reason {
            let detail = format!("{live} of {wanted} posts, and no reason for the missing ones");
            self.report("why_fewer", detail, findings);
        }
        if live >= wanted && has_reason && !self.channel.case.hooks.weekly_posts {
            self.report("why_fewer", format!("a reason for fewer than {wanted} posts, but there are {live}"), findings);
        }
    }

    fn check_reviews(&self, findings: &mut Findings) {
        let (stated, derived) = (self.allocation.always_needs_review, always_needs_review(self.channel));
        if stated != derived {
            let detail = format!("the plan says {stated}, it is {derived}");
            self.report("always_needs_review", detail, findings);
        }
    }

    fn check_numbers(&self, findings: &mut Findings) {
        let (stated, channel) = (self.allocation, self.channel);
        let end = channel.fatigue_of_live(channel.case.clock.len());
        let mut numbers = vec![
            ("fatigue_start", stated.fatigue_start, channel.fatigue_start),
            ("fatigue_end", stated.fatigue_end, end),
        ];
        numbers.extend(self.mean_quality().map(|mean| ("mean_quality", stated.mean_quality, mean)));
        // The cost of a post is assumed to be proportional to its quality, as its value is.
        numbers.push(("mean_cost", stated.mean_cost, stated.mean_quality * self.usual_cost()));
        for (rule, stated, derived) in numbers {
            if !is_same(stated, derived) {
                self.report(rule, format!("the plan says {stated}, it is {derived}"), findings);
            }
        }
        let [least, most] = quality_bounds(channel);
        if !(least..=most).contains(&stated.mean_quality) {
            let detail = format!("the plan says {}, the rules keep it within {least}..={most}", stated.mean_quality);
            self.report("mean_quality", detail, findings);
        }
        let must_be_zero = channel.case.base().fatigue.end_weight_rounds == 0;
        let is_price = stated.end_weight.is_finite() && stated.end_weight >= 0.0;
        if !is_price || (must_be_zero && stated.end_weight != 0.0) {
            let detail = format!("{} is not a possible price of fatigue under these rules", stated.end_weight);
            self.report("end_weight", detail, findings);
        }
        if stated.tier != Tier::Exact {
            self.report("tier", format!("solved to tier `{}`; plans are solved exactly", stated.tier), findings);
        }
    }

    /// Mean quality factor of the best usable assets, one for each post to place; a post for which no asset is left
    /// counts with `quality_without_asset`. 1 if there is no post to place; `None` if a script scores the assets.
    fn mean_quality(&self) -> Option<f64> {
        let (channel, case) = (self.channel, &self.channel.case);
        if case.hooks.score_asset {
            return None;
        }
        let posts_max = channel.posts_max()? as usize;
        if posts_max == 0 {
            return Some(1.0);
        }
        let quality = |usable: &OnChannel<'_>| {
            let rules = &case.rules.of(usable.asset.campaign_id.as_ref()).assets;
            assets::quality(rules, usable.score(rules)) * assets::content_type_factor(channel.rules, usable.asset)
        };
        let mut best: Vec<f64> = channel.usable.iter().map(quality).collect();
        best.sort_by(|a, b| b.total_cmp(a));
        best.resize(posts_max, case.base().assets.quality_without_asset);
        Some(best.iter().sum::<f64>() / posts_max as f64)
    }

    /// Cost of a post of quality factor 1: the cost of the work on its asset, and that of the audience members who
    /// leave because of the post. The work costs the mean over the client's assets that have content and fit the
    /// channel, whether usable this week or not; if there are none, as much as for a post without an asset.
    fn usual_cost(&self) -> f64 {
        let (channel, case) = (self.channel, &self.channel.case);
        let (mut sum, mut count) = (0.0, 0.0);
        for asset in &case.client.assets {
            if assets::has_content(asset) && assets::fits(asset, channel.state.channel) {
                sum += assets::cost(&case.rules.of(asset.campaign_id.as_ref()).assets, asset);
                count += 1.0;
            }
        }
        let work = if count > 0.0 { sum / count } else { assets::cost_without(&case.base().assets) };
        work + channel.leaving_cost()
    }

    /// The objective is what the planned posts are worth less their costs and the price of the fatigue that the next
    /// week inherits. The upper bound is not below it, and leaving out any one post does not raise it.
    fn check_objective(&self, findings: &mut Findings) {
        let stated = self.allocation;
        let (objective, scale) = self.objective(None);
        let tolerance = OBJECTIVE_ROUNDING * scale.max(stated.objective.abs()).max(f64::MIN_POSITIVE);
        let is_near = |a: f64, b: f64| (a - b).abs() <= tolerance;
        if !is_near(stated.objective, objective) {
            self.report("objective", format!("the plan says {}, it is {objective}", stated.objective), findings);
        }
        // Only an exact solution has these properties; any other tier has been reported.
        if stated.tier != Tier::Exact {
            return;
        }
        let is_bound = stated.upper_bound >= stated.objective - tolerance;
        if !is_bound {
            let detail = format!("the bound {} lies below the objective {}", stated.upper_bound, stated.objective);
            self.report("upper_bound", detail, findings);
        }
        // A minimum, or the order of channels, may demand posts that cost more than they earn.
        let may_demand_posts = |bound| !matches!(bound, LimitBound::AtMost(_) | LimitBound::AtMostShare(_));
        if self.channel.case.base().limits.iter().any(|limit| may_demand_posts(limit.bound)) {
            return;
        }
        for placed in &self.channel.posts {
            let (without, _) = self.objective(Some(placed.hour));
            if without > objective + tolerance {
                let detail = format!("leaving it out raises the objective from {objective} to {without}");
                findings.report_post(&self.channel.case, placed.post, "worthless_post", detail);
            }
        }
    }

    /// The objective without the post at the hour `left_out`, if one is given, and its scale. The objective sums value
    /// · mean quality · worth · keep factor · response - mean cost over the planned posts, blocked ones included, less
    /// the price of fatigue at the end. The scale sums the absolute values of the same terms, with a response of 1.
    fn objective(&self, left_out: Option<i64>) -> (f64, f64) {
        let (channel, clock) = (self.channel, self.channel.case.clock);
        let fatigue = |hour: i64| match left_out {
            Some(post) => channel.fatigue_without(post, hour),
            None => channel.fatigue_of_all(hour),
        };
        let (mut earned, mut scale) = (0.0, 0.0);
        for placed in channel.posts.iter().filter(|placed| Some(placed.hour) != left_out) {
            let value = channel.hour_value_of(placed) * self.allocation.mean_quality * channel.rules.worth;
            let value = value * channel.keep_factor(placed.hour);
            earned += value * channel.response(fatigue(placed.hour)) - self.allocation.mean_cost;
            scale += value.abs() + self.allocation.mean_cost.abs();
        }
        let price = self.allocation.end_weight * fatigue(clock.len());
        (earned - price, scale + price.abs())
    }

    /// Hours allowed and hours removed add up to the week, and each rule removed the expected number.
    fn check_hours(&self, findings: &mut Findings) {
        let stated = self.allocation;
        let hours = self.channel.case.clock.hours.len() as u64;
        let removed: u64 = stated.hours_removed.iter().map(|(_, count)| u64::from(*count)).sum();
        if u64::from(stated.hours_allowed) + removed != hours {
            let detail = format!("{} allowed and {removed} removed, the week has {hours}", stated.hours_allowed);
            self.report("hours", detail, findings);
        }
        let counts = self.hours_removed();
        let count_of =
            |rule: &str| stated.hours_removed.iter().filter(|(name, _)| *name == rule).map(|(_, n)| *n).sum();
        for (rule, derived) in counts {
            let stated: u32 = count_of(rule);
            if stated != derived {
                let detail = format!("the plan says that {rule} removed {stated} hours, it removed {derived}");
                self.report("hours", detail, findings);
            }
        }
        let is_rule = |name: &str| counts.iter().any(|(rule, _)| *rule == name);
        for (name, _) in stated.hours_removed.iter().filter(|(name, _)| !is_rule(name)) {
            self.report("hours", format!("no rule `{name}` removes hours"), findings);
        }
    }

    /// Number of hours that each rule removes, in the order of the rules in `rules_that_remove`. An hour counts for the
    /// first rule that removes it.
    fn hours_removed(&self) -> [(&'static str, u32); 7] {
        let names = ["past", "closed_day", "closed_hours", "quiet_hours", "last_post", "committed_post", "guardrail"];
        let mut counts = names.map(|name| (name, 0));
        for rule in self.channel.rules_that_remove().into_iter().flatten() {
            if let Some((_, count)) = counts.get_mut(rule) {
                *count += 1;
            }
        }
        counts
    }
}

/// The least and the greatest mean quality factor that the client's rules allow. 1, which is stated if there is no post
/// to place, is always allowed.
fn quality_bounds(channel: &ChannelCase<'_>) -> [f64; 2] {
    let case = &channel.case;
    let by_type = channel.usable.iter().map(|usable| assets::content_type_factor(channel.rules, usable.asset));
    let [lowest, highest] =
        by_type.fold([1.0, 1.0], |[low, high]: [f64; 2], factor| [low.min(factor), high.max(factor)]);
    let of_campaigns = case.client.campaigns.iter().map(|campaign| case.rules.of(Some(&campaign.id)));
    let factors = |rules: &Rules| {
        let rules = &rules.assets;
        let by_score = [rules.quality_at_0, rules.quality_at_100];
        let low = by_score.map(|factor| factor * lowest);
        let high = by_score.map(|factor| factor * highest);
        low.into_iter().chain(high).chain([rules.quality_without_asset])
    };
    let all = std::iter::once(case.base()).chain(of_campaigns).flat_map(factors);
    let [least, most] = all.fold([1.0, 1.0], |[least, most]: [f64; 2], factor| [least.min(factor), most.max(factor)]);
    [least - super::ROUNDING, most + super::ROUNDING]
}
