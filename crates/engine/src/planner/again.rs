//! Posts that are committed, judged again with what is known by now.

use std::sync::Arc;

use super::assets::Slot;
use super::channel::{Bench, Desk, Scored, WarningsSeen};
use super::judge::{Docket, Ledger, others_of_day};
use super::objection::{CommittedPost, Surroundings, objection, wants_no_posts};
use super::week::{FrontDesk, Setup, set_up};
use super::{PlanError, Planner};
use crate::agents::ClientWeek;
use crate::agents::creative_director::{Histories, hours_between};
use crate::model::{
    AssetUse, Capacity, Channel, ChannelSeen, ChannelState, Client, ClientState, HOUR_SECONDS, PerformanceReality,
    Post, Reason, Score, Spacing, Timestamp, Week, Zone,
};
use crate::rules::{ClientRules, CompiledRules, NEVER};

/// A client's committed posts as they were judged again, with what the rules saw.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedAgain {
    /// What came of each, in their order.
    pub posts: Vec<Again>,
    /// What was known of each channel.
    pub channels: Vec<(Channel, Arc<ChannelSeen>)>,
    /// Warnings that hold.
    pub warnings: WarningsSeen,
    /// Perceived against true performance.
    pub reality: PerformanceReality,
}

/// One committed post as it was judged again.
#[derive(Debug, Clone, PartialEq)]
pub enum Again {
    /// No rule was asked: the client is not posted for, or no longer posts on the channel.
    Off(Reason),
    /// The post as the rules leave it now.
    Judged(Box<Post>),
}

impl Again {
    /// Why it is held; none where it may run or waits for a person.
    #[must_use]
    pub fn blocked(&self) -> Option<&Reason> {
        match self {
            Again::Off(reason) => Some(reason),
            Again::Judged(post) => post.blocked.as_deref(),
        }
    }
}

impl Planner<'_> {
    /// Judges committed posts of a week again, as things stand at `now`: all that planning asked of them, and the
    /// guardrails. `posts` holds those of each client, in the clients' order; they must not be among the posts that
    /// the states know of. There is an answer for each client; none where it has no posts.
    ///
    /// Of two posts that are in each other's way the earlier one stands; what is committed for later never holds one.
    ///
    /// # Errors
    /// Where a rule fails, or the week is at the edge of the calendar.
    pub fn judge_again(
        &self,
        clients: &[(&Client, &ClientState)],
        capacity: &Capacity,
        week: Week,
        posts: &[Vec<CommittedPost>],
        now: Timestamp,
    ) -> Result<Vec<Option<JudgedAgain>>, PlanError> {
        let wound: Result<Vec<ClientState>, PlanError> =
            clients.iter().map(|(client, state)| as_week_began(client, state, self.rules(), week, now)).collect();
        let wound = wound?;
        let then: Vec<(&Client, &ClientState)> = clients.iter().map(|(client, _)| *client).zip(&wound).collect();
        let front = FrontDesk::open(self.rules(), &then, capacity, week)?;
        let judged = posts.iter().enumerate().map(|(index, posts)| {
            if posts.is_empty() {
                return Ok(None);
            }
            let (week, rules, demand) = front.client(index).ok_or(PlanError::NoSuchClient)?;
            self.with_bench(|bench| {
                // The signals are those of the week as it began: what it has used of its assets since is its own.
                let before: Vec<AssetUse> =
                    week.state.asset_uses.iter().filter(|used| used.at < week.hours.start()).cloned().collect();
                let histories = Histories::of(&week.client.assets, &before);
                let setup = set_up(&week, rules, demand, &histories, bench)?;
                ClientDay { week, rules, setup, now }.judge(posts, bench).map(Some)
            })
        });
        judged.collect()
    }
}

/// A client's week on the day that its posts are judged again.
struct ClientDay<'a> {
    week: ClientWeek<'a>,
    rules: &'a ClientRules,
    setup: Setup<'a>,
    now: Timestamp,
}

