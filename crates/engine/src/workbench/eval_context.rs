//! Contexts in which rules are evaluated without a given client: every overlay target of a pack, on each channel.

use super::keys::CASE_KEYS;
use super::situation::Situation;
use crate::model::{CampaignId, Channel, ClientId, Tier, WorkspaceId};
use crate::planner::{PlanError, Planner};
use crate::rules::{
    CompiledRules, Constants, GuardrailRules, Input, InputField, OverlayKey, Rules, Scope, Settings, Space, Value,
    number_of, read_alone, values_to_try,
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

    /// The rules of a pack that apply to it.
    pub fn rules(&self, rules: &CompiledRules) -> Rules {
        // A blank id matches no overlay.
        let id = |id: &Option<String>| id.clone().unwrap_or_default();
        let campaign = self.campaign.as_deref().map(CampaignId::new);
        let pack = rules.pack();
        pack.rules_for(&WorkspaceId::new(id(&self.workspace)), &ClientId::new(id(&self.client)), campaign.as_ref())
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
}

impl EvalContext {
    /// Evaluates the default case of an overlay target on a channel.
    ///
    /// # Errors
    /// If a rule fails.
    pub fn of(rules: &CompiledRules, target: &OverlayTarget, channel: Channel) -> Result<Self, PlanError> {
        let situation = Situation::of(&settings(target, channel), CASE, rules)?;
        let evaluation = Planner::new(rules, Tier::Exact, None).evaluate_slot(&situation.query())?;
        let client = situation.client();
        let overlays = rules.pack().overlay_key(&client.workspace_id, &client.id, evaluation.post.campaign_id.as_ref());
        let description = match target.description().as_str() {
            "" => channel.to_string(),
            target => format!("{channel}, {target}"),
        };
        let input = Input::of_post((*evaluation.facts).clone(), (*evaluation.ctx).clone());
        Ok(Self { description, channel, input, rules: rules.pack().rules_with(&overlays), overlays })
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

    /// Every overlay target on every channel.
    ///
    /// # Errors
    /// See [`EvalContext::of`].
    pub fn all(rules: &CompiledRules) -> Result<Vec<Self>, PlanError> {
        let targets = overlay_targets(&[rules]);
        let pairs = targets.iter().flat_map(|target| Channel::ALL.map(|channel| (target, channel)));
        pairs.map(|(target, channel)| Self::of(rules, target, channel)).collect()
    }
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

/// The settings of a case that states its overlay target and channel, and nothing else.
fn settings(target: &OverlayTarget, channel: Channel) -> Settings {
    let text = format!("[{CASE}]\nchannel = \"{channel}\"\n{}\n", target.lines().join("\n"));
    let (settings, _) = read_alone("", &text, &CASE_KEYS);
    settings
}
