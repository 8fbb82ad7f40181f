//! Checks the numbers of each post: value, fatigue, score, expected engagement, priority, guardrails, confidence, risk
//! and status. Each number is derived from the expected values of the numbers before it, so that one wrong number is
//! one breach; only the planner's choices and what scripts returned are taken from the plan.

use super::assets::{self, OnChannel};
use super::channel::{ChannelCase, Placed, reached_value};
use super::clock::LocalHour;
use super::reviews::{confidence_steps, may_run_unreviewed};
use super::{CONFIDENCE_ROUNDING, Findings, is_same};
use crate::model::{Asset, CampaignId, Outcome, Post, Reason, RiskBand, ScheduleStatus};
use crate::rules::Rules;

/// Checks the posts of a channel.
pub(super) fn check(channel: &ChannelCase<'_>, findings: &mut Findings) {
    for placed in &channel.posts {
        let Some(moment) = channel.case.clock.moment(placed.hour) else { continue };
        let post = PostCheck::of(channel, placed, moment);
        post.check_campaign(findings);
        post.check_numbers(findings);
        post.check_guardrails(findings);
        post.check_confidence(findings);
        post.check_risk_and_status(findings);
    }
}

/// One post and its expected numbers.
struct PostCheck<'c, 'a> {
    channel: &'c ChannelCase<'a>,
    post: &'a Post,
    asset: Option<&'a Asset>,
    /// The asset's campaign, or else the one that applies to any asset.
    campaign: Option<&'a CampaignId>,
    /// The rules with that campaign's overlays.
    rules: &'a Rules,
    slot_value: f64,
    fatigue: f64,
    keep_bonus: f64,
    score: f64,
    quality: f64,
    cost: f64,
}

/// What the objective counts a post for in addition because the week's previous plan has a post of the channel in its
/// hour. Blocked posts count for nothing.
fn keep_bonus(channel: &ChannelCase<'_>, placed: &Placed<'_>) -> f64 {
    if !placed.post.is_live() {
        return 0.0;
    }
    let mean_quality = channel.allocation.map_or(0.0, |allocation| allocation.mean_quality);
    let worth = channel.hour_value_of(placed) * mean_quality * channel.rules.worth;
    (channel.keep_factor(placed.hour) - 1.0) * worth * channel.response(channel.fatigue_of_live(placed.hour))
}

impl<'c, 'a> PostCheck<'c, 'a> {
    fn of(channel: &'c ChannelCase<'a>, placed: &Placed<'a>, moment: &LocalHour) -> Self {
        let (case, post) = (&channel.case, placed.post);
        let asset = post.asset.as_ref().and_then(|choice| assets::asset_by_id(case, choice.used()));
        let campaign = channel.campaign_of(asset, moment);
        let rules = case.rules.of(campaign);
        let asset_rules = asset.map_or(rules, |asset| case.rules.of(asset.campaign_id.as_ref()));
        let score = match asset {
            None => 0.0,
            Some(_) if case.hooks.score_asset => post.asset_score(),
            Some(asset) => OnChannel::of(case, asset, post.channel).score(&asset_rules.assets),
        };
        let (quality, cost) = match asset {
            None => (rules.assets.quality_without_asset, assets::cost_without(&rules.assets)),
            Some(asset) => {
                let by_type = assets::content_type_factor(channel.rules, asset);
                (assets::quality(&asset_rules.assets, score) * by_type, assets::cost(&asset_rules.assets, asset))
            }
        };
        Self {
            channel,
            post,
            asset,
            campaign,
            rules,
            slot_value: channel.slot_value(campaign, moment).unwrap_or(post.slot_value),
            fatigue: channel.fatigue_of_live(placed.hour),
            keep_bonus: keep_bonus(channel, placed),
            score,
            quality,
            cost: cost + channel.leaving_cost(),
        }
    }

    fn breach(&self, rule: &'static str, detail: String, findings: &mut Findings) {
        findings.report_post(&self.channel.case, self.post, rule, detail);
    }

    fn check_campaign(&self, findings: &mut Findings) {
        if self.post.campaign_id.as_ref() != self.campaign {
            let name = |id: Option<&CampaignId>| id.map_or_else(|| "none".to_owned(), |id| format!("`{id}`"));
            let (stated, expected) = (name(self.post.campaign_id.as_ref()), name(self.campaign));
            self.breach("campaign", format!("the plan counts it for {stated}, the rules for {expected}"), findings);
        }
    }

    fn check_numbers(&self, findings: &mut Findings) {
        let post = self.post;
        let engagement = self.slot_value * self.quality * self.channel.response(self.fatigue);
        let mut numbers = vec![
            ("slot_value", post.slot_value, self.slot_value),
            ("fatigue", post.fatigue, self.fatigue),
            ("expected_engagement", post.expected_engagement, engagement),
            ("cost", post.cost, self.cost),
            ("net_worth", post.net_worth, engagement * self.channel.rules.worth - self.cost),
            ("keep_bonus", post.keep_bonus, self.keep_bonus),
            ("priority", post.priority, self.priority()),
        ];
        if let (Some(choice), Some(_)) = (&post.asset, self.asset) {
            numbers.push(("asset_score", choice.score, self.score));
            numbers.push(("quality_factor", choice.quality_factor, self.quality));
        }
        for (rule, stated, derived) in numbers {
            if !is_same(stated, derived) {
                self.breach(rule, format!("the plan says {stated}, it is {derived}"), findings);
            }
        }
    }

