//! Which posts belong to a campaign, how the campaign's weight affects them, and that the simulator agrees with the
//! planner.

use mcoe::model::{
    AssetId, AssetUse, Campaign, CampaignId, Channel, Client, Environment, Plan, Post, ReviewPolicy, Scenario, Score,
    Tier, plus_days,
};
use mcoe::planner::check::check_plan;
use mcoe::planner::{ExplanationStep, Planner, PostExplanation, explain_post};
use mcoe::rules::CompiledRules;
use mcoe::simulator::{Extent, simulate};
use proptest::prelude::*;

use crate::simulator::NeverStops;
use crate::support::{Agency, at, compiled, default_pack, pack_with_keys, plan, proptest_config};

const WEEK: &str = "2026-W41";
const WEIGHT: f64 = 2.5;

/// A campaign that runs on the first days of the week.
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

fn set_campaign(client: &mut Client, asset: usize, campaign: &str) {
    client.assets[asset].campaign_id = Some(CampaignId::new(campaign));
}

/// A shop with one channel and two assets, after a change.
fn shop(change: impl FnOnce(&mut Client)) -> Scenario {
    let agency = Agency::starting(WEEK).with_client("shop", "Europe/London", &[Channel::Fb]);
    agency
        .edit_last(|client, _| {
            client.assets.truncate(2);
            change(client);
        })
        .scenario()
}

/// The plan of the scenario's first week, which the checker must accept.
#[track_caller]
fn checked_plan(rules: &CompiledRules, scenario: &Scenario) -> Plan {
    let plan = plan(rules, scenario);
    let breaches: Vec<String> = check_plan(&plan, scenario, rules).iter().map(ToString::to_string).collect();
    assert_eq!(breaches, Vec::<String>::new());
    plan
}

fn explanation(rules: &CompiledRules, scenario: &Scenario, plan: &Plan, post: &Post) -> PostExplanation {
    let planner = Planner::new(rules, Tier::Exact, None);
    explain_post(&planner, scenario, plan.week, &plan.clients[0], post).unwrap()
}

/// The asset and campaign of a planned post, and the campaign's factor in the post's value.
#[derive(Debug)]
struct WeightedPost {
    asset: Option<String>,
    campaign: Option<String>,
    factor: f64,
}

/// The planned posts, after checking that each post's factors multiply to its expected engagement.
#[track_caller]
fn weighted_posts(rules: &CompiledRules, scenario: &Scenario) -> Vec<WeightedPost> {
    let plan = checked_plan(rules, scenario);
    let weighted = |post: &Post| {
        let explanation = explanation(rules, scenario, &plan, post);
        let value: f64 = explanation.value_parts.iter().filter_map(ExplanationStep::number).product();
        let expected = value * explanation.quality_factor * explanation.response;
        assert!((expected / post.expected_engagement - 1.0).abs() < 1e-9, "{expected} {}", post.expected_engagement);
        assert!((value / post.slot_value - 1.0).abs() < 1e-9, "{value} {}", post.slot_value);
        let factor = explanation.value_parts.iter().find(|part| part.name == "campaign").unwrap().number().unwrap();
        let asset = post.asset.as_ref().map(|asset| asset.used().to_string());
        WeightedPost { asset, campaign: post.campaign_id.as_ref().map(ToString::to_string), factor }
    };
    let posts: Vec<WeightedPost> = plan.clients[0].posts.iter().map(weighted).collect();
    assert!(posts.len() > 2, "{posts:?}");
    posts
}

#[test]
fn only_posts_with_the_campaigns_asset_get_its_weight() {
    let rules = compiled(default_pack());
    let scenario = shop(|client| {
        client.campaigns = vec![campaign("sale", 7, WEIGHT)];
        set_campaign(client, 1, "sale");
    });
    let posts = weighted_posts(&rules, &scenario);
    let (of_sale, others): (Vec<&WeightedPost>, Vec<&WeightedPost>) =
        posts.iter().partition(|post| post.campaign.is_some());
    let [post] = of_sale[..] else { panic!("{of_sale:?}") };
    assert_eq!((post.asset.as_deref(), post.campaign.as_deref(), post.factor), (Some("shop-01"), Some("sale"), WEIGHT));
    assert!(others.iter().any(|post| post.asset.as_deref() == Some("shop-00")));
    assert!(others.iter().any(|post| post.asset.is_none()));
    assert!(others.iter().all(|post| post.factor == 1.0), "{posts:?}");
}

