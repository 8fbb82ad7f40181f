//! Overlays change only their keys, and only in their scope.

use chrono::Timelike as _;
use mcoe::model::{Campaign, CampaignId, Channel, ClientPlan, Plan, Post, Reality, Scenario, Score, WorkspaceId};
use mcoe::rules::PackFiles;

use crate::support::{Agency, at, compiled, default_pack, pack_with_file, plan, set_key, try_compile};

/// Acme and Bolt in the workspace `north`, Cord alone in `south`. Acme has an `any_asset` campaign from Thursday on.
fn agency() -> Scenario {
    let channels = [Channel::Fb, Channel::X];
    let spring = Campaign {
        id: CampaignId::new("spring"),
        name: "Spring".into(),
        goal: "sales".into(),
        starts_on: "2026-10-01".parse().unwrap(),
        ends_on: "2026-10-31".parse().unwrap(),
        channels: Vec::new(),
        weight: 1.0,
        any_asset: true,
    };
    Agency::starting("2026-W40")
        .with_client("acme", "Europe/London", &channels)
        .edit_last(|client, _| {
            client.workspace_id = WorkspaceId::new("north");
            client.campaigns.push(spring);
        })
        .with_client("bolt", "Europe/London", &channels)
        .edit_last(|client, _| client.workspace_id = WorkspaceId::new("north"))
        .with_client("cord", "Europe/London", &channels)
        .edit_last(|client, _| client.workspace_id = WorkspaceId::new("south"))
        .scenario()
}

/// The plan under the default pack.
fn base_plan() -> Plan {
    plan(&compiled(default_pack()), &agency())
}

/// The plan under the default pack with an overlay.
fn plan_with_overlay(text: &str) -> Plan {
    plan(&compiled(pack_with_file("overlays/test.toml", text)), &agency())
}

fn posts_on(client: &ClientPlan, channel: Channel) -> Vec<&Post> {
    client.posts.iter().filter(|post| post.channel == channel).collect()
}

/// Whether two plans have the same posts and allocations for the client at an index.
fn is_same(one: &Plan, other: &Plan, index: usize) -> bool {
    let parts = |plan: &Plan| (plan.clients[index].posts.clone(), plan.clients[index].allocations.clone());
    parts(one) == parts(other)
}

#[test]
fn an_overlay_of_a_client_affects_only_that_client() {
    let text = "scope = { client = \"acme\" }\n[channels.fb]\nweekly_posts = 2\n";
    let (base, overlaid) = (base_plan(), plan_with_overlay(text));
    assert_eq!(posts_on(&overlaid.clients[0], Channel::Fb).len(), 2);
    assert_eq!(overlaid.clients[0].allocations[0].posts_wanted, 2);
    assert!(is_same(&base, &overlaid, 1) && is_same(&base, &overlaid, 2));
    let hours = |plan: &Plan| posts_on(&plan.clients[0], Channel::X).iter().map(|post| post.hour).collect::<Vec<_>>();
    assert_eq!(hours(&base), hours(&overlaid), "the other channel keeps its hours");
}

#[test]
fn an_overlay_of_a_workspace_affects_only_its_clients() {
    let text = "scope = { workspace = \"north\" }\n[channels.fb]\nquiet_hours = { from = \"00:00\", to = \"20:00\" }\n\
                best_hours = { weekday = [20], weekend = [21] }\n";
    let (base, overlaid) = (base_plan(), plan_with_overlay(text));
    for client in &overlaid.clients[..2] {
        let posts = posts_on(client, Channel::Fb);
        let hours: Vec<u32> = posts.iter().map(|post| client.zone.local(post.at).hour()).collect();
        assert!(!hours.is_empty() && hours.iter().all(|hour| *hour >= 20), "{}: {hours:?}", client.client_id);
    }
    assert!(is_same(&base, &overlaid, 2));
}

#[test]
fn an_overlay_of_a_campaign_affects_only_its_posts() {
    let text = "scope = { client = \"acme\", campaign = \"spring\" }\n[risk.bands.low]\nfrom = 0.99\nto = 1.0\n\
                [risk.bands.medium]\nfrom = 0.60\nto = 0.99\n";
    let (base, overlaid) = (base_plan(), plan_with_overlay(text));
    let spring = Some(CampaignId::new("spring"));
    let (mut campaign_posts, mut other_posts) = (0, 0);
    for (before, after) in base.clients[0].posts.iter().zip(&overlaid.clients[0].posts) {
        let is_spring = after.campaign_id == spring;
        campaign_posts += usize::from(is_spring);
        other_posts += usize::from(!is_spring);
        assert_eq!((before.at, before.channel, before.confidence), (after.at, after.channel, after.confidence));
        assert_eq!(before.risk != after.risk, is_spring, "{} {:?}", after.at, after.campaign_id);
    }
    assert!(campaign_posts > 0 && other_posts > 0, "{campaign_posts} posts of the campaign, {other_posts} others");
    assert!(is_same(&base, &overlaid, 1) && is_same(&base, &overlaid, 2));
}

