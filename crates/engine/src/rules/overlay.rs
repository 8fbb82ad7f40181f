//! Overlays: files that override a few values for one workspace, client or campaign.
//!
//! An overlay overrides what the base states and cannot add to it: no guardrail, no parameter, no limit, no file.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::coherence::Group;
use super::contradiction::Contradiction;
use super::keys::{PACK_FILES, SCOPE};
use super::scenario_names::{NameKind, NameReference};
use super::settings::{Setting, Settings, Value, View, accumulates};
use super::toml_document::TomlDocument;
use super::validate::{Completeness, KeyTree, validate};
use crate::diagnostic::{Diagnostic, SourceLocation, listed, nearest};
use crate::model::{CampaignId, ClientId, WorkspaceId};

/// The workspace, client or campaign that an overlay applies to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Every client of a workspace.
    Workspace(WorkspaceId),
    /// One client.
    Client(ClientId),
    /// One campaign; of a single client if one is named.
    Campaign(CampaignId, Option<ClientId>),
}

impl Scope {
    fn covers(&self, context: &Context<'_>) -> bool {
        match self {
            Scope::Workspace(id) => context.workspace == Some(id),
            Scope::Client(id) => context.client == Some(id),
            Scope::Campaign(id, client) => {
                context.campaign == Some(id) && client.as_ref().is_none_or(|client| context.client == Some(client))
            }
        }
    }

    /// Application order: wider scopes come first, so that narrower ones override them.
    const fn rank(&self) -> u8 {
        match self {
            Scope::Workspace(_) => 0,
            Scope::Client(_) => 1,
            Scope::Campaign(_, None) => 2,
            Scope::Campaign(_, Some(_)) => 3,
        }
    }
}

/// The workspace, client and campaign whose effective rules are requested.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Context<'a> {
    pub(crate) workspace: Option<&'a WorkspaceId>,
    pub(crate) client: Option<&'a ClientId>,
    pub(crate) campaign: Option<&'a CampaignId>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Overlay {
    pub(crate) file: Arc<str>,
    pub(crate) scope: Scope,
    /// The names in the scope, with their locations.
    pub(crate) names: Vec<NameReference>,
    pub(crate) settings: Settings,
}

impl Overlay {
    pub(crate) fn covers(&self, context: &Context<'_>) -> bool {
        self.scope.covers(context)
    }
}

/// Sorts overlays in application order: by scope, then by file name.
pub(crate) fn sort_in_application_order(overlays: &mut [Overlay]) {
    overlays.sort_by(|a, b| (a.scope.rank(), &a.file).cmp(&(b.scope.rank(), &b.file)));
}

/// The keys that an overlay may have: those of every file, under the file's stem, and its scope.
pub(crate) fn key_tree() -> KeyTree {
    let files = PACK_FILES.iter().filter(|file| file.stem != "pack");
    let tables = files.map(|file| KeyTree::of(file.stem, file.keys));
    KeyTree::with("", std::iter::once(KeyTree::of("scope", SCOPE)).chain(tables).collect())
}

/// The base's settings, for each file in which an overlay may change entries but not add any; `None` if the file has
/// errors, so that names in the overlay cannot be checked against it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BaseDeclarations<'a> {
    pub(crate) guardrails: Option<&'a Settings>,
    pub(crate) limits: Option<&'a Settings>,
}

/// Reads one overlay; `None` if its scope is unclear.
pub(crate) fn read(
    file: &str,
    text: &str,
    tree: &KeyTree,
    declared: BaseDeclarations<'_>,
) -> (Option<Overlay>, Vec<Diagnostic>) {
    let (all_settings, mut mistakes) =
        TomlDocument::read(file, text, |document| validate(document, tree, "", Completeness::Partial, &PACK_FILES));
    let is_scope_readable =
        !mistakes.iter().any(|mistake| mistake.place.name().starts_with("scope") || mistake.code == "syntax");
    let (scope, names) = (scope_of(&all_settings), scope_names(&all_settings));
    let settings = all_settings.without("scope");
    mistakes.extend(declared.guardrails.iter().flat_map(|base| unknown_guardrails(&settings, base)));
    mistakes.extend(declared.limits.iter().flat_map(|base| unknown_limits(&settings, base)));
    mistakes.extend(changed_guardrail_scopes(&settings));
    let scope = match scope {
        Ok(scope) => Some(scope),
        Err((place, cause)) => {
            if is_scope_readable {
                let place = place.unwrap_or_else(|| SourceLocation::whole(file));
                mistakes.push(Diagnostic::at("bad_scope", &place, "scope", cause, SCOPE_REMEDY));
            }
            None
        }
    };
    if let Some(Scope::Campaign(..)) = scope {
        mistakes.extend(not_for_campaigns(&settings));
    }
    if let Some(Scope::Client(_)) = scope {
        mistakes.extend(not_for_clients(&settings, declared.limits));
    }
    (scope.map(|scope| Overlay { file: file.into(), scope, names, settings }), mistakes)
}

