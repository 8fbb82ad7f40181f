//! Limits that count each campaign on its own.

use super::tampered::Case;
use super::*;
use crate::model::Post;
use crate::planner::assets::{Assignment, AssignmentProblem, assignment_problem};
use crate::planner::draft::Draft;
use crate::planner::week::PlanningContext;

const WEEK: &str = "2026-W43";

/// A pack with these limits.
fn rules_of(limits: &str) -> CompiledRules {
    rules_with(&[("limits.toml", "", limits)])
}

fn is_of(post: &Post, campaign: &str) -> bool {
    post.campaign_id.as_ref().is_some_and(|id| id.as_str() == campaign)
}

#[test]
fn a_limit_on_each_campaign_does_what_one_limit_for_each_does() {
    let week = week(WEEK);
    let scenario = scenario(week, vec![rich(week, "Europe/London")]);
    let free = passing(&scenario, &rules(), week);
    let mut binding = 0;
    for (bound, period) in [
        ("at_most = 1", ", \"day\""),
        ("at_most = 1\nprice = 20", ", \"day\""),
        ("at_most = 1\nwithin_hours = 20", ""),
        ("at_most = 4\nweigh = { photo = 2 }", ", \"week\""),
        ("at_least = 4\nprice = 300", ", \"week\""),
        ("at_most_share = 0.05", ", \"week\""),
    ] {
        let each = format!("[each]\n{bound}\nper = [\"client\", \"campaign\"{period}]\n");
        let of_one = |id: &str| {
            format!("[of_{id}]\n{bound}\nper = [\"client\"{period}]\nwhere = {{ campaigns = [\"{id}\"] }}\n")
        };
        let one_for_each = ["autumn", "bright"].map(of_one).concat();
        let [of_each, of_named] = [each, one_for_each].map(|limits| passing(&scenario, &rules_of(&limits), week));
        assert_eq!(of_each.clients[0].posts, of_named.clients[0].posts, "{bound}");
        binding += usize::from(of_each.clients[0].posts != free.clients[0].posts);
    }
    assert!(binding >= 4, "{binding}");
}

/// A client with a campaign from Monday to Friday, to which every third asset belongs.
fn with_campaign(week: Week) -> Scenario {
    let (mut client, state) = client("a", "Europe/London", week, &Channel::ALL, 40);
    client.campaigns = vec![campaign("autumn", week, &[], 1.3)];
    client.assets.iter_mut().step_by(3).for_each(|asset| asset.campaign_id = Some(CampaignId::new("autumn")));
    scenario(week, vec![(client, state)])
}

#[test]
fn a_minimum_for_each_campaign_holds_while_it_runs() {
    let week = week(WEEK);
    let (scenario, rules) =
        (with_campaign(week), rules_of("[campaign_day]\nat_least = 1\nper = [\"campaign\", \"day\"]\n"));
    let plan = passing(&scenario, &rules, week);
    let zone = scenario.clients[0].0.zone;
    let is_at = |post: &Post, weekday: i64| {
        is_of(post, "autumn") && zone.wall_time(post.at).date() == plus_days(week.monday(), weekday)
    };
    let has_post = |weekday: i64| plan.clients[0].posts.iter().any(|post| is_at(post, weekday));
    assert_eq!([0, 1, 2, 3, 4, 5, 6].map(has_post), [true, true, true, true, true, false, false]);
    let case = Case { scenario, rules, plan };
    let without = case.broken_by(|plan| plan.clients[0].posts.retain(|post| !is_at(post, 2)));
    assert!(without.contains(&"limits"), "{without:?}");
}

