//! Posts that are committed, put to the guardrails again with what is known by now.

use std::sync::Arc;

use jiff::Timestamp;

use super::assets::Slot;
use super::channel::{Desk, WarningsSeen};
use super::judge::{Held, judge};
use super::week::{Draft, FrontDesk, draft};
use super::{PlanError, Planner};
use crate::model::{
    Capacity, Channel, ChannelSeen, ChannelState, Client, ClientState, PerformanceReality, Post, Score, Week, WeekHours,
};
use crate::rules::CompiledRules;

/// A post that was planned and committed before.
#[derive(Debug, Clone, PartialEq)]
pub struct CommittedPost {
    /// Where.
    pub channel: Channel,
    /// When.
    pub at: Timestamp,
    /// The id of the asset that is used; none where it has none.
    pub asset: Option<String>,
}

/// A client's committed posts as they were judged again, with what the rules saw.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedAgain {
    /// The posts as they would be planned today, by time; posts on a channel that the client has no more are
    /// left out.
    pub posts: Vec<Post>,
    /// What was known of each channel.
    pub channels: Vec<(Channel, Arc<ChannelSeen>)>,
    /// Warnings that hold.
    pub warnings: WarningsSeen,
    /// Perceived against true performance.
    pub reality: PerformanceReality,
}

impl Planner<'_> {
    /// Judges committed posts of a week again. `posts` holds those of each client, in the clients' order;
    /// they must not be among the posts that the states know of. There is an answer for each client; none
    /// where it has no posts.
    ///
    /// # Errors
    /// Where a rule fails, or the week is at the edge of the calendar.
    pub fn judge_again(
        &self,
        clients: &[(&Client, &ClientState)],
        capacity: &Capacity,
        week: Week,
        posts: &[Vec<CommittedPost>],
    ) -> Result<Vec<Option<JudgedAgain>>, PlanError> {
        let wound: Result<Vec<ClientState>, PlanError> =
            clients.iter().map(|(client, state)| as_week_began(client, state, self.rules(), week)).collect();
        let wound = wound?;
        let then: Vec<(&Client, &ClientState)> = clients.iter().map(|(client, _)| *client).zip(&wound).collect();
        let front = FrontDesk::open(self.rules(), &then, capacity, week)?;
        let judged = posts.iter().enumerate().map(|(index, posts)| {
            if posts.is_empty() {
                return Ok(None);
            }
            let (week, rules, demand) = front.client(index).ok_or(PlanError::NoSuchClient)?;
            self.with_bench(|bench| {
                let Draft { week, rules, reality, warning, desks, .. } = draft(week, rules, demand, bench)?;
                let slots: Vec<Slot> = posts.iter().filter_map(|post| slot(&desks, post, week.hours)).collect();
                let assets: Vec<Option<usize>> = posts
                    .iter()
                    .filter(|post| desk_of(&desks, post.channel).is_some())
                    .map(|post| candidate(&desks, post))
                    .collect();
                let judged = judge(&week, rules, &desks, &slots, &assets, &Held::new(), bench)?;
                Ok(Some(JudgedAgain {
                    posts: judged.into_iter().map(|(post, _)| post).collect(),
                    channels: desks.iter().map(|desk| (desk.state.channel, Arc::clone(&desk.seen))).collect(),
                    warnings: WarningsSeen { high: warning.high_warnings, medium: warning.medium_warnings },
                    reality,
                }))
            })
        });
        judged.collect()
    }
}

/// A client's state as its week began: what was posted since is taken out of the fatigue, since the
/// guardrails add it again at its hours.
fn as_week_began(
    client: &Client,
    state: &ClientState,
    rules: &CompiledRules,
    week: Week,
) -> Result<ClientState, PlanError> {
    let start = client.zone.start_of_day(week.monday())?;
    let numbers = rules.for_client(client);
    let mut state = state.clone();
    for channel in state.channels.iter_mut().filter(|channel| channel.as_of > start) {
        let rules = numbers.base().channel(channel.channel);
        let fatigue = fatigue_before(channel, rules.half_life_hours, rules.fatigue_per_post, start);
        channel.fatigue = Score::clamped(fatigue);
        channel.as_of = start;
    }
    Ok(state)
}

