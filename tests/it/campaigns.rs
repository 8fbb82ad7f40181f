//! Which posts belong to a campaign, how its weight affects them, and that the simulator agrees.

use mcoe::model::{
    AssetId, AssetUse, Campaign, CampaignId, Channel, Client, Environment, Plan, Post, ReviewPolicy, Scenario, Score,
    Tier, plus_days,
};
use mcoe::planner::check::check_plan;
use mcoe::planner::{ExplanationStep, Planner, PostExplanation, explain_post};
use mcoe::rules::CompiledRules;
use mcoe::simulator::{Extent, Observer, simulate};
use proptest::prelude::*;

use crate::support::{Agency, at, cases, compiled, default_pack, plan, with_keys};

const WEEK: &str = "2026-W41";
const WEIGHT: f64 = 2.5;

/// A campaign of the first days of the week.
fn campaign(id: &str, days: i64, weight: f64) -> Campaign {
    let monday = WEEK.parse::<mcoe::model::Week>().unwrap().monday();
    Campaign {
        id: CampaignId::new(id),
        name: id.into(),
        goal: "sales".into(),
        starts_on: monday,
        ends_on: plus_days(monday, days - 1),
        channels: Vec::new(),
        weight,
        any_asset: false,
    }
}

fn give(client: &mut Client, asset: usize, campaign: &str) {
    client.assets[asset].campaign_id = Some(CampaignId::new(campaign));
}

/// A shop on one channel with its first two assets, after a change.
fn shop(change: impl FnOnce(&mut Client)) -> Scenario {
    let shop = Agency::starting(WEEK).with("shop", "Europe/London", &[Channel::Fb]);
    shop.but(|client, _| {
        client.assets.truncate(2);
        change(client);
    })
    .scenario()
}

/// The plan of the week, after the checker has accepted it.
#[track_caller]
fn planned(rules: &CompiledRules, scenario: &Scenario) -> Plan {
    let plan = plan(rules, scenario);
    let breaches: Vec<String> = check_plan(&plan, scenario, rules).iter().map(ToString::to_string).collect();
    assert_eq!(breaches, Vec::<String>::new());
    plan
}

fn explained(rules: &CompiledRules, scenario: &Scenario, plan: &Plan, post: &Post) -> PostExplanation {
    let planner = Planner::new(rules, Tier::Exact, None);
    explain_post(&planner, scenario, plan.week, &plan.clients[0], post).unwrap()
}

/// Each post's asset, campaign and campaign factor, after checking that the factors multiply to the
/// expected engagement.
#[track_caller]
fn factors(rules: &CompiledRules, scenario: &Scenario) -> Vec<(Option<String>, Option<String>, f64)> {
    let plan = planned(rules, scenario);
    let factor_of = |post: &Post| {
        let reported = explained(rules, scenario, &plan, post);
        let value: f64 = reported.value_parts.iter().filter_map(ExplanationStep::number).product();
        let expected = value * reported.quality_factor * reported.response;
        assert!((expected / post.expected_engagement - 1.0).abs() < 1e-9, "{expected} {}", post.expected_engagement);
        assert!((value / post.slot_value - 1.0).abs() < 1e-9, "{value} {}", post.slot_value);
        let factor = reported.value_parts.iter().find(|part| part.name == "campaign").unwrap().number().unwrap();
        let asset = post.asset.as_ref().map(|asset| asset.used().to_string());
        (asset, post.campaign_id.as_ref().map(ToString::to_string), factor)
    };
    let found: Vec<_> = plan.clients[0].posts.iter().map(factor_of).collect();
    assert!(found.len() > 2, "{found:?}");
    found
}

#[test]
fn only_posts_with_the_campaigns_asset_get_its_weight() {
    let rules = compiled(default_pack());
    let scenario = shop(|client| {
        client.campaigns = vec![campaign("sale", 7, WEIGHT)];
        give(client, 1, "sale");
    });
    let found = factors(&rules, &scenario);
    let of_sale: Vec<_> = found.iter().filter(|(_, campaign, _)| campaign.is_some()).collect();
    assert_eq!(of_sale, [&(Some("shop-01".to_owned()), Some("sale".to_owned()), WEIGHT)]);
    let others = found.iter().filter(|(_, campaign, _)| campaign.is_none());
    assert!(others.clone().any(|(asset, ..)| asset.as_deref() == Some("shop-00")));
    assert!(others.clone().any(|(asset, ..)| asset.is_none()));
    assert!(others.clone().all(|(.., factor)| *factor == 1.0), "{found:?}");
}