#[test]
fn the_uses_of_a_limit_on_each_campaign_name_the_campaign() {
    let week = week(WEEK);
    let limit = |posts: u8| rules_of(&format!("[campaign_day]\nat_most = {posts}\nper = [\"campaign\", \"day\"]\n"));
    let (scenario, rules) = (with_campaign(week), limit(1));
    let plan = passing(&scenario, &rules, week);
    let uses = || plan.clients[0].certificate.iter().flat_map(|certificate| &certificate.limits);
    let of_limit: Vec<_> = uses().filter(|used| &*used.limit == "campaign_day").collect();
    assert!(of_limit.iter().any(|used| used.price > 0.0 && used.used == 1.0), "{of_limit:?}");
    assert!(of_limit.iter().all(|used| used.campaign == Some(CampaignId::new("autumn"))), "{of_limit:?}");
    assert!(check_plan(&plan, &scenario, &limit(0)).iter().any(|breach| breach.rule == "limits"));
    let case = Case { scenario, rules, plan: plan.clone() };
    for campaign in [None, Some(CampaignId::new("moon"))] {
        let broken = case.broken_by(|plan| {
            let limits = &mut plan.clients[0].certificate.as_mut().unwrap().limits;
            limits.iter_mut().for_each(|used| used.campaign.clone_from(&campaign));
        });
        assert!(broken.contains(&"certificate_limits"), "{broken:?}");
    }
}

/// A limit on each campaign, and how far a number of posts of a campaign, among all posts of the period, exceeds it.
struct Limit {
    bound: &'static str,
    is_per_day: bool,
    price: Option<f64>,
    excess: fn(f64, f64) -> f64,
}

/// Limits of every kind.
const LIMITS: [Limit; 6] = [
    Limit { bound: "at_most = 1", is_per_day: true, price: None, excess: |counted, _| counted - 1.0 },
    Limit { bound: "at_most = 1", is_per_day: false, price: None, excess: |counted, _| counted - 1.0 },
    Limit { bound: "at_most = 0", is_per_day: false, price: Some(30.0), excess: |counted, _| counted },
    Limit { bound: "at_least = 2", is_per_day: false, price: Some(40.0), excess: |counted, _| 2.0 - counted },
    Limit { bound: "at_most_share = 0.3", is_per_day: false, price: None, excess: |counted, all| counted - 0.3 * all },
    Limit {
        bound: "at_least_share = 0.4",
        is_per_day: false,
        price: Some(50.0),
        excess: |counted, all| 0.4 * all - counted,
    },
];

impl Limit {
    fn rules(&self) -> CompiledRules {
        let period = if self.is_per_day { "day" } else { "week" };
        let price = self.price.map_or_else(String::new, |price| format!("price = {price}\n"));
        rules_of(&format!("[each]\n{}\nper = [\"campaign\", \"{period}\"]\n{price}", self.bound))
    }

    /// What an assignment earns, less what it pays for exceeding the limit; `None` if it may not exceed it, and does.
    fn score(&self, draft: &Draft<'_>, problem: &AssignmentProblem, assignment: &Assignment) -> Option<f64> {
        let posts: Vec<(u8, Option<CampaignId>)> = assignment
            .iter()
            .zip(&draft.slots)
            .filter_map(|(candidate, slot)| {
                let channel = &draft.channel_drafts[slot.channel_draft];
                let asset = channel.candidates[(*candidate)?].candidate.asset;
                let campaign = channel.hours.day(&draft.week, slot.hour)?.campaign_of(Some(asset));
                Some((draft.week.hours.hours()[slot.hour].weekday, campaign.cloned()))
            })
            .collect();
        let mut score = problem.value(assignment);
        let days = if self.is_per_day { (0..7).map(Some).collect() } else { vec![None] };
        for day in days {
            let in_period = || posts.iter().filter(|(weekday, _)| day.is_none_or(|day: u8| day == *weekday));
            for id in ["autumn", "bright"] {
                let of_campaign = in_period().filter(|(_, own)| own.as_ref().is_some_and(|own| own.as_str() == id));
                let excess = (self.excess)(of_campaign.count() as f64, in_period().count() as f64);
                match self.price {
                    None if excess > 1e-9 => return None,
                    price => score -= price.unwrap_or(0.0) * excess.max(0.0),
                }
            }
        }
        Some(score)
    }