const SCOPE_REMEDY: &str = "write `scope = { workspace = \"…\" }`, `{ client = \"…\" }` or `{ client = \"…\", campaign = \"…\" }` first in the file";

/// The scope that an overlay states, or the error in it: its location, if there is one, and its cause.
fn scope_of(settings: &Settings) -> Result<Scope, (Option<SourceLocation>, String)> {
    let find = |key: &str| settings.get(&format!("scope.{key}"));
    let text = |key: &str| find(key).and_then(|setting| setting.value.as_text());
    match (text("workspace"), text("client"), text("campaign")) {
        (Some(workspace), None, None) => Ok(Scope::Workspace(WorkspaceId::new(workspace))),
        (None, Some(client), None) => Ok(Scope::Client(ClientId::new(client))),
        (None, client, Some(campaign)) => Ok(Scope::Campaign(CampaignId::new(campaign), client.map(ClientId::new))),
        (None, None, None) => Err((None, "the overlay does not state what it applies to".to_owned())),
        (Some(workspace), _, _) => Err((
            find("workspace").and_then(|setting| setting.place.clone()),
            format!("the workspace `{workspace}` cannot be combined with a client or campaign"),
        )),
    }
}

/// Warnings about overlays that change nothing.
pub(crate) fn idle_overlays(overlays: &[Overlay]) -> Vec<Diagnostic> {
    let is_idle = |overlay: &&Overlay| overlay.settings.iter().all(|(path, _)| path.starts_with("scope."));
    let warning = |overlay: &Overlay| {
        let place = SourceLocation::new(Arc::clone(&overlay.file), 1, 1);
        let cause = "the overlay has a scope and changes nothing".to_owned();
        Diagnostic::at("idle_overlay", &place, "scope", cause, "write what it changes, or delete the file")
    };
    overlays.iter().filter(is_idle).map(warning).collect()
}

/// The names in an overlay's scope.
fn scope_names(settings: &Settings) -> Vec<NameReference> {
    let kinds = [("workspace", NameKind::Workspace), ("client", NameKind::Client), ("campaign", NameKind::Campaign)];
    let reference = |(key, kind): (&str, NameKind)| {
        let setting = settings.get(&format!("scope.{key}"))?;
        let of_client = settings.get("scope.client").filter(|_| kind == NameKind::Campaign);
        let of_client = of_client.and_then(|client| client.value.as_text()).map(str::to_owned);
        Some(NameReference {
            kind,
            name: setting.value.as_text()?.to_owned(),
            of_client,
            place: setting.place.clone()?,
        })
    };
    kinds.into_iter().filter_map(reference).collect()
}

fn unknown_guardrails(settings: &Settings, base: &Settings) -> Vec<Diagnostic> {
    let mut mistakes = Vec::new();
    let known = base.names_under("guardrails");
    for name in settings.names_under("guardrails") {
        let table = format!("guardrails.{name}");
        if !known.contains(&name) {
            let code = "unknown_guardrail";
            mistakes.extend(unknown_name(settings, &table, code, ["guardrail", "guardrails.toml"], name, &known));
            continue;
        }
        let params_table = format!("{table}.params");
        let known = base.names_under(&params_table);
        for param in settings.names_under(&params_table).into_iter().filter(|param| !known.contains(param)) {
            let holder = format!("[{params_table}]");
            let path = format!("{params_table}.{param}");
            mistakes.extend(unknown_name(settings, &path, "unknown_param", ["parameter", &holder], param, &known));
        }
    }
    mistakes
}

fn unknown_limits(settings: &Settings, base: &Settings) -> Vec<Diagnostic> {
    let known = base.names_under("limits");
    let unknown = settings.names_under("limits").into_iter().filter(|name| !known.contains(name));
    let mistake = |name: &str| {
        let path = format!("limits.{name}");
        unknown_name(settings, &path, "unknown_limit", ["limit", "limits.toml"], name, &known)
    };
    unknown.filter_map(mistake).collect()
}

