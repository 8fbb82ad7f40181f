//! Entry point of the planner: plans a week for one client, or for many in parallel.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::allocation::{allocation, conflicts};
use super::around_guardrails::draft_week;
use super::channel::{ChannelDraft, WorkerContext};
use super::committed::committed_posts;
use super::draft::{Draft, wanted_posts};
use super::reviews::{PlannedClient, ReviewOrder, WithoutReview, counted_posts, posts_needing_review, without_review};
use super::shared_limits::{CountedPost, DividedLimits, SharedLimits, committed_hours, divide_limits};
use super::{PlanError, Solver};
use crate::agents::scaling::{self, WorkspaceDemand};
use crate::agents::{ClientWeek, agency_director, client_ops};
use crate::model::{
    Capacity, ChannelAssets, Client, ClientPlan, ClientState, CreativeDirector, LimitQuota, Plan, Scaling, Scenario,
    Signals, Tier, Timestamp, Week, WeekHours, WorkspaceCertificate, WorkspaceId, derived_id,
};
use crate::rules::{ClientFacts, ClientRules, CompiledRules, Evaluator, RuleUse, Stopwatch};

/// Plans weeks under one rules pack. Shared between threads; the workers it caches do not affect results.
pub struct Planner<'r> {
    rules: &'r CompiledRules,
    tier: Tier,
    stopwatch: Option<Stopwatch>,
    pub(super) not_before: Option<Timestamp>,
    should_stop: Option<&'r (dyn Fn() -> bool + Sync)>,
    workers: Mutex<Vec<Worker>>,
}

/// Solver and evaluator, used by one thread at a time.
struct Worker {
    solver: Solver,
    evaluator: Evaluator,
}

impl<'r> Planner<'r> {
    /// A planner under a pack's rules, which solves channel-weeks at the given tier. `stopwatch` times the rules.
    #[must_use]
    pub fn new(rules: &'r CompiledRules, tier: Tier, stopwatch: Option<Stopwatch>) -> Self {
        Self { rules, tier, stopwatch, not_before: None, should_stop: None, workers: Mutex::default() }
    }

