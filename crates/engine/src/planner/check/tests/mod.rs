//! Tests of the checker, and the small scenarios that the tests share.

mod campaign_limits;
mod dated;
mod limits;
mod load;
mod order;
mod previous;
mod reviews;
mod tampered;
mod times;
mod untampered;

use std::fs;
use std::path::Path;

use super::{Breach, check_plan};
use crate::model::{
    Asset, AssetId, AssetUse, CalendarEntry, Campaign, CampaignId, Capacity, Channel, ChannelState, Client, ClientId,
    ClientState, ClientStatus, DayKind, Environment, Plan, Policy, Reality, ReviewPolicy, Scenario, Score, Tier,
    Timestamp, Week, WorkspaceId, Zone, plus_days,
};
use crate::planner::{Planner, plan_week};
use crate::rules::{CompiledRules, PackFiles, load};

/// The default pack.
fn rules() -> CompiledRules {
    rules_with(&[])
}

/// The default pack with texts of its files replaced. If the text to replace is empty, the new text is appended to the
/// file, which is created if missing.
fn rules_with(changes: &[(&str, &str, &str)]) -> CompiledRules {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let mut files = PackFiles::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
    for (file, from, to) in changes {
        if from.is_empty() {
            files.entry((*file).to_owned()).or_default().push_str(to);
            continue;
        }
        let text = files.get_mut(*file).unwrap();
        assert!(text.contains(from), "{file} does not contain `{from}`");
        *text = text.replace(from, to);
    }
    CompiledRules::compile(load(files).unwrap()).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn score(value: f64) -> Score {
    Score::new(value).unwrap()
}

fn week(text: &str) -> Week {
    text.parse().unwrap()
}

/// The instant a number of hours after the client's Monday 00:00.
fn in_week(client: &Client, week: Week, hours: i64) -> Timestamp {
    client.zone.start_of_day(week.monday()).unwrap().plus_hours(hours)
}

/// An asset made four weeks before the week, for all channels.
fn asset(id: &str, client: &Client, week: Week, quality: f64) -> Asset {
    Asset {
        quality: score(quality),
        brand_consistency: score(0.8),
        title: "Title".into(),
        body: "Body".into(),
        ..Asset::new(AssetId::new(id), "photo", in_week(client, week, -28 * 24))
    }
}

/// One active client in a zone, on the given channels, with a number of assets of rising quality.
fn client(id: &str, zone: &str, week: Week, channels: &[Channel], assets: usize) -> (Client, ClientState) {
    let zone: Zone = zone.parse().unwrap();
    let mut client = Client {
        id: ClientId::new(id),
        workspace_id: WorkspaceId::new("north"),
        name: id.into(),
        industry: "retail".into(),
        tags: Vec::new(),
        zone,
        status: ClientStatus::Active,
        priority: 50.0,
        policy: Policy {
            agent_enabled: true,
            auto_exec_enabled: true,
            max_actions_per_day: 10,
            pause_on_high_severity_warning: true,
        },
        campaigns: Vec::new(),
        assets: Vec::new(),
        calendar: Vec::new(),
        world: Vec::new(),
        limit_numbers: Vec::new(),
    };
    client.assets = (0..assets)
        .map(|n| asset(&format!("{id}-{n:02}"), &client, week, 0.3 + 0.6 * n as f64 / assets as f64))
        .collect();
    let channels = channels.iter().map(|channel| channel_state(&client, *channel, week)).collect();
    (
        client,
        ClientState {
            channels,
            warnings: Vec::new(),
            reality: None,
            asset_uses: Vec::new(),
            previous_posts: Vec::new(),
        },
    )
}

fn channel_state(client: &Client, channel: Channel, week: Week) -> ChannelState {
    let last_post = in_week(client, week, -20).plus_minutes(17);
    ChannelState {
        channel,
        audience: 10_000.0 + 1000.0 * channel.index() as f64,
        engagement_rate: Some(0.03),
        last_post_at: Some(last_post),
        recent_posts: vec![in_week(client, week, -90), last_post],
        posts_needing_review: Vec::new(),
        posts_last_7_days: 2,
        posts_last_30_days: 2,
        fatigue: score(0.2),
        as_of: in_week(client, week, 0),
        momentum: Some(score(0.6)),
        visibility: None,
        engagement: None,
    }
}

/// A scenario with the given clients.
fn scenario(week: Week, clients: Vec<(Client, ClientState)>) -> Scenario {
    Scenario {
        name: "small".to_owned(),
        hash: "5ce0".to_owned(),
        start: week,
        weeks: 4,
        capacity: Capacity::default(),
        review: ReviewPolicy::default(),
        environment: Environment::default(),
        clients,
        other_clients: Vec::new(),
    }
}

/// A client on every channel, with campaigns, a story, special days, a reality assessment, uses of assets and committed
/// posts.
fn rich(week: Week, zone: &str) -> (Client, ClientState) {
    let (mut client, mut state) = client("rich", zone, week, &Channel::ALL, 40);
    let monday = week.monday();
    client.campaigns = vec![campaign("autumn", week, &[], 1.3), campaign("bright", week, &[Channel::Fb], 1.3)];
    client.calendar = vec![
        special_day(DayKind::Blackout, week, 2, Some(Channel::Tiktok)),
        special_day(DayKind::Holiday, week, 3, None),
        special_day(DayKind::Boost, week, 4, None),
    ];
    for (n, asset) in client.assets.iter_mut().enumerate() {
        match n % 5 {
            0 => asset.channels = vec![Channel::Ig, Channel::Tiktok],
            1 => asset.campaign_id = Some(CampaignId::new(if n % 2 == 0 { "autumn" } else { "bright" })),
            2 => {
                asset.created_at =
                    Zone::utc().start_of_day(monday).unwrap().plus_minutes(9 * 60 + 30).plus_hours(n as i64);
            }
            _ => {}
        }
    }
    let root = client.assets[3].clone();
    client.assets.push(Asset { id: AssetId::new("rich-v"), parent_id: Some(root.id.clone()), ..root.clone() });
    let next = Asset { evolution_step: 1, quality: score(1.0), ..client.assets[40].clone() };
    client.assets.push(Asset { id: AssetId::new("rich-w"), ..next.clone() });
    client.assets.push(Asset { id: AssetId::new("rich-x"), evolution_step: 2, ..next });
    let used =
        |id: &AssetId, channel, hours| AssetUse { asset_id: id.clone(), channel, at: in_week(&client, week, hours) };
    state.asset_uses = vec![
        used(&client.assets[30].id, Channel::Fb, -100),
        used(&root.id, Channel::X, -60),
        used(&client.assets[39].id, Channel::Fb, -20),
        used(&client.assets[38].id, Channel::Ig, 50),
    ];
    state.reality = Some(Reality {
        as_of: in_week(&client, week, -200),
        perceived: score(0.8),
        actual: Some(score(0.45)),
        confidence: score(0.5),
        completeness: score(0.9),
    });
    commit(&mut state, &client, week, Channel::Ig, &[50]);
    commit(&mut state, &client, week, Channel::X, &[9, 80]);
    state.channels[Channel::Gmb.index()].engagement_rate = None;
    (client, state)
}

/// A campaign from Monday to Friday of the week.
fn campaign(id: &str, week: Week, channels: &[Channel], weight: f64) -> Campaign {
    Campaign {
        id: CampaignId::new(id),
        name: id.into(),
        goal: "awareness".into(),
        starts_on: week.monday(),
        ends_on: plus_days(week.monday(), 4),
        channels: channels.to_vec(),
        weight,
        any_asset: false,
    }
}

/// One special day of the week.
fn special_day(kind: DayKind, week: Week, weekday: i64, channel: Option<Channel>) -> CalendarEntry {
    let date = plus_days(week.monday(), weekday);
    CalendarEntry { from: date, to: date, kind, factor: None, channel, name: kind.name().into() }
}

/// Adds committed posts, 25 minutes past the given hours of the week.
fn commit(state: &mut ClientState, client: &Client, week: Week, channel: Channel, hours: &[i64]) {
    let channel_state = state.channels.iter_mut().find(|state| state.channel == channel).unwrap();
    channel_state.recent_posts.extend(hours.iter().map(|hour| in_week(client, week, *hour).plus_minutes(25)));
    channel_state.recent_posts.sort();
    channel_state.last_post_at = channel_state.recent_posts.last().copied();
}

/// Plans the week.
fn planned(scenario: &Scenario, rules: &CompiledRules, week: Week) -> Plan {
    plan_week(&Planner::new(rules, Tier::Exact, None), scenario, week).unwrap()
}

/// Plans the week and checks the plan.
fn breaches(scenario: &Scenario, rules: &CompiledRules, week: Week) -> (Plan, Vec<Breach>) {
    let plan = planned(scenario, rules, week);
    let breaches = check_plan(&plan, scenario, rules);
    (plan, breaches)
}

/// Plans the week and asserts that the plan passes.
fn passing(scenario: &Scenario, rules: &CompiledRules, week: Week) -> Plan {
    let (plan, breaches) = breaches(scenario, rules, week);
    let messages: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    assert!(messages.is_empty(), "{}", messages.join("\n"));
    assert!(plan.posts().count() > 0, "a plan without posts proves nothing");
    plan
}

/// A deterministic random number generator (splitmix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
