//! Joins the parts of a simulation, each of some workspaces and some replications, into its results.

use serde::{Deserialize, Serialize};

use super::extent::Extent;
use super::replication::Replication;
use super::summary::{Provenance, Simulation};
use super::tally::{ClientLabel, Tally};
use crate::agents::scaling;
use crate::model::{Channel, Client, ClientState, Scenario, Tier, Week, Zone};
use crate::rules::CompiledRules;

/// The clients that are planned for in a part of a simulation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SimulatedClients {
    pub(super) clients: Vec<ClientLabel>,
    /// Number of clients that have each channel, in channel order.
    pub(super) by_channel: [u32; Channel::COUNT],
    /// Number of assets.
    pub(super) assets: usize,
    /// Posts that were committed before the run, in its weeks.
    pub(super) committed_posts: u32,
}

impl SimulatedClients {
    /// The clients of a scenario that are planned for, and what they have committed in the weeks of a run.
    #[must_use]
    pub fn of(scenario: &Scenario, weeks: u32) -> Self {
        let mut clients = Self::default();
        let mut committed = 0;
        for (client, state) in scaling::planned_clients(scenario) {
            clients.clients.push(ClientLabel::of(client));
            for channel in &state.channels {
                if let Some(count) = clients.by_channel.get_mut(channel.channel.index()) {
                    *count += 1;
                }
            }
            clients.assets += client.assets.len();
            committed += committed_posts(client, state, scenario.start, weeks);
        }
        clients.committed_posts = u32::try_from(committed).unwrap_or(u32::MAX);
        clients
    }

    fn add(&mut self, other: Self) {
        self.clients.extend(other.clients);
        self.by_channel.iter_mut().zip(other.by_channel).for_each(|(sum, count)| *sum += count);
        self.assets += other.assets;
        self.committed_posts = self.committed_posts.saturating_add(other.committed_posts);
    }
}

/// Number of a client's committed posts in the weeks of a run.
fn committed_posts(client: &Client, state: &ClientState, start: Week, weeks: u32) -> usize {
    let monday = |weeks: i64| client.zone.start_of_day(start.plus(weeks).monday());
    // Weeks at the edge of the calendar cannot be planned, so they have no run and nothing to count.
    let (Ok(start), Ok(end)) = (monday(0), monday(i64::from(weeks))) else { return 0 };
    let posts = state.channels.iter().flat_map(|channel| &channel.recent_posts);
    posts.filter(|at| (start..end).contains(*at)).count()
}

/// What a simulation is of, apart from its clients.
#[derive(Clone, Copy)]
pub struct SimulationSetting<'a> {
    /// The rules pack.
    pub rules: &'a CompiledRules,
    /// The scenario. Its clients are not looked at.
    pub scenario: &'a Scenario,
    /// How channel-weeks are solved.
    pub tier: Tier,
    /// The extent.
    pub extent: Extent,
}

/// A simulation whose replications are added one after the other.
pub struct JoinedSimulation<'a> {
    setting: SimulationSetting<'a>,
    clients: SimulatedClients,
    tally: Tally,
}

impl<'a> JoinedSimulation<'a> {
    /// A simulation without replications yet. `parts` are the clients of its parts, which have no workspace in common.
    #[must_use]
    pub fn new(setting: SimulationSetting<'a>, parts: impl IntoIterator<Item = SimulatedClients>) -> Self {
        let mut clients = SimulatedClients::default();
        parts.into_iter().for_each(|part| clients.add(part));
        let tally = Tally::new(setting.extent.weeks as usize, clients.clients.len());
        Self { setting, clients, tally }
    }

    /// Adds the next replication, given its parts in the order in which the clients were given.
    pub fn add(&mut self, parts: impl IntoIterator<Item = Replication>) {
        if let Some(replication) = Replication::joined(parts) {
            self.tally.add(&replication);
        }
    }

    /// The results.
    #[must_use]
    pub fn results(&self) -> Simulation {
        let SimulatedClients { clients, by_channel, assets, .. } = &self.clients;
        let start = self.setting.scenario.start;
        let base = self.setting.rules.base();
        let guardrail_order: Vec<&str> = base.guardrails.iter().map(|guardrail| &*guardrail.name).collect();
        Simulation {
            provenance: provenance(self.setting, &self.clients),
            headline: self.tally.headline(),
            weekly: self.tally.weekly(start),
            channels: self.tally.channels(by_channel, &base),
            channel_weeks: self.tally.channel_weeks(start, by_channel),
            clients: self.tally.clients(clients),
            guardrails: self.tally.guardrails(&guardrail_order),
            calendar: self.tally.calendar(),
            assets: self.tally.assets(*assets),
        }
    }
}

/// Everything needed to reproduce a run.
pub(super) fn provenance(setting: SimulationSetting<'_>, clients: &SimulatedClients) -> Provenance {
    let SimulationSetting { rules, scenario, tier, extent } = setting;
    Provenance {
        scenario: scenario.name.clone(),
        scenario_hash: scenario.hash.clone(),
        rules: rules.name().to_owned(),
        rules_hash: rules.hash().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        time_zones: Zone::database_version().to_owned(),
        seed: extent.seed,
        start: scenario.start,
        weeks: extent.weeks,
        replications: extent.replications,
        clients: u32::try_from(clients.clients.len()).unwrap_or(u32::MAX),
        tier: tier.name().to_owned(),
        committed_posts: clients.committed_posts,
    }
}
