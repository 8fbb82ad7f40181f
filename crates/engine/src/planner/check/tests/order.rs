//! Limits on the order of channels: plans keep them, and plans that break them are found.

use super::tampered::Case;
use super::*;
use crate::model::{ClientPlan, Post};

/// The week that is planned.
const WEEK: &str = "2026-W43";

/// Each post on LinkedIn is followed by one on X two to four hours later.
const ORDER: &str = "[x_after_linkedin]\nfollowed_by = \"x\"\nafter_hours = 2\nuntil_hours = 4\n\
                     where.channels = [\"linkedin\"]\n";

/// A client on LinkedIn and X, with 40 assets that both can use.
fn shop() -> (Client, ClientState) {
    client("shop", "Europe/London", week(WEEK), &[Channel::Linkedin, Channel::X], 40)
}

fn case_of(shop: (Client, ClientState), limits: &str) -> Case {
    let scenario = scenario(week(WEEK), vec![shop]);
    let rules = rules_with(&[("limits.toml", "", limits)]);
    let plan = passing(&scenario, &rules, week(WEEK));
    Case { scenario, rules, plan }
}

fn posts_on(plan: &ClientPlan, channel: Channel) -> Vec<&Post> {
    plan.posts.iter().filter(|post| post.channel == channel).collect()
}

fn asset_of(post: &Post) -> Option<&AssetId> {
    post.asset.as_ref().map(|choice| choice.used())
}

/// The posts on X that follow a post on LinkedIn as `ORDER` says.
fn following<'p>(plan: &'p ClientPlan, first: &Post) -> Vec<&'p Post> {
    let after = |post: &&Post| (first.hour + 2..=first.hour + 4).contains(&post.hour);
    posts_on(plan, Channel::X).into_iter().filter(after).collect()
}

#[test]
fn each_post_is_followed_and_if_required_with_the_same_asset() {
    for same_asset in [false, true] {
        let limits = format!("{ORDER}same_asset = {same_asset}\n");
        let case = case_of(shop(), &limits);
        let plan = &case.plan.clients[0];
        let firsts = posts_on(plan, Channel::Linkedin);
        assert_eq!(firsts.len() as u32, plan.allocations[0].posts_wanted, "none is left out");
        for first in firsts {
            let mut followers = following(plan, first).into_iter();
            let is_pair = |post: &Post| !same_asset || asset_of(post) == asset_of(first);
            assert!(followers.any(is_pair), "{} is not followed", first.at);
        }
        let certificate = plan.certificate.as_ref().unwrap();
        let gap = 1.0 - certificate.objective / certificate.upper_bound;
        assert!((-1e-9..0.02).contains(&gap), "{gap}");
    }
}

#[test]
fn an_asset_that_only_one_of_the_channels_can_use_is_in_no_pair() {
    let (mut client, state) = shop();
    // The best assets are for one channel each.
    for (number, asset) in client.assets.iter_mut().enumerate() {
        match number {
            0..10 => {}
            10..25 => asset.channels = vec![Channel::Linkedin],
            _ => asset.channels = vec![Channel::X],
        }
    }
    let case = case_of((client, state), &format!("{ORDER}same_asset = true\n"));
    let plan = &case.plan.clients[0];
    let firsts = posts_on(plan, Channel::Linkedin);
    assert_eq!(firsts.len() as u32, plan.allocations[0].posts_wanted);
    assert!(firsts.iter().all(|first| following(plan, first).iter().any(|post| asset_of(post) == asset_of(first))));
}

#[test]
fn posts_for_which_no_pair_of_assets_is_left_are_left_out_and_the_limit_is_named() {
    let (mut client, state) = shop();
    for asset in client.assets.iter_mut().skip(2) {
        asset.channels = vec![Channel::X];
    }
    let case = case_of((client, state), &format!("{ORDER}same_asset = true\n"));
    let plan = &case.plan.clients[0];
    let with_asset = posts_on(plan, Channel::Linkedin).into_iter().filter(|post| post.asset.is_some());
    assert_eq!(with_asset.count(), 2);
}