#[test]
fn an_any_asset_campaign_weights_all_posts_while_it_runs() {
    let rules = compiled(default_pack());
    let scenario = shop(|client| client.campaigns = vec![Campaign { any_asset: true, ..campaign("sale", 3, WEIGHT) }]);
    let plan = checked_plan(&rules, &scenario);
    assert!(plan.posts().all(|(_, post)| post.campaign_id.is_some() == (post.hour / 24 < 3)), "{plan:?}");
    for post in weighted_posts(&rules, &scenario) {
        assert_eq!(post.factor, if post.campaign.is_some() { WEIGHT } else { 1.0 }, "{post:?}");
    }
}

#[test]
fn the_heaviest_any_asset_campaign_applies_unless_the_asset_has_a_campaign() {
    let rules = compiled(default_pack());
    let scenario = shop(|client| {
        let any_asset = |id, weight| Campaign { any_asset: true, ..campaign(id, 7, weight) };
        client.campaigns = vec![any_asset("a", 1.2), any_asset("b", 2.0), any_asset("c", 2.0), campaign("d", 7, 9.0)];
        set_campaign(client, 0, "a");
    });
    for post in weighted_posts(&rules, &scenario) {
        let expected = if post.asset.as_deref() == Some("shop-00") { (Some("a"), 1.2) } else { (Some("b"), 2.0) };
        assert_eq!((post.campaign.as_deref(), post.factor), expected);
    }
}

#[test]
fn a_campaign_without_usable_assets_adds_no_weight() {
    let rules = compiled(default_pack());
    let posts = |change: fn(&mut Client)| checked_plan(&rules, &shop(change)).clients.remove(0).posts;
    let without = posts(|_| {});
    assert_eq!(posts(|client| client.campaigns = vec![campaign("sale", 7, WEIGHT)]), without);
    // Nor does a campaign whose only asset was made for another channel, has no content, or is finished too late.
    let spoilt: [fn(&mut Client); 3] = [
        |client| client.assets[2].channels = vec![Channel::Tiktok],
        |client| client.assets[2].title = "".into(),
        |client| client.assets[2].created_at = "2026-10-08T00:00:00Z".parse().unwrap(),
    ];
    for spoil in spoilt {
        let scenario = shop(|client| {
            client.campaigns = vec![campaign("sale", 3, WEIGHT)];
            client.assets.push(mcoe::model::Asset { id: AssetId::new("shop-02"), ..client.assets[1].clone() });
            set_campaign(client, 2, "sale");
            spoil(client);
        });
        assert_eq!(checked_plan(&rules, &scenario).clients.remove(0).posts, without);
    }
}

#[test]
fn an_asset_of_a_heavy_campaign_is_preferred_only_while_its_campaign_runs() {
    let rules = compiled(pack_with_keys(&[("channels.toml", "weekly_posts", "1")]));
    let used_asset = |weight| {
        let scenario = shop(|client| {
            client.campaigns = vec![campaign("sale", 7, weight)];
            client.assets[1].quality = Score::clamped(0.4);
            set_campaign(client, 1, "sale");
        });
        let plan = checked_plan(&rules, &scenario);
        let [post] = &plan.clients[0].posts[..] else { panic!("one post") };
        post.asset.as_ref().unwrap().used().to_string()
    };
    assert_eq!(used_asset(1.0), "shop-00");
    assert_eq!(used_asset(WEIGHT), "shop-01");
    // With five posts in the week and a campaign of three days, one post on these days has the campaign's asset.
    let scenario = shop(|client| {
        client.campaigns = vec![campaign("sale", 3, WEIGHT)];
        set_campaign(client, 1, "sale");
    });
    let rules = compiled(default_pack());
    let plan = checked_plan(&rules, &scenario);
    let of_sale: Vec<usize> =
        plan.posts().filter(|(_, post)| post.campaign_id.is_some()).map(|(_, post)| post.hour / 24).collect();
    assert!(matches!(of_sale[..], [0..=2]), "{of_sale:?}");
}

#[test]
fn committed_posts_are_weighted_by_their_own_campaign() {
    let rules = compiled(pack_with_keys(&[("channels.toml", "response_strength", "0.0")]));
    let expected = |weight: f64| -> Vec<f64> {
        let agency = Agency::starting(WEEK).with_client("shop", "Europe/London", &[Channel::Fb]);
        let agency = agency.edit_last(|client, state| {
            client.campaigns = vec![campaign("sale", 7, weight)];
            set_campaign(client, 0, "sale");
            for (asset, instant) in [(0, "2026-10-06T11:10:00Z"), (1, "2026-10-07T11:10:00Z")] {
                state.channels[0].recent_posts.push(at(instant));
                state.channels[0].last_post_at = Some(at(instant));
                let asset_id = client.assets[asset].id.clone();
                state.asset_uses.push(AssetUse { asset_id, channel: Channel::Fb, at: at(instant) });
            }
        });
        let plan = checked_plan(&rules, &agency.scenario());
        plan.clients[0].committed.iter().map(|post| post.expected_engagement).collect()
    };
    let ratios: Vec<f64> = expected(WEIGHT).iter().zip(expected(1.0)).map(|(heavy, plain)| heavy / plain).collect();
    assert_eq!(ratios.len(), 2);
    assert!((ratios[0] / WEIGHT - 1.0).abs() < 1e-9 && (ratios[1] - 1.0).abs() < 1e-9, "{ratios:?}");
}