    /// The same planner for weeks that may have begun already: it places no post before `now`.
    #[must_use]
    pub fn starting_at(&self, now: Timestamp) -> Planner<'r> {
        let should_stop = self.should_stop;
        Planner { not_before: Some(now), should_stop, ..Planner::new(self.rules, self.tier, self.stopwatch) }
    }

    /// The same planner, which asks before each client's week whether to stop, and then fails with
    /// [`PlanError::Stopped`].
    #[must_use]
    pub fn stopping_when(&self, should_stop: &'r (dyn Fn() -> bool + Sync)) -> Planner<'r> {
        let not_before = self.not_before;
        Planner { not_before, should_stop: Some(should_stop), ..Planner::new(self.rules, self.tier, self.stopwatch) }
    }

    fn refuse_if_stopped(&self) -> Result<(), PlanError> {
        if self.should_stop.is_some_and(|should_stop| should_stop()) { Err(PlanError::Stopped) } else { Ok(()) }
    }

    /// The instant before which no post is placed; `None` if it is not later than the start of any client's week.
    fn not_before_in(&self, hours: &BTreeMap<&str, WeekHours>) -> Option<Timestamp> {
        self.not_before.filter(|now| hours.values().any(|hours| hours.start() < *now))
    }

    /// The tier at which channel-weeks are solved.
    #[must_use]
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// The rules pack.
    #[must_use]
    pub const fn rules(&self) -> &'r CompiledRules {
        self.rules
    }

    /// Number of rule evaluations so far.
    #[must_use]
    pub fn rule_use(&self) -> RuleUse {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.iter().map(|worker| worker.evaluator.used()).fold(RuleUse::default(), RuleUse::plus)
    }

    /// Plans a week for the given clients in parallel, and blocks the posts that exceed their workspaces' review
    /// capacity. Plans are returned in the order of the clients.
    ///
    /// # Errors
    /// If a rule fails, or the week is at the edge of the supported calendar. Of several errors, that of the first
    /// client.
    pub fn plan_clients(
        &self,
        clients: &[(&Client, &ClientState)],
        capacity: &Capacity,
        week: Week,
    ) -> Result<Vec<ClientPlan>, PlanError> {
        let context = PlanningContext::new(self.rules, clients, &[], capacity, week)?.starting_at(self.not_before);
        self.plan_with_certificates(context).map(|(plans, _)| plans)
    }

    /// Plans like [`Self::plan_clients`], and returns also the certificates of workspaces whose clients share limits.
    fn plan_with_certificates(
        &self,
        context: PlanningContext<'_>,
    ) -> Result<(Vec<ClientPlan>, Vec<WorkspaceCertificate>), PlanError> {
        let none = WithoutReview::new();
        let ContextWithQuotas { context, workspaces, results } =
            self.share_limits(context, |draft, worker| finish(&draft, &none, worker))?;
        let mut plans: Vec<ClientPlan> = results.into_values().collect();
        self.block_without_review(&context, &workspaces, &mut plans)?;
        let workspaces = workspaces.iter().filter_map(|workspace| workspace.certificate(&context, &plans)).collect();
        Ok((plans, workspaces))
    }

    /// Blocks the posts for which limits leave no review, in rounds. See [`super::reviews`].
    fn block_without_review(
        &self,
        context: &PlanningContext<'_>,
        workspaces: &[SharingWorkspace],
        plans: &mut [ClientPlan],
    ) -> Result<(), PlanError> {
        // The drafts do not depend on which posts are blocked. Most clients have no blocked posts, so only the drafts of
        // those that do are kept.
        let mut drafts: BTreeMap<usize, Draft<'_>> = BTreeMap::new();
        let mut blocked: BTreeMap<usize, WithoutReview> = BTreeMap::new();
        let mut earlier_first: BTreeSet<usize> = BTreeSet::new();
        let mut unsettled: Vec<&SharingWorkspace> = workspaces.iter().collect();
        for round in 0.. {
            let mut changed: BTreeMap<usize, WithoutReview> = BTreeMap::new();
            unsettled.retain(|workspace| {
                let before = changed.len();
                changed.extend(context.changed_blocks(workspace, plans, &blocked, &earlier_first));
                changed.len() > before
            });
            if changed.is_empty() {
                break;
            }
            let with_drafts: Vec<(usize, &WithoutReview, Option<Draft<'_>>)> =
                changed.iter().map(|(index, posts)| (*index, posts, drafts.remove(index))).collect();
            let replanned = with_drafts.into_par_iter().map(|(index, posts, draft)| {
                let (draft, plan) = self.plan_with_blocked(context, index, draft, posts)?;
                Ok((index, draft, plan))
            });
            let replanned: Vec<Result<(usize, Draft<'_>, ClientPlan), PlanError>> = replanned.collect();
            for (index, draft, plan) in replanned.into_iter().collect::<Result<Vec<_>, _>>()? {
                if let Some(replaced) = plans.get_mut(index) {
                    let [before, after] = [&*replaced, &plan].map(|plan| posts_needing_review(&draft.week, plan));
                    if ReviewOrder::becomes_earlier_first(round, before != after) {
                        earlier_first.insert(index);
                    }
                    *replaced = plan;
                }
                drafts.insert(index, draft);
            }
            blocked.extend(changed);
        }
        Ok(())
    }

    /// A client's plan in which the posts without a review are blocked, with the draft that it follows from: the given
    /// one, or a new one.
    fn plan_with_blocked<'c>(
        &self,
        context: &'c PlanningContext<'_>,
        index: usize,
        draft: Option<Draft<'c>>,
        without_review: &WithoutReview,
    ) -> Result<(Draft<'c>, ClientPlan), PlanError> {
        self.refuse_if_stopped()?;
        self.with_worker(|worker| {
            let draft = match draft {
                Some(draft) => draft,
                None => {
                    let ClientInput { week, rules, demand } = context.client(index).ok_or(PlanError::NoSuchClient)?;
                    draft_week(week, rules, demand, worker)?
                }
            };
            let plan = finish(&draft, without_review, worker)?;
            Ok((draft, plan))
        })
    }

    /// Divides the limits that clients share into quotas, so that each client can be planned alone. `to_result` turns
    /// each client's draft into a result.
    pub(super) fn share_limits<'a, T: Send>(
        &self,
        mut context: PlanningContext<'a>,
        to_result: impl Fn(Draft<'_>, &mut WorkerContext<'_>) -> Result<T, PlanError> + Sync,
    ) -> Result<ContextWithQuotas<'a, T>, PlanError> {
        let (mut workspaces, mut results) = (Vec::new(), BTreeMap::new());
        for (id, members) in context.members() {
            let weeks = context.weeks(&members);
            let others = context.weeks_of_others(&id);
            let limits = SharedLimits::shared_by(&weeks, &others, context.weekly_reviews);
            let plan = |member: usize, quotas: &[LimitQuota]| {
                let index = members.get(member).ok_or(PlanError::NoSuchClient)?;
                let ClientInput { week, rules, demand } = context.client(*index).ok_or(PlanError::NoSuchClient)?;
                self.refuse_if_stopped()?;
                let week = ClientWeek { quotas, ..week };
                self.with_worker(|worker| {
                    let draft = draft_week(week, rules, demand, worker)?;
                    Ok((draft.sketch(), to_result(draft, worker)?))
                })
            };
            let (divided, member_results) = divide_limits(&limits, &weeks, self.tier, plan)?;
            results.extend(members.iter().copied().zip(member_results));
            workspaces.push(SharingWorkspace { id, members, limits, divided });
        }
        for workspace in &mut workspaces {
            for (index, quotas) in workspace.members.iter().zip(std::mem::take(&mut workspace.divided.quotas)) {
                context.set_quotas(*index, quotas);
            }
        }
        Ok(ContextWithQuotas { context, workspaces, results })
    }

    pub(super) fn with_worker<T>(&self, work: impl FnOnce(&mut WorkerContext<'_>) -> T) -> T {
        let idle = self.workers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut worker = idle
            .unwrap_or_else(|| Worker { solver: Solver::default(), evaluator: self.rules.evaluator(self.stopwatch) });
        let Worker { solver, evaluator } = &mut worker;
        let result = work(&mut WorkerContext { solver, evaluator, tier: self.tier });
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        result
    }
}

