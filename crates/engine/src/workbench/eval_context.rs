//! Contexts in which rules are evaluated without a given client: every overlay target of a pack, on each channel.

use super::keys::CASE_KEYS;
use super::situation::Situation;
use crate::model::{CampaignId, Channel, ClientId, Tier, Week, WeekHours, WorkspaceId, Zone};
use crate::planner::{PlanError, Planner, seasonal_posts};
use crate::rules::{
    CompiledRules, Constants, GuardrailRules, Input, InputField, LimitFilter, LimitRules, OverlayKey, Rules, Scope,
    Season, Settings, Space, Value, number_of, read_alone, values_to_try,
};

/// An overlay target: what an overlay applies to, or a default client that no overlay applies to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct OverlayTarget {
    workspace: Option<String>,
    client: Option<String>,
    campaign: Option<String>,
}

impl OverlayTarget {
    /// The target in words; empty for the default client.
    pub fn description(&self) -> String {
        let described = |noun: &str, id: &Option<String>| id.as_ref().map(|id| format!("{noun} `{id}`"));
        let parts = [
            described("campaign", &self.campaign),
            described("client", &self.client),
            described("workspace", &self.workspace),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" of ")
    }

    /// Whether a limit is certain to count the posts of the target's clients. A limit on clients with some ids or tags
    /// counts some clients only, which may have overlays of their own.
    pub fn is_counted_by(&self, limit: &LimitRules) -> bool {
        let LimitFilter { clients, tags, .. } = &limit.filter;
        let is_named = self.client.as_ref().is_some_and(|id| clients.iter().any(|named| named.as_str() == id));
        tags.is_empty() && (clients.is_empty() || is_named)
    }

    /// The rules of a pack that apply to it.
    pub fn rules(&self, rules: &CompiledRules) -> Rules {
        rules.pack().rules_with(&self.overlay_key(rules))
    }

    /// The overlays of a pack that apply to it.
    pub fn overlay_key(&self, rules: &CompiledRules) -> OverlayKey {
        // A blank id matches no overlay.
        let id = |id: &Option<String>| id.clone().unwrap_or_default();
        let campaign = self.campaign.as_deref().map(CampaignId::new);
        let (workspace, client) = (WorkspaceId::new(id(&self.workspace)), ClientId::new(id(&self.client)));
        rules.pack().overlay_key(&workspace, &client, campaign.as_ref())
    }

    /// The lines of a case that state the target; empty for the default client.
    pub fn lines(&self) -> Vec<String> {
        let stated =
            |key: &str, id: &Option<String>| id.as_ref().map(|id| format!("{key} = {}", Value::Text(id.clone())));
        let campaign = self.campaign.as_ref().map(|id| {
            let id = Value::Text(id.clone());
            [format!("client.campaigns = [{{ id = {id} }}]"), format!("asset.campaign = {id}")]
        });
        let client = [stated("client.workspace", &self.workspace), stated("client.id", &self.client)];
        client.into_iter().flatten().chain(campaign.into_iter().flatten()).collect()
    }

    fn of(scope: &Scope) -> Self {
        match scope {
            Scope::Workspace(id) => Self { workspace: Some(id.to_string()), ..Self::default() },
            Scope::Client(id) => Self { client: Some(id.to_string()), ..Self::default() },
            Scope::Campaign(id, client) => Self {
                campaign: Some(id.to_string()),
                client: client.as_ref().map(ToString::to_string),
                ..Self::default()
            },
        }
    }
}

/// The default client, then the target of every overlay of the packs.
pub(super) fn overlay_targets(packs: &[&CompiledRules]) -> Vec<OverlayTarget> {
    let scopes = packs.iter().flat_map(|rules| rules.pack().overlays());
    let mut targets: Vec<OverlayTarget> =
        std::iter::once(OverlayTarget::default()).chain(scopes.map(|(_, scope)| OverlayTarget::of(scope))).collect();
    targets.sort();
    targets.dedup();
    targets
}

/// An evaluation context: one overlay target on one channel, with the rules that apply there, and the input of the
/// default case.
pub(super) struct EvalContext {
    /// Channel and overlay target, in words.
    pub description: String,
    pub channel: Channel,
    pub input: Input,
    pub rules: Rules,
    pub overlays: OverlayKey,
    /// Whether seasons change the number of posts that the rules want in the week.
    pub is_in_season: bool,
}

impl EvalContext {
    /// Evaluates the default case of an overlay target on a channel.
    ///
    /// # Errors
    /// If a rule fails.
    pub fn of(rules: &CompiledRules, target: &OverlayTarget, channel: Channel) -> Result<Self, PlanError> {
        Self::in_week(rules, target, channel, None)
    }