#[test]
fn an_any_asset_campaign_weights_all_posts_while_it_runs() {
    let rules = compiled(default_pack());
    let scenario = shop(|client| client.campaigns = vec![Campaign { any_asset: true, ..campaign("sale", 3, WEIGHT) }]);
    let plan = planned(&rules, &scenario);
    let days = |post: &Post| post.hour / 24;
    let counts = |post: &Post| post.campaign_id.is_some();
    assert!(plan.posts().all(|(_, post)| counts(post) == (days(post) < 3)), "{plan:?}");
    for (asset, campaign, factor) in factors(&rules, &scenario) {
        assert_eq!(factor, if campaign.is_some() { WEIGHT } else { 1.0 }, "{asset:?}");
    }
}

#[test]
fn the_heaviest_any_asset_campaign_applies_unless_the_asset_has_a_campaign() {
    let rules = compiled(default_pack());
    let scenario = shop(|client| {
        let open = |id, weight| Campaign { any_asset: true, ..campaign(id, 7, weight) };
        client.campaigns = vec![open("a", 1.2), open("b", 2.0), open("c", 2.0), campaign("d", 7, 9.0)];
        give(client, 0, "a");
    });
    for (asset, campaign, factor) in factors(&rules, &scenario) {
        let own = asset.as_deref() == Some("shop-00");
        assert_eq!((campaign.as_deref(), factor), if own { (Some("a"), 1.2) } else { (Some("b"), 2.0) });
    }
}

#[test]
fn a_campaign_without_usable_assets_adds_no_weight() {
    let rules = compiled(default_pack());
    let posts = |change: fn(&mut Client)| planned(&rules, &shop(change)).clients.remove(0).posts;
    let without = posts(|_| {});
    assert_eq!(posts(|client| client.campaigns = vec![campaign("sale", 7, WEIGHT)]), without);
    // Nor does one whose asset was made for another channel, has no content, or is finished too late.
    let spoilt: [fn(&mut Client); 3] = [
        |client| client.assets[2].channels = vec![Channel::Tiktok],
        |client| client.assets[2].title = "".into(),
        |client| client.assets[2].created_at = "2026-10-08T00:00:00Z".parse().unwrap(),
    ];
    for spoil in spoilt {
        let scenario = shop(|client| {
            client.campaigns = vec![campaign("sale", 3, WEIGHT)];
            client.assets.push(mcoe::model::Asset { id: AssetId::new("shop-02"), ..client.assets[1].clone() });
            give(client, 2, "sale");
            spoil(client);
        });
        assert_eq!(planned(&rules, &scenario).clients.remove(0).posts, without);
    }
}

#[test]
fn an_asset_of_a_heavy_campaign_is_preferred_only_while_its_campaign_runs() {
    let rules = compiled(with_keys(&[("channels.toml", "weekly_posts", "1")]));
    let used = |weight| {
        let scenario = shop(|client| {
            client.campaigns = vec![campaign("sale", 7, weight)];
            client.assets[1].quality = Score::clamped(0.4);
            give(client, 1, "sale");
        });
        let plan = planned(&rules, &scenario);
        let [post] = &plan.clients[0].posts[..] else { panic!("one post") };
        post.asset.as_ref().unwrap().used().to_string()
    };
    assert_eq!(used(1.0), "shop-00");
    assert_eq!(used(WEIGHT), "shop-01");
    // Five posts and a campaign of three days: one of the posts has its asset.
    let scenario = shop(|client| {
        client.campaigns = vec![campaign("sale", 3, WEIGHT)];
        give(client, 1, "sale");
    });
    let rules = compiled(default_pack());
    let plan = planned(&rules, &scenario);
    let of_sale: Vec<usize> =
        plan.posts().filter(|(_, post)| post.campaign_id.is_some()).map(|(_, post)| post.hour / 24).collect();
    assert!(matches!(of_sale[..], [0..=2]), "{of_sale:?}");
}