/// A context in which each client can be planned alone, because limits that clients share are divided into quotas.
pub(super) struct ContextWithQuotas<'a, T> {
    /// The context, with the clients' quotas.
    pub context: PlanningContext<'a>,
    pub workspaces: Vec<SharingWorkspace>,
    /// By index of the client, the result that its draft was turned into.
    pub results: BTreeMap<usize, T>,
}

/// A workspace whose clients share limits.
pub(super) struct SharingWorkspace {
    pub id: WorkspaceId,
    /// Indices of its clients.
    pub members: Vec<usize>,
    pub limits: SharedLimits,
    pub divided: DividedLimits,
}

impl SharingWorkspace {
    /// The objective of the workspace's week, with the bound that certifies it; `None` if no client has to give way to
    /// another.
    fn certificate(&self, context: &PlanningContext<'_>, plans: &[ClientPlan]) -> Option<WorkspaceCertificate> {
        let plans: Vec<&ClientPlan> = self.members.iter().filter_map(|index| plans.get(*index)).collect();
        let posts: Vec<Vec<CountedPost>> = plans.iter().map(|plan| counted_posts(plan)).collect();
        let weeks = context.weeks(&self.members);
        let limits = self.divided.uses(&self.limits, &weeks, &posts);
        if limits.is_empty() {
            return None;
        }
        let objectives: Option<Vec<f64>> =
            plans.iter().map(|plan| Some(plan.certificate.as_ref()?.objective)).collect();
        let upper_bound = self.divided.bound.filter(|_| objectives.is_some());
        let objective = objectives.map_or(0.0, |objectives| {
            let of_clients = objectives.into_iter().fold(0.0, |sum, objective| sum + objective);
            of_clients - DividedLimits::penalty(&self.limits, &weeks, &posts)
        });
        Some(WorkspaceCertificate { workspace_id: self.id.clone(), objective, upper_bound, limits })
    }
}

