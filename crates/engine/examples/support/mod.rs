//! The default pack, and one client to plan for.

use std::error::Error;
use std::path::Path;

use mcoe_engine::diagnostic::render;
use mcoe_engine::model::{
    Asset, AssetId, Capacity, Channel, ChannelState, Client, ClientId, ClientState, ClientStatus, Environment, Policy,
    ReviewPolicy, Scenario, Score, Week, WorkspaceId, Zone,
};
use mcoe_engine::rules::{self, CompiledRules, PackFiles};

/// The files of the default pack, by name. They are read here because the engine itself reads no files.
pub fn default_pack() -> std::io::Result<PackFiles> {
    let mut files = PackFiles::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "toml" || extension == "rhai") {
            files.insert(name, std::fs::read_to_string(&path)?);
        }
    }
    Ok(files)
}

/// The compiled pack, or everything that is wrong with it.
pub fn compiled(files: PackFiles) -> Result<CompiledRules, Box<dyn Error>> {
    let texts = files.clone();
    let compiled = rules::load(files).and_then(CompiledRules::compile);
    compiled.map_err(|mistakes| render(&mistakes, &|file| texts.get(file).map(String::as_str), false).into())
}

/// A bakery in London that posts on Facebook and Instagram, with eight photos to post.
pub fn bakery(week: Week) -> Result<Scenario, Box<dyn Error>> {
    let client = Client {
        id: ClientId::new("crumb"),
        workspace_id: WorkspaceId::new("studio"),
        name: "Crumb & Co".into(),
        industry: "bakery".into(),
        tags: vec!["local".into()],
        zone: "Europe/London".parse()?,
        status: ClientStatus::Active,
        priority: 50.0,
        policy: Policy {
            agent_enabled: true,
            auto_exec_enabled: true,
            max_actions_per_day: 4,
            pause_on_high_severity_warning: true,
        },
        campaigns: Vec::new(),
        assets: (1..=8).map(|number| photo(number, week)).collect::<Result<_, _>>()?,
        calendar: Vec::new(),
        world: Vec::new(),
        limit_numbers: Vec::new(),
    };
    let monday = client.zone.start_of_day(week.monday())?;
    let channel = |channel, audience, rate| ChannelState {
        channel,
        audience,
        engagement_rate: Some(rate),
        last_post_at: Some(monday.plus_hours(-48)),
        recent_posts: vec![monday.plus_hours(-48)],
        posts_needing_review: Vec::new(),
        posts_last_7_days: 1,
        posts_last_30_days: 1,
        fatigue: Score::ZERO,
        as_of: monday,
        momentum: None,
        visibility: None,
        engagement: None,
    };
    let state = ClientState {
        channels: vec![channel(Channel::Fb, 4_000.0, 0.02), channel(Channel::Ig, 6_500.0, 0.04)],
        warnings: Vec::new(),
        reality: None,
        asset_uses: Vec::new(),
        previous_posts: Vec::new(),
    };
    Ok(Scenario {
        name: "bakery".to_owned(),
        hash: "made in an example".to_owned(),
        start: week,
        weeks: 4,
        capacity: Capacity::default(),
        review: ReviewPolicy::default(),
        environment: Environment::default(),
        clients: vec![(client, state)],
        other_clients: Vec::new(),
    })
}

fn photo(number: u8, week: Week) -> Result<Asset, Box<dyn Error>> {
    let score = |value: f64| Score::new(value).ok_or("a score lies in 0..=1");
    let created_at = "Europe/London".parse::<Zone>()?.start_of_day(week.monday())?.plus_hours(9 - 96);
    Ok(Asset {
        quality: score(0.5 + 0.05 * f64::from(number))?,
        brand_consistency: score(0.9)?,
        title: format!("Loaf of the day {number}").into(),
        body: "Fresh from the oven.".into(),
        ..Asset::new(AssetId::new(format!("photo-{number}")), "photo", created_at)
    })
}