#[test]
fn a_post_without_an_asset_is_left_out_with_its_follow_up_and_others_stay() {
    const LINKEDIN: &str = "[linkedin]   # LinkedIn company pages\nweekly_posts = 5";
    let (mut client, state) = client("shop", "Europe/London", week(WEEK), &[Channel::Linkedin, Channel::X], 3);
    for (number, asset) in client.assets.iter_mut().enumerate() {
        let (channel, kind) = if number == 0 { (Channel::Linkedin, "photo") } else { (Channel::X, "video") };
        (asset.channels, asset.kind) = (vec![channel], kind.into());
    }
    // LinkedIn wants two posts and has one asset. Of the two posts on X only one may be a video.
    let order = ORDER.replace("until_hours = 4\n", "");
    let rules = rules_with(&[
        ("channels.toml", LINKEDIN, "[linkedin]\nweekly_posts = 2\nworth = 10"),
        ("channels.toml", "[x]   # X, formerly Twitter\nweekly_posts = 10", "[x]\nweekly_posts = 2"),
        ("assets.toml", "cost_per_hour = 20", "cost_per_hour = 0"),
        ("limits.toml", "", &format!("{order}[videos]\nat_most = 1\nwhere.kinds = [\"video\"]\n")),
    ]);
    let plan = passing(&scenario(week(WEEK), vec![(client, state)]), &rules, week(WEEK));
    let plan = &plan.clients[0];
    assert!(plan.unmet_limits.is_empty(), "{:?}", plan.unmet_limits);
    let [leader] = posts_on(plan, Channel::Linkedin)[..] else { panic!("{:?}", plan.posts) };
    let [follower] = posts_on(plan, Channel::X)[..] else { panic!("{:?}", plan.posts) };
    assert_eq!(follower.hour, leader.hour + 2);
    assert!(leader.asset.is_some() && follower.asset.is_some());
}

#[test]
fn a_plan_that_breaks_the_order_is_found() {
    let case = case_of(shop(), &format!("{ORDER}same_asset = true\n"));
    let is_on_x = |post: &Post| post.channel == Channel::X;
    let breaks = |change: &dyn Fn(&mut ClientPlan)| {
        let broken = case.broken_by(|plan| change(&mut plan.clients[0]));
        assert!(broken.contains(&"limits"), "{broken:?}");
    };
    breaks(&|plan| plan.posts.retain(|post| !is_on_x(post)));
    breaks(&|plan| {
        let other = posts_on(plan, Channel::X).iter().map(|post| post.asset.clone()).collect::<Vec<_>>();
        let on_x = plan.posts.iter_mut().filter(|post| is_on_x(post));
        on_x.zip(other.iter().cycle().skip(1)).for_each(|(post, asset)| post.asset = asset.clone());
    });
    breaks(&|plan| {
        for post in plan.posts.iter_mut().filter(|post| is_on_x(post)) {
            (post.hour, post.at) = (post.hour + 9, post.at.plus_hours(9));
        }
    });
    // A plan made without the limit, or with another.
    let without = case_of(shop(), "");
    for limits in [ORDER.to_owned(), ORDER.replace("\"linkedin\"", "\"linkedin\", \"fb\"")] {
        let breaches = check_plan(&without.plan, &without.scenario, &rules_with(&[("limits.toml", "", &limits)]));
        assert!(breaches.iter().any(|breach| breach.rule == "limits"), "{breaches:?}");
    }
}

#[test]
fn the_prices_of_an_order_are_verified() {
    let case = case_of(shop(), ORDER);
    let limits = &case.plan.clients[0].certificate.as_ref().unwrap().limits;
    let index = limits.iter().position(|limit| limit.follow_up.is_some() && limit.price > 0.0).unwrap();
    let broken = case.broken_by(|plan| plan.clients[0].certificate.as_mut().unwrap().limits[index].price *= 2.0);
    assert!(broken.contains(&"certificate_bound"), "{broken:?}");
}