/// A client to plan for, with its rules.
struct PlanningClient<'a> {
    client: &'a Client,
    state: &'a ClientState,
    rules: ClientRules,
    /// Its quotas of limits that it shares with other clients.
    quotas: Vec<LimitQuota>,
}

/// What planning one client's week needs.
pub(super) struct ClientInput<'c> {
    pub week: ClientWeek<'c>,
    pub rules: &'c ClientRules,
    /// Demand for reviews in the client's workspace.
    pub demand: WorkspaceDemand,
}

/// What planning any one client needs to know about all clients: rules, hours by time zone, demand by workspace.
pub(super) struct PlanningContext<'a> {
    clients: Vec<PlanningClient<'a>>,
    hours: BTreeMap<&'a str, WeekHours>,
    pub(super) not_before: Option<Timestamp>,
    demand: BTreeMap<&'a WorkspaceId, WorkspaceDemand>,
    /// Clients that are not planned for. Their committed posts count in limits that they share with the `clients`, and in
    /// the demand.
    others: Vec<PlanningClient<'a>>,
    /// Posts that the reviewers of each workspace can review in the week.
    weekly_reviews: u32,
}

impl<'a> PlanningContext<'a> {
    /// The context for the given clients. The `others` are clients of their workspaces that are not planned for.
    pub fn new(
        rules: &CompiledRules,
        clients: &[(&'a Client, &'a ClientState)],
        others: &[(&'a Client, &'a ClientState)],
        capacity: &Capacity,
        week: Week,
    ) -> Result<Self, PlanError> {
        let mut hours = hours_by_zone(clients, week)?;
        hours.extend(hours_by_zone(others, week)?);
        let with_rules =
            |&(client, state)| PlanningClient { client, state, rules: rules.for_client(client), quotas: Vec::new() };
        let [clients, others]: [Vec<PlanningClient<'a>>; 2] =
            [clients, others].map(|clients| clients.iter().map(with_rules).collect());
        let weekly_reviews = scaling::weekly_reviews(capacity);
        let mut context = Self { clients, hours, not_before: None, demand: BTreeMap::new(), others, weekly_reviews };
        context.demand = scaling::demand(capacity, context.demanded_posts());
        Ok(context)
    }

    /// Each client's workspace and number of posts in the week: those that its rules want if it is planned for, and its
    /// committed ones if it is not.
    fn demanded_posts(&self) -> Vec<(&'a WorkspaceId, u32)> {
        let demanded = |client: &PlanningClient<'a>, is_planned: bool| {
            let week = self.week_of(client)?;
            let posts = if is_planned {
                wanted_posts(week.state, week.rules, week.hours)
            } else {
                u32::try_from(committed_hours(&week).len()).unwrap_or(u32::MAX)
            };
            Some((&client.client.workspace_id, posts))
        };
        let planned = self.clients.iter().filter_map(|one| demanded(one, one.client.status.is_planned()));
        planned.chain(self.others.iter().filter_map(|other| demanded(other, false))).collect()
    }

    /// The same context, in which no post is placed before the given instant.
    pub fn starting_at(self, not_before: Option<Timestamp>) -> Self {
        Self { not_before, ..self }
    }

    /// Indices of the clients of each workspace.
    fn members(&self) -> BTreeMap<WorkspaceId, Vec<usize>> {
        let mut members: BTreeMap<WorkspaceId, Vec<usize>> = BTreeMap::new();
        for (index, client) in self.clients.iter().enumerate() {
            members.entry(client.client.workspace_id.clone()).or_default().push(index);
        }
        members
    }