    /// The highest score of an assignment, by exhaustive search.
    fn best(
        &self,
        draft: &Draft<'_>,
        problem: &AssignmentProblem,
        so_far: &mut Assignment,
        slot: usize,
    ) -> Option<f64> {
        if slot == problem.slot_count() {
            return self.score(draft, problem, so_far);
        }
        let mut best = self.best(draft, problem, so_far, slot + 1);
        for candidate in 0..problem.candidate_count(slot) {
            if problem.changes(so_far, slot, Some(candidate)).is_some_and(|changes| changes.len() == 1) {
                so_far[slot] = Some(candidate);
                let with_candidate = self.best(draft, problem, so_far, slot + 1);
                best = best.into_iter().chain(with_candidate).reduce(f64::max);
                so_far[slot] = None;
            }
        }
        best
    }
}

/// Reads the draft of the only client's week.
fn with_draft<T>(scenario: &Scenario, rules: &CompiledRules, read: impl FnOnce(&Draft<'_>) -> T) -> T {
    let planner = Planner::new(rules, Tier::Exact, None);
    let clients: Vec<_> = scenario.clients.iter().map(|(client, state)| (client, state)).collect();
    let context = PlanningContext::of_scenario(&planner, scenario, &clients, scenario.start).unwrap();
    let input = context.client(0).unwrap();
    planner.with_worker(|worker| read(&Draft::place(input.week, input.rules, input.demand, worker).unwrap()))
}

/// A client on two channels, with six assets of which some belong to one of two campaigns.
fn tiny(seed: usize) -> Scenario {
    let week = week(WEEK);
    let (mut client, state) = client("a", "Europe/London", week, &[Channel::Gmb, Channel::Email], 6);
    let any_asset = seed % 2 == 1;
    let bright = Campaign { any_asset, ..campaign("bright", week, &[], 1.1 + 0.2 * seed as f64) };
    client.campaigns = vec![campaign("autumn", week, &[], 1.4), bright];
    for (n, asset) in client.assets.iter_mut().enumerate() {
        let campaign = [Some("autumn"), None, Some("bright")][(n * (seed + 1) + seed) % 3];
        asset.campaign_id = campaign.map(CampaignId::new);
    }
    scenario(week, vec![(client, state)])
}

#[test]
fn assets_within_a_limit_on_each_campaign_are_nearly_always_the_best() {
    let (mut weeks, mut binding, mut missed) = (0, 0, 0);
    for (limit, seed) in LIMITS.iter().flat_map(|limit| (0..4).map(move |seed| (limit, seed))) {
        let scenario = tiny(seed);
        let (best, free, found) = with_draft(&scenario, &rules(), |draft| {
            let problem = assignment_problem(&draft.channel_drafts, &draft.slots, &draft.week, &draft.histories);
            let problem = problem.with_min_bonus();
            let within = with_draft(&scenario, &limit.rules(), |limited| {
                let slots = limited.slots.iter().zip(&limited.assignment);
                let given = slots.map(|(slot, asset)| ((slot.channel_draft, slot.hour), *asset));
                given.collect::<std::collections::BTreeMap<_, _>>()
            });
            let of_slot = draft.slots.iter().map(|slot| (slot.channel_draft, slot.hour));
            let assignment: Assignment = of_slot.map(|slot| within.get(&slot).copied().flatten()).collect();
            let best = limit.best(draft, &problem, &mut vec![None; problem.slot_count()], 0);
            let score = |assignment: &Assignment| limit.score(draft, &problem, assignment);
            (best.unwrap(), score(&draft.assignment), score(&assignment))
        });
        let found = found.unwrap_or_else(|| panic!("{}, seed {seed}: the limit is broken", limit.bound));
        assert!(found <= best + 1e-6 * best.abs(), "{}, seed {seed}: {found} is above {best}", limit.bound);
        weeks += 1;
        missed += usize::from(found < best - 1e-3 * best.abs());
        binding += usize::from(free.is_none_or(|free| free < best - 1e-6 * best.abs()));
    }
    assert!(binding * 2 > weeks, "{binding} of {weeks}");
    assert!(missed * 20 <= weeks, "{missed} of {weeks} are not the best");
}