/// The error of a name that an overlay sets and the base does not have. `noun` says what is named, such as `limit`;
/// `holder` is the file or table of the base that would define it.
fn unknown_name(
    settings: &Settings,
    path: &str,
    code: &'static str,
    [noun, holder]: [&str; 2],
    name: &str,
    known: &[&str],
) -> Option<Diagnostic> {
    let first = settings.get(path).or_else(|| settings.under(path).map(|(_, setting)| setting).next())?;
    let cause = format!("`{holder}` of the pack has no {noun} `{name}` that an overlay could change");
    let remedy = match nearest(name, known.iter().copied()) {
        Some(guess) => format!("write `{guess}`, the nearest known name"),
        None if known.is_empty() => format!("add it to `{holder}` of the pack first"),
        None => format!("add it to `{holder}` of the pack first; known there: {}", listed(known.iter().copied())),
    };
    Some(Diagnostic::at(code, first.place.as_ref()?, path, cause, remedy))
}

/// An overlay cannot change a guardrail's scope, since the guardrail's function has the parameters of one scope.
fn changed_guardrail_scopes(settings: &Settings) -> Vec<Diagnostic> {
    let scopes = settings.iter().filter(|(path, _)| path.starts_with("guardrails.") && path.ends_with(".scope"));
    scopes
        .filter_map(|(path, setting)| {
            let cause = format!("`{path}` cannot differ by overlay: its function takes the parameters of one scope");
            let remedy = "set it in guardrails.toml, or declare a second guardrail there";
            Some(Diagnostic::at("not_for_overlays", setting.place.as_ref()?, path, cause, remedy))
        })
        .collect()
}

fn not_for_campaigns(settings: &Settings) -> Vec<Diagnostic> {
    let is_allowed = |path: &str| {
        path.starts_with("assets.")
            || path.starts_with("risk.")
            || path.starts_with("guardrails.") && path.split('.').nth(2) == Some("params")
    };
    let refused = settings.iter().filter(|(path, _)| !is_allowed(path));
    refused
        .filter_map(|(path, setting)| {
            let reason = match path.starts_with("limits.") {
                true => "a limit counts the posts of all campaigns",
                false => "a channel's week is planned as one",
            };
            let cause = format!("`{path}` cannot differ by campaign: {reason}");
            let remedy = "set it for the client or the workspace; a campaign may change `assets`, `risk` and the \
                          `params` of guardrails";
            Some(Diagnostic::at("not_for_campaigns", setting.place.as_ref()?, path, cause, remedy))
        })
        .collect()
}

/// A client cannot change a limit that it shares with others.
fn not_for_clients(settings: &Settings, base: Option<&Settings>) -> Vec<Diagnostic> {
    let is_shared = |settings: &Settings, name: &str| {
        let per = settings.get(&format!("limits.{name}.per")).map(|setting| &setting.value);
        let is_shared = |name: &&str| matches!(*name, "workspace" | "industry" | "tag");
        matches!(per, Some(Value::Names(per)) if per.iter().any(is_shared))
    };
    let changed = settings.under("limits").filter(|(path, _)| {
        let name = path.split('.').nth(1).unwrap_or_default();
        is_shared(settings, name) || base.is_some_and(|base| is_shared(base, name))
    });
    let mistake = |(path, setting): (&str, &Setting)| {
        let cause = format!("`{path}` cannot differ by client: the limit counts the posts of several clients");
        let remedy = "set it in limits.toml, or in an overlay of the workspace";
        Some(Diagnostic::at("not_for_clients", setting.place.as_ref()?, path, cause, remedy))
    };
    changed.filter_map(mistake).collect()
}

/// Warnings about keys that two overlays of the same scope set. The value in the file whose name sorts later applies.
pub(crate) fn set_twice(overlays: &[Overlay]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, later) in overlays.iter().enumerate() {
        let earlier = overlays.iter().take(index).filter(|earlier| earlier.scope == later.scope);
        for (earlier, (path, setting)) in
            earlier.flat_map(|earlier| later.settings.iter().map(move |stated| (earlier, stated)))
        {
            let both = earlier.settings.get(path).filter(|_| !accumulates(path)).zip(setting.place.as_ref());
            let Some((_, place)) = both else { continue };
            let cause = format!("`{}` sets `{path}` for the same scope; the value here takes precedence", earlier.file);
            found.push(Diagnostic::at("set_twice", place, path, cause, "set it in one of the two files"));
        }
    }
    found
}

/// Contradictions that arise once overlays are applied to the base, in every combination of scopes that may occur.
pub(crate) fn contradictions(
    base: &Settings,
    overlays: &[Overlay],
    groups: impl Iterator<Item = Group>,
) -> Vec<Diagnostic> {
    let mut reported = BTreeSet::new();
    let mut diagnostics = Vec::new();
    for group in groups {
        let relevant: Vec<&Overlay> =
            overlays.iter().filter(|overlay| overlay.settings.iter().any(|(path, _)| group.reads(path))).collect();
        for Contradiction { diagnostic, .. } in group_contradictions(group, base, &relevant) {
            if reported.insert((diagnostic.place.to_string(), diagnostic.code)) {
                diagnostics.push(diagnostic);
            }
        }
    }
    diagnostics
}