    /// The context for the given clients of a scenario.
    pub fn of_scenario(
        planner: &Planner<'_>,
        scenario: &'a Scenario,
        clients: &'a [(&'a Client, &'a ClientState)],
        week: Week,
    ) -> Result<Self, PlanError> {
        let others: Vec<(&Client, &ClientState)> =
            scaling::other_clients(scenario).map(|(client, state)| (client, state)).collect();
        let context = Self::new(planner.rules, clients, &others, &scenario.capacity, week)?;
        Ok(context.starting_at(planner.not_before))
    }

    /// The weeks of a workspace's clients that are not planned for.
    fn weeks_of_others(&self, workspace: &WorkspaceId) -> Vec<ClientWeek<'_>> {
        let members = self.others.iter().filter(|other| other.client.workspace_id == *workspace);
        members.filter_map(|other| self.week_of(other)).collect()
    }

    /// The weeks of the clients with the given indices.
    fn weeks(&self, members: &[usize]) -> Vec<ClientWeek<'_>> {
        members.iter().filter_map(|index| self.client(*index)).map(|client| client.week).collect()
    }

    /// The clients of a workspace whose posts without a review are others than those `blocked` so far, by index, each
    /// with these posts. Posts of the clients in `earlier_first` take their turn with the earlier ones first.
    fn changed_blocks(
        &self,
        workspace: &SharingWorkspace,
        plans: &[ClientPlan],
        blocked: &BTreeMap<usize, WithoutReview>,
        earlier_first: &BTreeSet<usize>,
    ) -> BTreeMap<usize, WithoutReview> {
        let planned_client = |index: &usize| {
            let is_earlier_first = earlier_first.contains(index);
            let order = if is_earlier_first { ReviewOrder::EarlierFirst } else { ReviewOrder::ByWorth };
            Some(PlannedClient { index: *index, week: self.client(*index)?.week, plan: plans.get(*index)?, order })
        };
        let clients: Vec<PlannedClient<'_>> = workspace.members.iter().filter_map(planned_client).collect();
        let mut without = without_review(&workspace.limits, &clients);
        let posts = workspace.members.iter().map(|index| (*index, without.remove(index).unwrap_or_default()));
        let none = WithoutReview::new();
        posts.filter(|(index, posts)| blocked.get(index).unwrap_or(&none) != posts).collect()
    }

    pub fn set_quotas(&mut self, index: usize, quotas: Vec<LimitQuota>) {
        if let Some(client) = self.clients.get_mut(index) {
            client.quotas = quotas;
        }
    }

    pub fn client(&self, index: usize) -> Option<ClientInput<'_>> {
        let client = self.clients.get(index)?;
        let demand = self.demand.get(&client.client.workspace_id).copied()?;
        Some(ClientInput { week: self.week_of(client)?, rules: &client.rules, demand })
    }

    fn week_of<'c>(&'c self, client: &'c PlanningClient<'a>) -> Option<ClientWeek<'c>> {
        let PlanningClient { client, state, rules, quotas } = client;
        let hours = self.hours.get(client.zone.name())?;
        Some(ClientWeek { client, state, rules: rules.base(), hours, not_before: self.not_before, quotas })
    }
}

/// Plans one week of a scenario. `examples/plan_one_week.rs` shows how to get a scenario and a pack.
///
/// # Errors
/// As [`Planner::plan_clients`], and if the scenario sets numbers for limits that do not fit the pack.
pub fn plan_week(planner: &Planner<'_>, scenario: &Scenario, week: Week) -> Result<Plan, PlanError> {
    let clients: Vec<(&Client, &ClientState)> =
        scaling::planned_clients(scenario).map(|(client, state)| (client, state)).collect();
    let all_clients = scenario.clients.iter().chain(&scenario.other_clients).map(|(client, _)| client);
    let misfits = planner.rules.pack().limit_numbers_that_do_not_fit(all_clients);
    if !misfits.is_empty() {
        return Err(PlanError::LimitNumbers(misfits));
    }
    let rules_hash = planner.rules.hash().to_owned();
    let not_before = planner.not_before_in(&hours_by_zone(&clients, week)?);
    let (week_name, from) = (week.to_string(), not_before.map(|at| at.to_string()));
    let mut parts =
        vec![scenario.hash.as_str(), &rules_hash, &week_name, planner.tier.name(), env!("CARGO_PKG_VERSION")];
    parts.extend(from.as_deref());
    let plan_id = derived_id(b"plan", &parts);
    let context = PlanningContext::of_scenario(planner, scenario, &clients, week)?;
    let (planned, workspaces) = planner.plan_with_certificates(context)?;
    Ok(Plan {
        plan_id,
        scenario: scenario.name.clone(),
        week,
        not_before,
        rules_hash,
        scenario_hash: scenario.hash.clone(),
        clients: planned,
        workspaces,
    })
}