#[test]
fn an_overlay_may_change_the_parameters_of_a_guardrail() {
    let mut scenario = agency();
    for (_, state) in &mut scenario.clients {
        state.reality = Some(Reality {
            as_of: at("2026-09-20T00:00:00Z"),
            perceived: Score::HALF,
            actual: Score::new(0.75),
            confidence: Score::ONE,
            completeness: Score::ONE,
        });
    }
    let text = "scope = { client = \"bolt\" }\n[guardrails.truth_layer.params]\nmax_gap = 0.2\n";
    let plan = plan(&compiled(pack_with_file("overlays/bolt.toml", text)), &scenario);
    let warned = |client: &ClientPlan| client.conflicts.iter().any(|c| c.description.starts_with("truth_layer"));
    assert_eq!(plan.clients.iter().map(warned).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn a_narrower_overlay_overrides_a_wider_one() {
    let acme = "scope = { client = \"acme\" }\n[channels.fb]\nweekly_posts = 1\n";
    let mut files = pack_with_file("overlays/a.toml", acme);
    let north = "scope = { workspace = \"north\" }\n[channels.fb]\nweekly_posts = 3\n";
    files.insert("overlays/b.toml".to_owned(), north.to_owned());
    let plan = plan(&compiled(files), &agency());
    let posts: Vec<usize> = plan.clients.iter().map(|client| posts_on(client, Channel::Fb).len()).collect();
    assert_eq!(posts, [1, 3, 5]);
}

#[test]
fn an_overlay_may_disable_and_enable_a_guardrail() {
    let verdict_counts = |files: PackFiles| -> Vec<usize> {
        let plan = plan(&compiled(files), &agency());
        plan.clients.iter().map(|client| client.posts[0].verdicts.len()).collect()
    };
    let off = "scope = { client = \"bolt\" }\n[guardrails.truth_layer]\nenabled = false\n";
    assert_eq!(verdict_counts(pack_with_file("overlays/bolt.toml", off)), [5, 4, 5]);
    let mut files = pack_with_file("overlays/bolt.toml", &off.replace("false", "true"));
    set_key(&mut files, "guardrails.toml", "truth_layer.enabled", "false");
    assert_eq!(verdict_counts(files), [4, 5, 4]);
}

#[test]
fn an_overlay_cannot_change_the_scope_of_a_guardrail() {
    let text = "scope = { client = \"bolt\" }\n[guardrails.truth_layer]\nscope = \"channel_week\"\n";
    let mistakes = try_compile(pack_with_file("overlays/bolt.toml", text)).err().unwrap();
    let reported: Vec<_> = mistakes.iter().map(|mistake| (mistake.code, mistake.place.to_string())).collect();
    assert_eq!(reported, [("not_for_overlays", "overlays/bolt.toml:3:9".to_owned())]);
}

#[test]
fn an_overlay_without_matching_clients_changes_no_clients_plan() {
    let text = "scope = { client = \"zorro\" }\n[channels.fb]\nweekly_posts = 1\n";
    let (base, overlaid) = (base_plan(), plan_with_overlay(text));
    assert_eq!(base.clients, overlaid.clients);
    assert_ne!(base.rules_hash, overlaid.rules_hash);
    assert_ne!(base.plan_id, overlaid.plan_id);
}

/// Clients with the same facts share the result of a script; a client for which an overlay adds a signal has its own.
#[test]
fn a_signal_that_an_overlay_adds_is_scored_for_its_clients() {
    let mut files = default_pack();
    let signals = files.get_mut("early_warning.toml").unwrap();
    *signals = signals.lines().filter(|line| !line.starts_with("blindspot")).map(|line| format!("{line}\n")).collect();
    let overlay = "scope = { workspace = \"south\" }\n[early_warning.signals]\nblindspot = 0.1\n";
    files.insert("overlays/south.toml".to_owned(), overlay.to_owned());
    let mut agency = Agency::starting("2026-W40");
    for client in 0..12 {
        let workspace = if client % 2 == 0 { "north" } else { "south" };
        agency = agency.with_client(&format!("client-{client:02}"), "Europe/London", &[Channel::Fb]).edit_last(
            |client, state| {
                client.workspace_id = WorkspaceId::new(workspace);
                state.channels[0].engagement_rate = None;
            },
        );
    }
    let plan = plan(&compiled(files), &agency.scenario());
    for client in &plan.clients {
        let matrix = &client.signals.early_warning.matrix;
        let blindspot = matrix.iter().find(|score| &*score.signal == "blindspot");
        let raised = blindspot.map(|score| score.severity.is_some());
        let expected = (client.workspace_id.as_str() == "south").then_some(true);
        assert_eq!(raised, expected, "{}: {matrix:?}", client.client_id);
    }
}