/// The contradictions of a group that overlays cause, with repetitions.
fn group_contradictions(group: Group, base: &Settings, overlays: &[&Overlay]) -> Vec<Contradiction> {
    let mut found = Vec::new();
    for context in contexts(overlays) {
        let layers: Vec<&Settings> =
            overlays.iter().filter(|overlay| overlay.covers(&context)).map(|overlay| &overlay.settings).collect();
        if !layers.is_empty() {
            let contradictions = group.contradictions(&View::with(base, layers));
            found.extend(contradictions.into_iter().filter(|contradiction| contradiction.layer > 0));
        }
    }
    found
}

/// The Cartesian product of the workspaces, clients and campaigns that the overlays name, with `None` first in each.
fn contexts<'a>(overlays: &[&'a Overlay]) -> Vec<Context<'a>> {
    let mut workspaces = BTreeSet::from([None]);
    let mut clients = BTreeSet::from([None]);
    let mut campaigns = BTreeSet::from([None]);
    for overlay in overlays {
        match &overlay.scope {
            Scope::Workspace(id) => drop(workspaces.insert(Some(id))),
            Scope::Client(id) => drop(clients.insert(Some(id))),
            Scope::Campaign(id, client) => {
                campaigns.insert(Some(id));
                clients.extend(client.as_ref().map(Some));
            }
        }
    }
    let mut contexts = Vec::with_capacity(workspaces.len() * clients.len() * campaigns.len());
    for campaign in &campaigns {
        for client in &clients {
            for workspace in &workspaces {
                contexts.push(Context { workspace: *workspace, client: *client, campaign: *campaign });
            }
        }
    }
    contexts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Channel;
    use crate::rules::load::tests::{default_files, reported};
    use crate::rules::{PackFiles, Rules, load};

    fn with_overlays(overlays: &[(&str, &str)]) -> PackFiles {
        let mut files = default_files();
        files.extend(overlays.iter().map(|(name, text)| (format!("overlays/{name}.toml"), (*text).to_owned())));
        files
    }

    fn ids(workspace: &str, client: &str) -> (WorkspaceId, ClientId) {
        (WorkspaceId::new(workspace), ClientId::new(client))
    }

    #[test]
    fn narrower_overlays_override_wider_ones_and_later_names_earlier_ones() {
        let pack = load(with_overlays(&[
            ("a_client", "scope = { client = \"acme\" }\n[channels.tiktok]\nweekly_posts = 8\n"),
            ("b_client", "scope = { client = \"acme\" }\n[channels.tiktok]\npriority = 90\nweekly_posts = 9\n"),
            ("z_space", "scope = { workspace = \"eu\" }\n[channels.tiktok]\nweekly_posts = 10\nhour_lift = 1.05\n"),
        ]))
        .unwrap();
        let (eu, acme) = ids("eu", "acme");
        let tiktok = |rules: Rules| {
            let channel = rules.channel(Channel::Tiktok).clone();
            (channel.weekly_posts, channel.priority, channel.hour_lift)
        };
        assert_eq!(tiktok(pack.base()), (14, 45.0, 1.02));
        assert_eq!(tiktok(pack.rules_for(&eu, &acme, None)), (9, 90.0, 1.05));
        assert_eq!(tiktok(pack.rules_for(&eu, &ClientId::new("other"), None)), (10, 45.0, 1.05));
        assert_eq!(tiktok(pack.rules_for(&WorkspaceId::new("us"), &acme, None)), (9, 90.0, 1.02));
        let key = pack.overlay_key(&eu, &acme, None);
        let files: Vec<&str> = pack.overlay_files(&key).collect();
        assert_eq!(files, ["overlays/z_space.toml", "overlays/a_client.toml", "overlays/b_client.toml"]);
        assert_eq!(pack.place_with(&key, "channels.tiktok.weekly_posts"), Some(("overlays/b_client.toml".into(), 4)));
    }

    #[test]
    fn clients_under_the_same_overlays_share_a_key() {
        let pack =
            load(with_overlays(&[("eu", "scope = { workspace = \"eu\" }\n[fatigue]\nwarn_at = 0.45\n")])).unwrap();
        let key = |workspace: &str, client: &str| {
            let (workspace, client) = ids(workspace, client);
            pack.overlay_key(&workspace, &client, None)
        };
        assert_eq!(key("eu", "a"), key("eu", "b"));
        assert!(key("us", "a").is_base());
        assert_eq!(pack.rules_with(&key("eu", "b")).fatigue.warn_at, 0.45);
    }

    #[test]
    fn overlays_of_one_scope_that_set_the_same_key_are_reported() {
        let text = "scope = { client = \"acme\" }\n[channels.tiktok]\nweekly_posts = 8\n";
        let other = "scope = { client = \"acme\" }\n[channels.tiktok]\npriority = 9\nweekly_posts = 9\n";
        let other_scope = "scope = { workspace = \"eu\" }\n[channels.tiktok]\nweekly_posts = 7\n";
        let pack = load(with_overlays(&[("a", text), ("b", other), ("c", other_scope)])).unwrap();
        let reported = pack.remarks();
        let places: Vec<_> = reported.iter().map(|warning| (warning.code, warning.place.to_string())).collect();
        assert_eq!(places, [("set_twice", "overlays/b.toml:4:16".to_owned())]);
        assert!(
            reported[0].cause.starts_with("`overlays/a.toml` sets `channels.tiktok.weekly_posts`"),
            "{}",
            reported[0].cause
        );
    }

    #[test]
    fn a_campaign_may_change_assets_risk_and_parameters_only() {
        let text = "scope = { client = \"acme\", campaign = \"spring\" }\n[assets]\ncooldown_hours = 48\n\
                    [guardrails.truth_layer.params]\nmax_gap = 0.2\n";
        let pack = load(with_overlays(&[("spring", text)])).unwrap();
        let (eu, acme) = ids("eu", "acme");
        let spring = CampaignId::new("spring");
        assert_eq!(pack.rules_for(&eu, &acme, Some(&spring)).assets.cooldown_hours, 48.0);
        assert_eq!(pack.rules_for(&eu, &acme, None).assets.cooldown_hours, 168.0);
        assert_eq!(pack.rules_for(&eu, &ClientId::new("other"), Some(&spring)).assets.cooldown_hours, 168.0);
        let text = "scope = { campaign = \"spring\" }\n[channels.x]\nweekly_posts = 3\n\
                    [guardrails.truth_layer]\nenabled = false\n";
        let reported = reported(with_overlays(&[("spring", text)]));
        let codes: Vec<_> = reported.iter().map(|(code, _, line, _)| (*code, *line)).collect();
        assert_eq!(codes, [("not_for_campaigns", 3), ("not_for_campaigns", 5)]);
    }

    #[test]
    fn an_overlay_of_one_clients_campaign_overrides_one_of_all_clients_with_it() {
        let narrow = "scope = { client = \"acme\", campaign = \"spring\" }\n[assets]\ncooldown_hours = 48\n";
        let wide = "scope = { campaign = \"spring\" }\n[assets]\ncooldown_hours = 72\n";
        let (eu, acme) = ids("eu", "acme");
        let spring = CampaignId::new("spring");
        // Whatever the files are called.
        for (narrow_name, wide_name) in [("a", "b"), ("b", "a")] {
            let pack = load(with_overlays(&[(narrow_name, narrow), (wide_name, wide)])).unwrap();
            let cooldown = |client: &ClientId| pack.rules_for(&eu, client, Some(&spring)).assets.cooldown_hours;
            assert_eq!((cooldown(&acme), cooldown(&ClientId::new("other"))), (48.0, 72.0));
        }
    }

    #[test]
    fn an_overlay_must_have_a_scope_and_change_what_the_base_has() {
        let text = "[channels.tiktok]\nweekly_post = 3\n[guardrails.truth_layr]\nenabled = false\n\
                    [guardrails.truth_layer.params]\nmax_gpa = 0.1\n[tiktok]\nweekly_posts = 2\n";
        let reported = reported(with_overlays(&[("x", text)]));
        let codes: Vec<_> = reported.iter().map(|(code, _, line, _)| (*code, *line)).collect();
        assert_eq!(
            codes,
            [("bad_scope", 0), ("unknown_key", 2), ("unknown_guardrail", 4), ("unknown_param", 6), ("unknown_key", 7),]
        );
    }

    #[test]
    fn the_remedy_for_a_key_outside_its_table_names_the_table_for_all_channels() {
        let text = "scope = { client = \"acme\" }\nclosed = []\n";
        let mistakes = load(with_overlays(&[("x", text)])).expect_err(text);
        assert_eq!(
            mistakes.iter().map(|mistake| &*mistake.remedy).collect::<Vec<_>>(),
            ["move `closed` to `[calendar]`"]
        );
    }
}