/// The hours of a week in each of the clients' time zones, by zone name.
///
/// # Errors
/// If the week is at the edge of the supported calendar.
pub fn hours_by_zone<'c>(
    clients: &[(&'c Client, &ClientState)],
    week: Week,
) -> Result<BTreeMap<&'c str, WeekHours>, PlanError> {
    let mut hours = BTreeMap::new();
    for (client, _) in clients {
        if !hours.contains_key(client.zone.name()) {
            hours.insert(client.zone.name(), WeekHours::new(week, &client.zone)?);
        }
    }
    Ok(hours)
}

/// Turns a draft into a plan. If limits leave no review for some posts, evaluates the guardrails again.
fn finish(
    draft: &Draft<'_>,
    without_review: &WithoutReview,
    worker: &mut WorkerContext<'_>,
) -> Result<ClientPlan, PlanError> {
    let reevaluated =
        if without_review.is_empty() { None } else { Some(draft.evaluated_posts(without_review, worker)?) };
    let posts: Vec<_> = reevaluated.unwrap_or_else(|| draft.posts.clone()).into_iter().map(|(post, _)| post).collect();
    let allocate = |(channel, channel_draft): (usize, &ChannelDraft<'_>)| {
        allocation(channel_draft, &posts, draft.week.hours.len(), &draft.limits_on(channel, channel_draft))
    };
    let allocations = draft.channel_drafts.iter().enumerate().map(allocate).collect();
    let certificate = draft.certificate(&posts);
    let Draft { week, rules, reality, warning, facts, channel_drafts, solved_limits, .. } = draft;
    let committed = committed_posts(week, rules, channel_drafts, &posts, worker)?;
    let signals = Signals {
        client_ops: client_ops::signal(week),
        agency_director: agency_director::signal(week),
        early_warning: warning.clone(),
        performance_reality: reality.clone(),
        creative_director: creative_signal(facts, channel_drafts),
        scaling: Scaling {
            posts_wanted: wanted_posts(week.state, week.rules, week.hours),
            daily_capacity: week.client.policy.max_actions_per_day,
            load: facts.load,
            full_days: solved_limits.full_days.iter().map(|day| week.hours.date(*day)).collect(),
        },
    };
    let conflicts = conflicts(rules, &posts, &signals, &solved_limits.unmet);
    Ok(ClientPlan {
        client_id: week.client.id.clone(),
        workspace_id: week.client.workspace_id.clone(),
        zone: week.client.zone,
        posts,
        committed,
        allocations,
        conflicts,
        signals,
        certificate,
        unmet_limits: solved_limits.unmet.clone(),
        quotas: week.quotas.to_vec(),
    })
}

fn creative_signal(facts: &ClientFacts, channel_drafts: &[ChannelDraft<'_>]) -> CreativeDirector {
    let channels = channel_drafts
        .iter()
        .map(|channel_draft| {
            let mut scores: Vec<f64> = channel_draft.candidates.iter().map(|scored| scored.score).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            scores.truncate(channel_draft.instance.posts_max);
            ChannelAssets {
                channel: channel_draft.state.channel,
                usable: channel_draft.candidates.len() as u32,
                mean_score: crate::stats::mean(&scores),
            }
        })
        .collect();
    CreativeDirector { usable_assets: u32::try_from(facts.usable_assets).unwrap_or(0), channels }
}
