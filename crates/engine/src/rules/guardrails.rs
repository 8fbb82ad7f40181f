//! `guardrails.toml`: which guardrails are evaluated, and their parameters.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::declare::RuleTable;
use super::key::{DefaultValue, Key, Kind};
use super::settings::View;
use crate::model::ConflictKind;

/// Values of a guardrail's `scope`.
pub(crate) const GUARDRAIL_SCOPES: &[&str] = &["post", "channel_week"];

pub(super) const GUARDRAILS: &[Key] = &[
    Key::with_default("<guardrail>.enabled", Kind::Bool, DefaultValue::Bool(true), "whether it is evaluated at all"),
    Key::required(
        "<guardrail>.scope",
        Kind::Choice(GUARDRAIL_SCOPES),
        "whether it is evaluated for each post, or once per channel and week",
    ),
    Key::required(
        "<guardrail>.conflict",
        Kind::Choice(&["timing", "fatigue", "warning", "asset", "policy"]),
        "the kind of conflict that its warnings and blocks are reported as",
    ),
    Key::with_default(
        "<guardrail>.warn_raises_risk",
        Kind::Bool,
        DefaultValue::Bool(false),
        "whether a warning raises the post's risk by one band",
    ),
    Key::optional("<guardrail>.params.<param>", Kind::any_number(), "a number that its function reads"),
];

/// How often a guardrail is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardrailScope {
    /// Once per post, as `NAME(post, ctx)`.
    Post,
    /// Once per client, channel and week, as `NAME(ctx)`.
    ChannelWeek,
}

/// One table of `guardrails.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardrailRules {
    /// Its id, which is also the name of its function and its name in reports.
    pub name: Arc<str>,
    /// How often it is evaluated.
    pub scope: GuardrailScope,
    /// The kind of conflict that its warnings and blocks are reported as.
    pub conflict: ConflictKind,
    /// Whether a warning raises the risk band by one.
    pub warn_raises_risk: bool,
    /// Parameters that its function reads as `ctx.params.NAME`.
    pub params: Arc<BTreeMap<String, f64>>,
}

/// The enabled guardrails.
pub(super) fn guardrails(view: &View<'_>) -> Vec<GuardrailRules> {
    let is_enabled = |guardrail: &GuardrailRules| view.value_of(&format!("guardrails.{}.enabled", guardrail.name));
    declared_guardrails(view).into_iter().filter(is_enabled).collect()
}

/// Every guardrail of the base, including disabled ones.
pub(crate) fn declared_guardrails(view: &View<'_>) -> Vec<GuardrailRules> {
    let base = view.base();
    let names = base.iter().flat_map(|base| base.names_under("guardrails"));
    names.map(|name| guardrail(view, name)).collect()
}

fn guardrail(view: &View<'_>, name: &str) -> GuardrailRules {
    let path = format!("guardrails.{name}");
    let table = RuleTable { view, name: &path };
    let params_path = table.path("params");
    let base = view.base();
    let params: BTreeMap<String, f64> = base
        .iter()
        .flat_map(|base| base.names_under(&params_path))
        .map(|param| (param.to_owned(), table.get::<f64>(&format!("params.{param}"))))
        .collect();
    GuardrailRules {
        name: name.into(),
        scope: if table.get::<&str>("scope") == "channel_week" {
            GuardrailScope::ChannelWeek
        } else {
            GuardrailScope::Post
        },
        // Validation admits names of conflict kinds only.
        conflict: table.get::<&str>("conflict").parse().unwrap_or(ConflictKind::Policy),
        warn_raises_risk: table.get("warn_raises_risk"),
        params: Arc::new(params),
    }
}