    /// The channel's priority less the deduction for fatigue, which lowers it no further than the floor. A priority
    /// below the floor is not raised to it.
    fn priority(&self) -> f64 {
        let priority = self.channel.rules.priority;
        let loss = reached_value(&self.rules.fatigue.priority_loss, self.fatigue).unwrap_or(0.0);
        let floor = self.rules.fatigue.priority_floor;
        if priority <= floor { priority } else { (priority - loss).max(floor) }
    }

    /// Every guardrail of the rules was evaluated, in order.
    fn check_guardrails(&self, findings: &mut Findings) {
        let expected: Vec<&str> = self.rules.guardrails.iter().map(|guardrail| &*guardrail.name).collect();
        let stated: Vec<&str> = self.post.verdicts.iter().map(|verdict| &*verdict.rule).collect();
        if stated != expected {
            let (stated, expected) = (stated.join(", "), expected.join(", "));
            let detail = format!("the plan has verdicts of [{stated}], the rules have the guardrails [{expected}]");
            self.breach("guardrails", detail, findings);
        }
    }

    fn check_confidence(&self, findings: &mut Findings) {
        let stated: Vec<f64> = self.post.confidence_steps.iter().map(|step| step.change).collect();
        if !self.channel.case.hooks.confidence {
            let warnings = self.post.verdicts_of(Outcome::Warn).count();
            let derived = confidence_steps(self.channel, self.rules, self.score, warnings);
            let is_equal = stated.len() == derived.len() && stated.iter().zip(&derived).all(|(a, b)| is_same(*a, *b));
            if !is_equal {
                self.breach("confidence_steps", format!("the plan says {stated:?}, they are {derived:?}"), findings);
            }
        }
        let sum = stated.iter().sum::<f64>().clamp(0.0, 1.0);
        let confidence = self.post.confidence;
        let is_off = (confidence - sum).abs() > CONFIDENCE_ROUNDING;
        if is_off || !(0.0..=1.0).contains(&confidence) || sum.is_nan() {
            self.breach("confidence", format!("the plan says {confidence}, its steps sum to {sum}"), findings);
        }
    }

    /// Risk follows from the stated confidence, status from the stated risk and the verdicts.
    fn check_risk_and_status(&self, findings: &mut Findings) {
        let post = self.post;
        let risk = self.risk();
        if post.risk != risk {
            let detail = format!("the plan says {}, confidence {} makes it {risk}", post.risk, post.confidence);
            self.breach("risk", detail, findings);
        }
        let status = self.status();
        if post.status != status {
            self.breach("status", format!("the plan says {}, it is {status}", post.status), findings);
        }
        match (&post.blocked, post.status == ScheduleStatus::Blocked) {
            (None, true) => self.breach("blocked_reason", "the post is blocked without a reason".to_owned(), findings),
            (Some(_), false) => {
                self.breach("blocked_reason", "the post is not blocked but has a reason for it".to_owned(), findings);
            }
            (Some(reason), true) if !self.applies(reason) => {
                self.breach("blocked_reason", format!("the stated reason does not apply: {reason}"), findings);
            }
            _ => {}
        }
    }

    /// Whether the stated reason for a block applies: a guardrail blocked the post, it has no asset or no content, or
    /// a limit left no review for it. The limit itself is checked for all posts together, in `review_order`.
    fn applies(&self, reason: &Reason) -> bool {
        match reason {
            Reason::Guardrail { rule, .. } => {
                self.post.verdicts_of(Outcome::Block).any(|verdict| verdict.rule == *rule)
            }
            // A guardrail that blocks is named before any other reason.
            _ if self.post.verdicts_of(Outcome::Block).next().is_some() => false,
            Reason::NoAsset => self.post.asset.is_none(),
            Reason::EmptyAsset { .. } => self.asset.is_some() && !self.has_content(),
            Reason::ReviewCapacity | Reason::ReviewLimit { .. } => self.has_content() && self.needs_review(),
            _ => false,
        }
    }

    /// Whether the post has an asset with a title, a text or media.
    fn has_content(&self) -> bool {
        self.asset.is_some_and(assets::has_content)
    }

    fn risk(&self) -> RiskBand {
        let rules = &self.rules.risk;
        let band = match self.post.confidence {
            confidence if confidence >= rules.low_from => RiskBand::Low,
            confidence if confidence >= rules.medium_from => RiskBand::Medium,
            _ => RiskBand::High,
        };
        let guardrails = &self.rules.guardrails;
        let raises_risk = |name: &str| guardrails.iter().any(|rule| rule.warn_raises_risk && *rule.name == *name);
        let is_raised = self.post.verdicts_of(Outcome::Warn).any(|verdict| raises_risk(&verdict.rule));
        match (is_raised, band) {
            (false, band) => band,
            (true, RiskBand::Low) => RiskBand::Medium,
            (true, _) => RiskBand::High,
        }
    }

    fn status(&self) -> ScheduleStatus {
        let lacks_review = self.post.blocked.as_deref().is_some_and(Reason::is_lack_of_review);
        if lacks_review || !self.has_content() || self.post.verdicts_of(Outcome::Block).next().is_some() {
            ScheduleStatus::Blocked
        } else if self.needs_review() {
            ScheduleStatus::Pending
        } else {
            ScheduleStatus::Ready
        }
    }

    /// Whether the post may run only after a review, if it is not blocked.
    fn needs_review(&self) -> bool {
        !may_run_unreviewed(&self.channel.case) || self.post.risk != RiskBand::Low
    }
}