proptest! {
    #![proptest_config(proptest_config(48))]

    #[test]
    fn a_weight_never_affects_posts_of_other_campaigns(
        weights in prop::collection::vec(0.05_f64..9.0, 3),
        days in prop::collection::vec(1_i64..8, 3),
        any_asset in prop::collection::vec(any::<bool>(), 3),
        // Each asset's campaign; 3 means none.
        asset_campaigns in prop::collection::vec(0_usize..4, 8),
    ) {
        let rules = compiled(default_pack());
        let ids = ["a", "b", "c"];
        let agency = Agency::starting(WEEK).with_client("shop", "America/New_York", &[Channel::Fb, Channel::Ig]);
        let scenario = agency.edit_last(|client, _| {
            client.campaigns = (0..3)
                .map(|n| Campaign { any_asset: any_asset[n], ..campaign(ids[n], days[n], weights[n]) })
                .collect();
            client.assets.truncate(8);
            for (asset, campaign) in asset_campaigns.iter().enumerate().filter(|(_, campaign)| **campaign < 3) {
                set_campaign(client, asset, ids[*campaign]);
            }
        }).scenario();
        let plan = plan(&rules, &scenario);
        prop_assert!(check_plan(&plan, &scenario, &rules).is_empty());
        for post in &plan.clients[0].posts {
            let explanation = explanation(&rules, &scenario, &plan, post);
            let factor = explanation.value_parts.iter().find(|part| part.name == "campaign").unwrap().number().unwrap();
            let expected = post.campaign_id.as_ref().map_or(1.0, |id| {
                weights[ids.iter().position(|other| *other == id.as_str()).unwrap()]
            });
            prop_assert_eq!(factor, expected);
        }
    }
}

/// Expected and simulated engagement without noise, under rules that match the environment.
fn expected_and_simulated(change: impl FnOnce(&mut Client)) -> [f64; 2] {
    let rules = compiled(pack_with_keys(&[
        ("channels.toml", "response_strength", "0.0"),
        ("assets.toml", "quality_at_0", "1.0"),
        ("assets.toml", "quality_at_100", "1.0"),
        ("channels.toml", "hour_lift", "1.0"),
        ("channels.toml", "momentum_gain", "0.0"),
    ]));
    let agency = Agency::starting(WEEK).with_client("shop", "Europe/London", &[Channel::Fb]);
    let mut scenario = agency.edit_last(|client, _| change(client)).scenario();
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
    let headline = simulate(&planner, &scenario, extent, &NeverStops).unwrap().headline;
    [headline.expected_engagement.mean, headline.engagement.mean]
}

#[test]
fn the_simulator_weights_only_posts_of_the_campaign() {
    /// The simulated engagement, which must equal the expected engagement.
    #[track_caller]
    fn engagement(change: impl FnOnce(&mut Client)) -> f64 {
        let [expected, simulated] = expected_and_simulated(change);
        assert!((simulated / expected - 1.0).abs() < 1e-9, "{simulated} simulated, {expected} expected");
        simulated
    }
    let sale = || vec![campaign("sale", 7, WEIGHT)];
    let plain = engagement(|_| {});
    let without_asset = engagement(|client| client.campaigns = sale());
    assert!((without_asset / plain - 1.0).abs() < 1e-9);
    let with_one_asset = engagement(|client| {
        client.campaigns = sale();
        set_campaign(client, 3, "sale");
    });
    let with_any_asset = engagement(|client| {
        client.campaigns = vec![Campaign { any_asset: true, ..campaign("sale", 7, WEIGHT) }];
    });
    // Each post earns 50, as 5 % of an audience of 1,000.
    assert!((with_one_asset - (plain + (WEIGHT - 1.0) * 50.0)).abs() < 1e-6, "{with_one_asset} instead of {plain}");
    assert!((with_any_asset / plain - WEIGHT).abs() < 1e-9, "{with_any_asset} instead of {plain}");
}