impl<'a> ClientDay<'a> {
    fn judge(self, posts: &[CommittedPost], bench: &mut Bench<'_>) -> Result<JudgedAgain, PlanError> {
        let mut order: Vec<usize> = (0..posts.len()).collect();
        order.sort_by_key(|index| posts.get(*index).map(|post| (post.at, post.channel)));
        let mut ledger = Ledger::open(&self.week, &self.setup.desks);
        let mut live: Vec<CommittedPost> = Vec::new();
        let mut answers: Vec<(usize, Again)> = Vec::with_capacity(posts.len());
        for index in order {
            let Some(post) = posts.get(index) else { continue };
            let again = self.post(post, &live, &mut ledger, bench)?;
            if again.blocked().is_none() {
                live.push(post.clone());
            }
            answers.push((index, again));
        }
        answers.sort_by_key(|(index, _)| *index);
        let Setup { reality, warning, desks, .. } = self.setup;
        Ok(JudgedAgain {
            posts: answers.into_iter().map(|(_, again)| again).collect(),
            channels: desks.iter().map(|desk| (desk.state.channel, Arc::clone(&desk.seen))).collect(),
            warnings: WarningsSeen { high: warning.high_warnings, medium: warning.medium_warnings },
            reality,
        })
    }

    /// Judges a post beside those of the day that stand.
    fn post(
        &self,
        post: &CommittedPost,
        live: &[CommittedPost],
        ledger: &mut Ledger,
        bench: &mut Bench<'_>,
    ) -> Result<Again, PlanError> {
        let surroundings = Surroundings::with(&self.week, post, Some(self.now), live);
        let hold = objection(&self.week, post, &surroundings);
        if let Some(reason @ (Reason::ClientStatus { .. } | Reason::ChannelOff { .. })) = hold {
            return Ok(Again::Off(reason));
        }
        let is_own = |desk: &Desk<'_>| desk.state.channel == post.channel;
        let Some((place, desk)) = self.setup.desks.iter().enumerate().find(|(_, desk)| is_own(desk)) else {
            return Ok(Again::Off(Reason::ChannelOff { channel: post.channel }));
        };
        if wants_no_posts(self.week.rules, post.channel) && desk.target == 0 {
            return Ok(Again::Off(Reason::ChannelOff { channel: post.channel }));
        }
        let slot = self.slot(place, post);
        let scored = self.scored(desk, post, &surroundings, bench)?;
        let docket = Docket { week: &self.week, client_rules: self.rules, desk, slot: &slot, scored: scored.as_ref() };
        let spacing = Spacing::from_hours(desk.rules.min_spacing_hours);
        let distance = |at: &Timestamp| spacing.hours_between(*at, post.at, &self.week.client.zone);
        let nearest = surroundings.posts.iter().map(distance).fold(NEVER, f64::min);
        let others = others_of_day(&self.week, &self.setup.desks, &slot, &self.slots(live));
        let (post, _) = docket.post(ledger, nearest, others, hold, bench)?;
        Ok(Again::Judged(Box::new(post)))
    }

    fn slots(&self, posts: &[CommittedPost]) -> Vec<Slot> {
        let desk_of =
            |post: &CommittedPost| self.setup.desks.iter().position(|desk| desk.state.channel == post.channel);
        posts.iter().filter_map(|post| Some(self.slot(desk_of(post)?, post))).collect()
    }

    fn slot(&self, desk: usize, post: &CommittedPost) -> Slot {
        let hours = self.week.hours;
        let hour = usize::try_from(hours.hour_of(post.at)).unwrap_or(0).min(hours.len().saturating_sub(1));
        Slot { desk, hour, at: post.at, date: self.week.client.zone.wall_time(post.at).date(), weight: 0.0 }
    }

    /// The post's asset with its score as the week began; none where it is no longer offered.
    fn scored(
        &self,
        desk: &Desk<'a>,
        post: &CommittedPost,
        surroundings: &Surroundings,
        bench: &mut Bench<'_>,
    ) -> Result<Option<Scored<'a>>, PlanError> {
        let Some(id) = post.asset.as_deref() else { return Ok(None) };
        let assets = &self.week.client.assets;
        let Ok(place) = assets.binary_search_by(|asset| asset.id.as_str().cmp(id)) else { return Ok(None) };
        Ok(desk.asset(&self.week, self.rules, place, &surroundings.histories, bench.evaluator)?)
    }
}