#[test]
fn committed_posts_are_weighted_by_their_own_campaign() {
    let rules = compiled(with_keys(&[("channels.toml", "response_strength", "0.0")]));
    let expected = |weight: f64| -> Vec<f64> {
        let agency = Agency::starting(WEEK).with("shop", "Europe/London", &[Channel::Fb]).but(|client, state| {
            client.campaigns = vec![campaign("sale", 7, weight)];
            give(client, 0, "sale");
            for (asset, instant) in [(0, "2026-10-06T11:10:00Z"), (1, "2026-10-07T11:10:00Z")] {
                state.channels[0].recent_posts.push(at(instant));
                state.channels[0].last_post_at = Some(at(instant));
                let asset_id = client.assets[asset].id.clone();
                state.asset_uses.push(AssetUse { asset_id, channel: Channel::Fb, at: at(instant) });
            }
        });
        let plan = planned(&rules, &agency.scenario());
        plan.clients[0].committed.iter().map(|post| post.expected_engagement).collect()
    };
    let ratio: Vec<f64> = expected(WEIGHT).iter().zip(expected(1.0)).map(|(heavy, plain)| heavy / plain).collect();
    assert_eq!(ratio.len(), 2);
    assert!((ratio[0] / WEIGHT - 1.0).abs() < 1e-9 && (ratio[1] - 1.0).abs() < 1e-9, "{ratio:?}");
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_weight_never_affects_posts_of_other_campaigns(
        weights in prop::collection::vec(0.05_f64..9.0, 3),
        days in prop::collection::vec(1_i64..8, 3),
        any in prop::collection::vec(any::<bool>(), 3),
        owners in prop::collection::vec(0_usize..4, 8),
    ) {
        let rules = compiled(default_pack());
        let ids = ["a", "b", "c"];
        let agency = Agency::starting(WEEK).with("shop", "America/New_York", &[Channel::Fb, Channel::Ig]);
        let scenario = agency.but(|client, _| {
            client.campaigns = (0..3)
                .map(|n| Campaign { any_asset: any[n], ..campaign(ids[n], days[n], weights[n]) })
                .collect();
            client.assets.truncate(8);
            for (asset, owner) in owners.iter().enumerate().filter(|(_, owner)| **owner < 3) {
                give(client, asset, ids[*owner]);
            }
        }).scenario();
        let plan = plan(&rules, &scenario);
        prop_assert!(check_plan(&plan, &scenario, &rules).is_empty());
        for post in &plan.clients[0].posts {
            let reported = explained(&rules, &scenario, &plan, post);
            let factor = reported.value_parts.iter().find(|part| part.name == "campaign").unwrap().number().unwrap();
            let own = post.campaign_id.as_ref().map_or(1.0, |id| {
                weights[ids.iter().position(|known| *known == id.as_str()).unwrap()]
            });
            prop_assert_eq!(factor, own);
        }
    }
}

struct Patient;

impl Observer for Patient {
    fn week_done(&self) {}

    fn should_stop(&self) -> bool {
        false
    }
}

/// Expected and simulated engagement without noise, under rules that match the environment.
fn simulated(change: impl FnOnce(&mut Client)) -> [f64; 2] {
    let rules = compiled(with_keys(&[
        ("channels.toml", "response_strength", "0.0"),
        ("assets.toml", "quality_at_0", "1.0"),
        ("assets.toml", "quality_at_100", "1.0"),
        ("channels.toml", "hour_lift", "1.0"),
        ("channels.toml", "momentum_gain", "0.0"),
    ]));
    let shop = Agency::starting(WEEK).with("shop", "Europe/London", &[Channel::Fb]);
    let mut scenario = shop.but(|client, _| change(client)).scenario();
    scenario.environment = Environment {
        noise_log_sd: 0.0,
        channel_log_sd: 0.0,
        account_drift_log_sd: 0.0,
        loss_24_hours: 0.0,
        loss_7_days: 0.0,
        lasting_loss: 0.0,
        leave_per_post: 0.0,
        leave_per_email: 0.0,
        hour_log_sd: 0.0,
        weekday_log_sd: 0.0,
        rate_log_sd: 0.0,
        asset_log_gain: 0.0,
        ..Environment::default()
    };
    scenario.review =
        ReviewPolicy { medium_approved: 1.0, high_approved: 1.0, delay_hours: 0.1, planned_ahead_hours: 48.0 };
    let planner = Planner::new(&rules, Tier::Exact, None);
    let extent = Extent { weeks: 1, replications: 2, seed: 5 };
    let headline = simulate(&planner, &scenario, extent, &Patient).unwrap().headline;
    [headline.expected_engagement.mean, headline.engagement.mean]
}

#[test]
fn the_simulator_weights_only_posts_of_the_campaign() {
    #[track_caller]
    fn agree([expected, came]: [f64; 2]) -> f64 {
        assert!((came / expected - 1.0).abs() < 1e-9, "{came} came, {expected} were expected");
        came
    }
    let sale = || vec![campaign("sale", 7, WEIGHT)];
    let plain = agree(simulated(|_| {}));
    let without_asset = agree(simulated(|client| client.campaigns = sale()));
    assert!((without_asset / plain - 1.0).abs() < 1e-9);
    let with_one = agree(simulated(|client| {
        client.campaigns = sale();
        give(client, 3, "sale");
    }));
    let with_any = agree(simulated(|client| {
        client.campaigns = vec![Campaign { any_asset: true, ..campaign("sale", 7, WEIGHT) }];
    }));
    let posts = plain / 50.0;
    assert!((with_one - (plain + (WEIGHT - 1.0) * 50.0)).abs() < 1e-6, "of {posts} posts one: {with_one} for {plain}");
    assert!((with_any / plain - WEIGHT).abs() < 1e-9, "{with_any} for {plain}");
}