    /// Evaluates the default case of an overlay target on a channel in a week, that of the default case if `None`.
    fn in_week(
        rules: &CompiledRules,
        target: &OverlayTarget,
        channel: Channel,
        week: Option<Week>,
    ) -> Result<Self, PlanError> {
        let situation = Situation::of(&settings(target, channel, week), CASE, rules)?;
        let evaluation = Planner::new(rules, Tier::Exact, None).evaluate_slot(&situation.query())?;
        let client = situation.client();
        let overlays = rules.pack().overlay_key(&client.workspace_id, &client.id, evaluation.post.campaign_id.as_ref());
        let ordinary_posts = target.rules(rules).channel(channel).weekly_posts;
        let is_in_season = evaluation.ctx.weekly_posts != i64::from(ordinary_posts);
        let parts = [channel.to_string(), target.description()];
        let in_season = week.filter(|_| is_in_season).map(|week| format!("week {week}"));
        let parts = parts.into_iter().chain(in_season).filter(|part| !part.is_empty());
        let description = parts.collect::<Vec<String>>().join(", ");
        let input = Input::of_post((*evaluation.facts).clone(), (*evaluation.ctx).clone());
        Ok(Self { description, channel, input, rules: rules.pack().rules_with(&overlays), overlays, is_in_season })
    }

    /// The input space of some fields: all combinations of the values at which a result may change. These values follow
    /// from `constants`, the literals of the script; from the values that the fields have here; and from `numbers`,
    /// further numbers that the script compares fields with. The channel, and fields whose values come from the pack,
    /// are fixed.
    pub fn space(&self, fields: Vec<InputField>, constants: &Constants, numbers: Vec<f64>) -> Space {
        space_around(&self.input, self.channel, fields, constants, numbers)
    }

    /// The rules of a guardrail; `None` if it is disabled.
    pub fn guardrail(&self, name: &str) -> Option<&GuardrailRules> {
        self.rules.guardrails.iter().find(|rules| &*rules.name == name)
    }

    /// Every overlay target on every channel, in an ordinary week, and in a week for each other number of posts that
    /// the seasons make the rules want.
    ///
    /// # Errors
    /// See [`EvalContext::of`].
    pub fn all(rules: &CompiledRules) -> Result<Vec<Self>, PlanError> {
        let targets = overlay_targets(&[rules]);
        let pairs = targets.iter().flat_map(|target| Channel::ALL.map(|channel| (target, channel)));
        let in_weeks = pairs.flat_map(|(target, channel)| {
            let weeks = weeks_to_try(&target.rules(rules), channel);
            weeks.into_iter().map(move |week| Self::in_week(rules, target, channel, week))
        });
        in_weeks.collect()
    }
}

/// An ordinary week, and the first week for each other number of posts that seasons make the rules want on a channel.
/// `None` is the week of the default case.
fn weeks_to_try(rules: &Rules, channel: Channel) -> Vec<Option<Week>> {
    let seasons = &rules.calendar.seasons;
    if seasons.is_empty() {
        return vec![None];
    }
    let ordinary_posts = rules.channel(channel).weekly_posts;
    let mut weeks = Vec::new();
    let mut tried = vec![ordinary_posts];
    let mut ordinary = None;
    for hours in weeks_around_seasons(seasons, 1) {
        let posts = seasonal_posts(rules, channel, &hours);
        if posts == ordinary_posts {
            ordinary = ordinary.or(Some(hours.week()));
        } else if !tried.contains(&posts) {
            tried.push(posts);
            weeks.push(Some(hours.week()));
        }
    }
    weeks.insert(0, ordinary);
    weeks
}

/// The weeks in UTC from the one before each begin and end of a season to the one `further` weeks after it, ascending.
/// They include a week for each combination of seasons that covers a whole week.
pub(super) fn weeks_around_seasons(seasons: &[Season], further: i64) -> Vec<WeekHours> {
    let ends = seasons.iter().flat_map(|season| [season.from, season.to]);
    let mut weeks: Vec<Week> =
        ends.flat_map(|at| (-1..=further.max(1)).map(move |weeks| Week::of(at.date()).plus(weeks))).collect();
    weeks.sort_unstable();
    weeks.dedup();
    weeks.into_iter().filter_map(|week| WeekHours::new(week, &Zone::utc()).ok()).collect()
}

/// Like [`EvalContext::space`], around an input on a channel.
pub(super) fn space_around(
    start: &Input,
    channel: Channel,
    fields: Vec<InputField>,
    constants: &Constants,
    mut numbers: Vec<f64>,
) -> Space {
    numbers.extend(fields.iter().filter_map(|field| number_of(&field.value_in(start))));
    let is_free = |field: &InputField| field.key(channel.name()).is_none() && field.field_name() != "channel";
    let dimensions = fields.into_iter().filter(is_free).map(|field| {
        let values = values_to_try(field, start, constants, &numbers);
        (field, values)
    });
    Space::new(start.clone(), dimensions.collect())
}

/// Name of the case in the settings below.
const CASE: &str = "case";

/// The settings of a case that states its overlay target, channel and week, and nothing else.
fn settings(target: &OverlayTarget, channel: Channel, week: Option<Week>) -> Settings {
    let week = week.map_or_else(String::new, |week| format!("week = \"{week}\"\n"));
    let text = format!("[{CASE}]\nchannel = \"{channel}\"\n{week}{}\n", target.lines().join("\n"));
    let (settings, _) = read_alone("", &text, &CASE_KEYS);
    settings
}