/// Fatigue at an instant before the one that the state holds for.
fn fatigue_before(state: &ChannelState, half_life_hours: f64, per_post: f64, at: Timestamp) -> f64 {
    let since = |from: Timestamp| (state.as_of.as_second() - from.as_second()) as f64 / 3600.0;
    let kept = |hours: f64| (-hours / half_life_hours).exp2();
    let posts = state.recent_posts.iter().filter(|post| (at..state.as_of).contains(*post));
    let added: f64 = posts.map(|post| per_post * kept(since(*post))).sum();
    (state.fatigue.get() - added).max(0.0) / kept(since(at))
}

/// A channel's fatigue after a post, and the instant that it then holds for: what there was decays up to
/// the post, which adds its own. A post that is put down late counts as it would have in time.
#[must_use]
pub fn tired(fatigue: f64, as_of: Timestamp, post: Timestamp, half_life_hours: f64, per_post: f64) -> (f64, Timestamp) {
    let hours = (post.as_second() - as_of.as_second()) as f64 / 3600.0;
    let kept = (-hours.abs() / half_life_hours).exp2();
    if hours >= 0.0 {
        // Just after the post, so that the post itself does not lie ahead.
        let after = post.saturating_add(jiff::SignedDuration::from_secs(1)).unwrap_or(post);
        ((fatigue * kept + per_post).min(1.0), after)
    } else {
        ((fatigue + per_post * kept).min(1.0), as_of)
    }
}

/// Fatigue after a rest.
#[must_use]
pub fn rested(fatigue: f64, as_of: Timestamp, now: Timestamp, half_life_hours: f64) -> f64 {
    let hours = (now.as_second() - as_of.as_second()).max(0) as f64 / 3600.0;
    fatigue * (-hours / half_life_hours).exp2()
}

fn desk_of(desks: &[Desk<'_>], channel: Channel) -> Option<usize> {
    desks.iter().position(|desk| desk.state.channel == channel)
}

fn slot(desks: &[Desk<'_>], post: &CommittedPost, hours: &WeekHours) -> Option<Slot> {
    let desk = desk_of(desks, post.channel)?;
    let hour = usize::try_from(hours.hour_of(post.at)).unwrap_or(0).min(hours.len().saturating_sub(1));
    let wall = hours.hours().get(hour)?;
    Some(Slot { desk, hour, at: post.at, date: hours.date(wall.weekday), weight: 0.0 })
}

/// The place of the post's asset among the channel's candidates; none where it can no longer be used.
fn candidate(desks: &[Desk<'_>], post: &CommittedPost) -> Option<usize> {
    let wanted = post.asset.as_deref()?;
    let desk = desks.get(desk_of(desks, post.channel)?)?;
    desk.candidates.iter().position(|scored| scored.candidate.asset.id.as_str() == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn posts_tire_the_same_in_whatever_order_they_are_put_down() {
        let (start, first, second) =
            (at("2026-11-23T00:00:00Z"), at("2026-11-23T09:00:00Z"), at("2026-11-24T09:00:00Z"));
        let in_order = |posts: [Timestamp; 2]| {
            let (fatigue, as_of) = posts.into_iter().fold((0.2, start), |(f, t), post| tired(f, t, post, 24.0, 0.1));
            rested(fatigue, as_of, at("2026-11-25T00:00:00Z"), 24.0)
        };
        assert!((in_order([first, second]) - in_order([second, first])).abs() < 1e-5);
    }

    #[test]
    fn fatigue_before_is_what_grows_into_fatigue_now() {
        let (monday, post) = (at("2026-11-23T00:00:00Z"), at("2026-11-23T12:00:00Z"));
        let (fatigue, as_of) = tired(0.3, monday, post, 48.0, 0.1);
        let state = ChannelState {
            channel: Channel::Fb,
            audience: 1.0,
            engagement_rate: None,
            last_post_at: Some(post),
            recent_posts: vec![post],
            posts_last_7_days: 1,
            posts_last_30_days: 1,
            fatigue: Score::clamped(fatigue),
            as_of,
            momentum: None,
            visibility: None,
            engagement: None,
        };
        assert!((fatigue_before(&state, 48.0, 0.1, monday) - 0.3).abs() < 1e-5);
    }
}
