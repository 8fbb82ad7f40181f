//! Small scenarios built in code, with only what a test needs.

use mcoe::model::{
    Asset, AssetId, Capacity, Channel, ChannelState, Client, ClientId, ClientState, ClientStatus, Environment, Policy,
    ReviewPolicy, Scenario, Score, Timestamp, Week, WorkspaceId, Zone,
};

/// Number of assets of every client: more than one channel needs in a week.
const ASSET_COUNT: usize = 30;

/// Parses an instant such as `2026-10-19T08:00:00Z`.
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

/// Builds a scenario. Each client has its own workspace unless a test changes that.
pub struct Agency {
    week: Week,
    clients: Vec<(Client, ClientState)>,
}

impl Agency {
    /// An agency without clients, whose scenario starts in a week such as `2026-W40`.
    pub fn starting(week: &str) -> Self {
        Self { week: week.parse().unwrap(), clients: Vec::new() }
    }

    /// Adds a client with enough assets, whose channels have no fatigue, an audience of 1,000 and an engagement rate of
    /// 5 %.
    pub fn with_client(mut self, id: &str, zone: &str, channels: &[Channel]) -> Self {
        let zone: Zone = zone.parse().unwrap();
        let start = zone.start_of_day(self.week.monday()).unwrap();
        let client = Client {
            id: ClientId::new(id),
            workspace_id: WorkspaceId::new(format!("of-{id}")),
            name: id.into(),
            industry: "tea shop".into(),
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
            assets: (0..ASSET_COUNT).map(|number| asset(&format!("{id}-{number:02}"))).collect(),
            calendar: Vec::new(),
            world: Vec::new(),
            limit_numbers: Vec::new(),
        };
        let state = ClientState {
            channels: channels.iter().map(|channel| channel_state(*channel, start)).collect(),
            warnings: Vec::new(),
            reality: None,
            asset_uses: Vec::new(),
            previous_posts: Vec::new(),
        };
        self.clients.push((client, state));
        self
    }

    /// Changes the client that was added last.
    pub fn edit_last(mut self, change: impl FnOnce(&mut Client, &mut ClientState)) -> Self {
        let (client, state) = self.clients.last_mut().unwrap();
        change(client, state);
        self
    }

    /// The scenario, with its clients sorted by id.
    pub fn scenario(mut self) -> Scenario {
        self.clients.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
        Scenario {
            name: "made in code".to_owned(),
            hash: "made in code".to_owned(),
            start: self.week,
            weeks: 2,
            capacity: Capacity::default(),
            review: ReviewPolicy::default(),
            environment: Environment::default(),
            clients: self.clients,
            other_clients: Vec::new(),
        }
    }
}

/// An evergreen photo of high quality that fits every channel.
fn asset(id: &str) -> Asset {
    Asset {
        quality: Score::clamped(0.9),
        brand_consistency: Score::clamped(0.9),
        title: "A cup of tea".into(),
        ..Asset::new(AssetId::new(id), "photo", "2025-01-01T00:00:00Z".parse().unwrap())
    }
}

/// A channel without posts or fatigue.
fn channel_state(channel: Channel, as_of: Timestamp) -> ChannelState {
    ChannelState {
        channel,
        audience: 1000.0,
        engagement_rate: Some(0.05),
        last_post_at: None,
        recent_posts: Vec::new(),
        posts_needing_review: Vec::new(),
        posts_last_7_days: 0,
        posts_last_30_days: 0,
        fatigue: Score::ZERO,
        as_of,
        momentum: None,
        visibility: None,
        engagement: None,
    }
}