/// Each post on LinkedIn is followed by one on X 24 to 30 hours later. The post on LinkedIn of Sunday at 04:00 can then
/// be followed until Monday at 10:00.
const NEXT_DAY: &str = "[next_day]\nfollowed_by = \"x\"\nafter_hours = 24\nuntil_hours = 30\n\
                        where.channels = [\"linkedin\"]\n";

#[test]
fn a_committed_post_of_the_week_before_is_followed() {
    let is_in_time = |post: &&&Post| (4..=10).contains(&post.hour);
    let case = case_of(shop(), NEXT_DAY);
    let on_x = posts_on(&case.plan.clients[0], Channel::X);
    assert!(on_x.iter().any(|post| is_in_time(&post)));
    let broken = case.broken_by(|plan| plan.clients[0].posts.retain(|post| !is_in_time(&&post)));
    assert!(broken.contains(&"limits"), "{broken:?}");
    // With the asset that it had, which would not be the best for that hour.
    let (client, mut state) = shop();
    let asset_id = client.assets[3].id.clone();
    let at = in_week(&client, week(WEEK), -20).plus_minutes(17);
    state.asset_uses.push(AssetUse { asset_id: asset_id.clone(), channel: Channel::Linkedin, at });
    let case = case_of((client, state), &format!("{NEXT_DAY}same_asset = true\n"));
    let on_x = posts_on(&case.plan.clients[0], Channel::X);
    assert!(on_x.iter().filter(is_in_time).any(|post| asset_of(post) == Some(&asset_id)));
}

#[test]
fn nothing_follows_a_committed_post_that_was_followed_or_can_no_longer_be() {
    let week = week(WEEK);
    // On Monday until 11:00 nothing may be posted, or the post was followed at 05:25.
    let (client, mut followed) = shop();
    commit(&mut followed, &client, week, Channel::X, &[5]);
    let (mut closed, state) = shop();
    closed.calendar = vec![special_day(DayKind::Blackout, week, 0, Some(Channel::X))];
    for shop in [(client, followed), (closed, state)] {
        let case = case_of(shop, NEXT_DAY);
        let on_x = posts_on(&case.plan.clients[0], Channel::X);
        assert!(case.plan.clients[0].unmet_limits.is_empty() && !on_x.is_empty());
    }
}

#[test]
fn posts_whose_last_hour_to_be_followed_lies_after_the_week_need_not_be_followed() {
    let limits = ORDER.replace("until_hours = 4", "until_hours = 168");
    let (mut client, mut state) = shop();
    client.assets.truncate(30);
    state.channels[0].recent_posts.clear();
    let case = case_of((client, state), &limits);
    assert!(!posts_on(&case.plan.clients[0], Channel::Linkedin).is_empty());
    assert!(case.plan.clients[0].certificate.as_ref().unwrap().limits.iter().all(|limit| limit.follow_up.is_none()));
}

#[test]
fn an_order_with_a_price_is_broken_where_that_earns_more() {
    let count_unfollowed = |price: f64, same_asset: bool| {
        let case = case_of(shop(), &format!("{ORDER}price = {price:.1}\nsame_asset = {same_asset}\n"));
        let plan = &case.plan.clients[0];
        let firsts = posts_on(plan, Channel::Linkedin);
        let is_pair = |first: &Post, post: &Post| !same_asset || asset_of(post) == asset_of(first);
        firsts.iter().filter(|first| !following(plan, first).iter().any(|post| is_pair(first, post))).count()
    };
    // The posts that go out at their best hours with their best assets happen not to have the same ones.
    assert!(count_unfollowed(0.1, true) > 0);
    assert_eq!([false, true].map(|same_asset| count_unfollowed(10_000.0, same_asset)), [0, 0]);
}

#[test]
fn an_order_does_not_apply_to_a_client_without_the_channel_that_follows() {
    let lone = client("lone", "Europe/London", week(WEEK), &[Channel::Linkedin, Channel::Fb], 40);
    let case = case_of(lone, ORDER);
    assert!(!posts_on(&case.plan.clients[0], Channel::Linkedin).is_empty());
}