/// A client's state as its week began: what was posted since is taken out of the fatigue, since the
/// guardrails add it again at its hours.
fn as_week_began(
    client: &Client,
    state: &ClientState,
    rules: &CompiledRules,
    week: Week,
    now: Timestamp,
) -> Result<ClientState, PlanError> {
    let start = client.zone.start_of_day(week.monday())?;
    let numbers = rules.for_client(client);
    let mut state = state.clone();
    for channel in state.channels.iter_mut().filter(|channel| channel.as_of > start) {
        let rules = numbers.base().channel(channel.channel);
        let fatigue =
            fatigue_before(channel, &client.zone, (rules.half_life_hours, rules.fatigue_per_post), start, now);
        channel.fatigue = Score::clamped(fatigue);
        channel.as_of = start;
    }
    Ok(state)
}

/// Fatigue at an instant before the one that the state holds for. A state that holds for a time to come, as that of a
/// scenario that starts later, says nothing of how tired the channel was before: its fatigue is taken as it stands.
fn fatigue_before(
    state: &ChannelState,
    zone: &Zone,
    (half_life_hours, per_post): (f64, f64),
    at: Timestamp,
    now: Timestamp,
) -> f64 {
    let since = |from: Timestamp| (state.as_of.as_second() - from.as_second()) as f64 / 3600.0;
    let kept = |hours: f64| libm::exp2(-hours / half_life_hours);
    let posts = state.recent_posts.iter().filter(|post| (at..state.as_of).contains(*post));
    let added: f64 = posts.map(|post| per_post * kept(since(on_the_hour(*post, zone)))).sum();
    let before = (state.fatigue.get() - added).max(0.0);
    if state.as_of > now { before } else { before / kept(since(at)) }
}

/// The start of the hour of the client's week in which an instant lies: weeks are planned by the hour, so a post
/// tires its channel from there on.
#[must_use]
pub fn on_the_hour(at: Timestamp, zone: &Zone) -> Timestamp {
    let week = zone.start_of_day(Week::of(zone.wall_time(at).date()).monday());
    let start = week.map_or(0, Timestamp::as_second);
    let past_the_hour = (at.as_second() - start).rem_euclid(HOUR_SECONDS);
    at.whole_second().plus_seconds(-past_the_hour)
}

/// A channel's fatigue after a post, and the instant that it then holds for: what there was decays up to
/// the post, which adds its own as of its hour. A post that is put down late counts as it would have in time.
#[must_use]
pub fn tired(
    (fatigue, as_of): (f64, Timestamp),
    post: Timestamp,
    zone: &Zone,
    half_life_hours: f64,
    per_post: f64,
) -> (f64, Timestamp) {
    // Just after the post, so that the post itself does not lie ahead.
    let after = post.plus_seconds(1).max(as_of);
    let kept = |from: Timestamp| libm::exp2(-hours_between(from, after) / half_life_hours);
    ((fatigue * kept(as_of) + per_post * kept(on_the_hour(post, zone))).min(1.0), after)
}

/// Fatigue after a rest.
#[must_use]
pub fn rested(fatigue: f64, as_of: Timestamp, now: Timestamp, half_life_hours: f64) -> f64 {
    let hours = (now.as_second() - as_of.as_second()).max(0) as f64 / 3600.0;
    fatigue * libm::exp2(-hours / half_life_hours)
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
            let (fatigue, as_of) =
                posts.into_iter().fold((0.2, start), |held, post| tired(held, post, &Zone::utc(), 24.0, 0.1));
            rested(fatigue, as_of, at("2026-11-25T00:00:00Z"), 24.0)
        };
        assert!((in_order([first, second]) - in_order([second, first])).abs() < 1e-5);
    }

    #[test]
    fn fatigue_before_is_what_grows_into_fatigue_now() {
        let (monday, post) = (at("2026-11-23T00:00:00Z"), at("2026-11-23T12:00:00Z"));
        let (fatigue, as_of) = tired((0.3, monday), post, &Zone::utc(), 48.0, 0.1);
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
        let numbers = (48.0, 0.1);
        assert!((fatigue_before(&state, &Zone::utc(), numbers, monday, as_of) - 0.3).abs() < 1e-5);
        // A state of a time to come does not grow on the way back.
        let early = fatigue_before(&state, &Zone::utc(), numbers, monday, monday);
        assert!(early > 0.2 && early < 0.3, "{early}");
    }
}
