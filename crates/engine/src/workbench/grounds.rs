//! Where rules are asked when no client is at hand: everybody that a pack tells apart, on each channel.

use super::keys::CASE_KEYS;
use super::situation::Situation;
use crate::model::{CampaignId, Channel, ClientId, Tier, WorkspaceId};
use crate::planner::{PlanError, Planner};
use crate::rules::{
    CompiledRules, Constants, GuardrailRules, Input, InputField, OverlayKey, Rules, Scope, Settings, Space, Value,
    number_of, read_alone, values,
};

/// Somebody that a pack tells apart from others: nobody in particular, or whom an overlay covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Party {
    workspace: Option<String>,
    client: Option<String>,
    campaign: Option<String>,
}

impl Party {
    /// In words; empty for nobody in particular.
    pub fn told(&self) -> String {
        let named = |noun: &str, id: &Option<String>| id.as_ref().map(|id| format!("{noun} `{id}`"));
        let parts =
            [named("campaign", &self.campaign), named("client", &self.client), named("workspace", &self.workspace)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" of ")
    }

    /// The numbers that hold for it under a pack.
    pub fn rules(&self, rules: &CompiledRules) -> Rules {
        let id = |id: &Option<String>| id.clone().unwrap_or_default();
        let campaign = self.campaign.as_deref().map(CampaignId::new);
        let pack = rules.pack();
        pack.rules_for(&WorkspaceId::new(id(&self.workspace)), &ClientId::new(id(&self.client)), campaign.as_ref())
    }

    /// As lines of a case; none for nobody in particular.
    pub fn lines(&self) -> Vec<String> {
        let said =
            |key: &str, id: &Option<String>| id.as_ref().map(|id| format!("{key} = {}", Value::Text(id.clone())));
        let campaign = self.campaign.as_ref().map(|id| {
            let id = Value::Text(id.clone());
            [format!("client.campaigns = [{{ id = {id} }}]"), format!("asset.campaign = {id}")]
        });
        let named = [said("client.workspace", &self.workspace), said("client.id", &self.client)];
        named.into_iter().flatten().chain(campaign.into_iter().flatten()).collect()
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

/// Nobody in particular, then everybody that an overlay of a pack covers.
pub(super) fn parties(packs: &[&CompiledRules]) -> Vec<Party> {
    let scopes = packs.iter().flat_map(|rules| rules.pack().overlays());
    let mut parties: Vec<Party> = std::iter::once(Party::default()).chain(scopes.map(|(_, s)| Party::of(s))).collect();
    parties.sort();
    parties.dedup();
    parties
}

/// One party on one channel, with what a rested week of it looks like and the numbers that hold.
pub(super) struct Ground {
    /// Whom and where, in words.
    pub told: String,
    pub channel: Channel,
    pub input: Input,
    pub rules: Rules,
    pub overlays: OverlayKey,
}

impl Ground {
    /// # Errors
    /// Where a rule fails on a rested week.
    pub fn of(rules: &CompiledRules, party: &Party, channel: Channel) -> Result<Self, PlanError> {
        let situation = Situation::of(&settings(party, channel), CASE, rules)?;
        let sight = Planner::new(rules, Tier::Exact, None).look(&situation.look())?;
        let client = situation.client();
        let overlays = rules.pack().overlay_key(&client.workspace_id, &client.id, sight.post.campaign_id.as_ref());
        let told = match party.told().as_str() {
            "" => channel.to_string(),
            party => format!("{channel}, {party}"),
        };
        let input = Input::of_post((*sight.facts).clone(), (*sight.ctx).clone());
        Ok(Self { told, channel, input, rules: rules.pack().rules_with(&overlays), overlays })
    }

    /// All combinations of the values at which an answer may change that reads some fields, where the code has
    /// such constants and compares with such numbers beside what the fields hold. Numbers of the pack and the
    /// channel are as they are here.
    pub fn space(&self, fields: Vec<InputField>, constants: &Constants, numbers: Vec<f64>) -> Space {
        space_around(&self.input, self.channel, fields, constants, numbers)
    }

    /// The numbers of a guardrail; none where it is not asked.
    pub fn guardrail(&self, name: &str) -> Option<&GuardrailRules> {
        self.rules.guardrails.iter().find(|rules| &*rules.name == name)
    }

    /// Every party on every channel.
    ///
    /// # Errors
    /// As [`Ground::of`].
    pub fn all(rules: &CompiledRules) -> Result<Vec<Self>, PlanError> {
        let parties = parties(&[rules]);
        let places = parties.iter().flat_map(|party| Channel::ALL.map(|channel| (party, channel)));
        places.map(|(party, channel)| Self::of(rules, party, channel)).collect()
    }
}

/// As [`Ground::space`], around an input on a channel.
pub(super) fn space_around(
    start: &Input,
    channel: Channel,
    fields: Vec<InputField>,
    constants: &Constants,
    mut numbers: Vec<f64>,
) -> Space {
    numbers.extend(fields.iter().filter_map(|field| number_of(&field.of(start))));
    let is_free = |field: &InputField| field.key(channel.name()).is_none() && field.own_name() != "channel";
    let dimensions = fields.into_iter().filter(is_free).map(|field| {
        let values = values(field, start, constants, &numbers);
        (field, values)
    });
    Space::new(start.clone(), dimensions.collect())
}

const CASE: &str = "ground";

/// A case that says who it is about and nothing else.
fn settings(party: &Party, channel: Channel) -> Settings {
    let text = format!("[{CASE}]\nchannel = \"{channel}\"\n{}\n", party.lines().join("\n"));
    let (settings, _) = read_alone("", &text, &CASE_KEYS);
    settings
}
