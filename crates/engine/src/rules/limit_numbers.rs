//! The numbers that a scenario sets for limits: a layer above the overlays, and its mistakes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::contradiction::Contradiction;
use super::limit_contradictions::hard_minima_never_met;
use super::limit_errors::errors_in_limit;
use super::limits::{ACTIONS_A_DAY, LimitBound, LimitRules, LimitScope, REVIEW_CAPACITY, limit, limits, path};
use super::load::RulesPack;
use super::settings::{Settings, Value, View};
use crate::diagnostic::{Diagnostic, Place, SourceLocation, TableLocation, listed, nearest};
use crate::model::{Client, LimitKind, LimitNumbers, NumbersScope};

/// Name of the table of numbers.
const TABLE: &str = "limits";

impl RulesPack {
    /// The limits of a client with the numbers that the scenario sets for them; `None` if it sets none.
    pub(super) fn limits_with_numbers(&self, client: &Client) -> Option<Vec<LimitRules>> {
        if client.limit_numbers.is_empty() {
            return None;
        }
        let numbers = settings_of(client.limit_numbers.iter());
        Some(limits(&self.view_of(client, [&numbers])))
    }

    /// The mistakes in the numbers that a scenario sets for limits of some clients: numbers that do not fit the pack's
    /// limits, and hard limits that contradict each other once the numbers are applied. By row.
    #[must_use]
    pub fn mistakes_in_limit_numbers<'c>(&self, clients: impl IntoIterator<Item = &'c Client>) -> Vec<Diagnostic> {
        let of_client = |client| self.misfits(client).into_iter().chain(self.contradictions_of_numbers(client));
        in_table_order(with_numbers(clients).flat_map(of_client))
    }

    /// The numbers of some clients that do not fit the pack's limits. Hard limits may contradict each other all the same.
    #[must_use]
    pub fn limit_numbers_that_do_not_fit<'c>(&self, clients: impl IntoIterator<Item = &'c Client>) -> Vec<Diagnostic> {
        in_table_order(with_numbers(clients).flat_map(|client| self.misfits(client)))
    }

    /// The base and the overlays of a client, with further layers above.
    fn view_of<'v>(&'v self, client: &Client, layers: impl IntoIterator<Item = &'v Settings>) -> View<'v> {
        let (base, overlays) = self.layers(&self.overlay_key(&client.workspace_id, &client.id, None));
        View::with(base, overlays.into_iter().chain(layers))
    }

    fn misfits(&self, client: &Client) -> Vec<Diagnostic> {
        let declared = self.declared_limits();
        let view = self.view_of(client, []);
        let mistake = |numbers| misfit(numbers, &declared, &view);
        let (fitting, misfits) = partition(&client.limit_numbers, mistake);
        let settings = settings_of(fitting.iter().copied());
        let view = self.view_of(client, [&settings]);
        let names: BTreeSet<&str> = fitting.iter().map(|numbers| &*numbers.limit).collect();
        let errors = names.into_iter().flat_map(|name| errors_in_limit(&view, name));
        misfits.into_iter().chain(errors.flatten().filter_map(|error| in_table(error, &fitting))).collect()
    }

    /// The hard minima that cannot be met because of a client's numbers.
    fn contradictions_of_numbers(&self, client: &Client) -> Vec<Diagnostic> {
        let declared = self.declared_limits();
        let view = self.view_of(client, []);
        // What does not apply to the client cannot contradict anything.
        let is_applied = |numbers: &&LimitNumbers| {
            misfit(numbers, &declared, &view).is_none()
                && limit(&view, &numbers.limit).is_some_and(|rules| applies_to(&rules, client))
        };
        let applied: Vec<&LimitNumbers> = client.limit_numbers.iter().filter(is_applied).collect();
        if applied.is_empty() {
            return Vec::new();
        }
        let settings = settings_of(applied.iter().copied());
        let found = hard_minima_never_met(&self.view_of(client, [&settings]));
        found.into_iter().flatten().filter_map(|found| in_table(found, &applied)).collect()
    }
}

/// The clients for which the scenario sets numbers.
fn with_numbers<'c>(clients: impl IntoIterator<Item = &'c Client>) -> impl Iterator<Item = &'c Client> {
    clients.into_iter().filter(|client| !client.limit_numbers.is_empty())
}

/// The numbers without a mistake, and the mistakes of the others.
fn partition<'n>(
    numbers: &'n [LimitNumbers],
    mistake: impl Fn(&'n LimitNumbers) -> Option<Diagnostic>,
) -> (Vec<&'n LimitNumbers>, Vec<Diagnostic>) {
    let mut fitting = Vec::new();
    let mut mistakes = Vec::new();
    for numbers in numbers {
        match mistake(numbers) {
            Some(found) => mistakes.push(found),
            None => fitting.push(numbers),
        }
    }
    (fitting, mistakes)
}

/// The numbers as settings of a layer, those of a client above those of its workspace.
fn settings_of<'n>(numbers: impl Iterator<Item = &'n LimitNumbers>) -> Settings {
    let mut settings = Settings::default();
    for numbers in numbers {
        for (key, value) in stated(numbers) {
            settings.insert(path(&numbers.limit, key), Value::Number(value), Some(source(numbers)));
        }
    }
    settings
}

/// The keys that the numbers state, with their values.
fn stated(numbers: &LimitNumbers) -> impl Iterator<Item = (&'static str, f64)> {
    let bound = numbers.bound.map(|bound| (bound.kind().name(), bound.value()));
    bound.into_iter().chain(numbers.price.map(|price| ("price", price)))
}

/// The place of numbers as that of a setting. Only diagnostics of other settings show it.
fn source(numbers: &LimitNumbers) -> SourceLocation {
    let location = location(numbers, "");
    let line = location.line.or(location.row).and_then(|line| u32::try_from(line).ok());
    SourceLocation::new(location.file, line.unwrap_or(0), 1)
}

/// The cell of the table in which a number is stated.
fn location(numbers: &LimitNumbers, key: &str) -> TableLocation {
    let unknown = || TableLocation { file: TABLE.into(), ..TableLocation::default() };
    let value = match key {
        "limit" => numbers.limit.to_string(),
        key => {
            stated(numbers).find(|(stated, _)| *stated == key).map_or_else(String::new, |(_, value)| value.to_string())
        }
    };
    TableLocation { column: key.to_owned(), value, ..numbers.place.0.clone().unwrap_or_else(unknown) }
}

/// The mistake in numbers of a limit that the pack does not have, or that has no such numbers.
fn misfit(numbers: &LimitNumbers, declared: &[Arc<str>], view: &View<'_>) -> Option<Diagnostic> {
    let LimitNumbers { limit: name, scope, .. } = numbers;
    let mistake = |code, column: &str, cause: String, remedy: String| {
        Some(Diagnostic::new(code, location(numbers, column), cause, remedy))
    };
    if let Some((cause, remedy)) = set_elsewhere(name) {
        return mistake("reserved_name", "limit", cause, remedy.to_owned());
    }
    let Some(rules) = limit(view, name).filter(|_| declared.contains(name)) else {
        let known = || declared.iter().map(AsRef::as_ref);
        let remedy = match nearest(name, known()) {
            Some(guess) => format!("write `{guess}`, the nearest known name"),
            None if declared.is_empty() => "add it to `limits.toml` of the pack first, or remove the row".to_owned(),
            None => format!("add it to `limits.toml` of the pack first; known there: {}", listed(known())),
        };
        return mistake("unknown_limit", "limit", format!("the rules pack has no limit `{name}`"), remedy);
    };
    if *scope == NumbersScope::Client && rules.scope != LimitScope::Client {
        let cause = format!("the limit `{name}` counts the posts of several clients, so it cannot differ by client");
        return mistake(
            "not_for_clients",
            "client_id",
            cause,
            "set it for the workspace, in `workspace_id`".to_owned(),
        );
    }
    let kind = kind_of(rules.bound);
    let bound = numbers.bound.filter(|bound| bound.kind() != kind)?;
    let (stated, other) = (kind.name(), bound.kind().name());
    let remedy = match kind {
        LimitKind::FollowedBy => "clear the cell: an order of channels has no such number".to_owned(),
        _ => format!("write the number in the column `{stated}`, or name a limit that states `{other}`"),
    };
    mistake("wrong_bound", other, format!("the limit `{name}` states `{stated}`, not `{other}`"), remedy)
}

/// What sets a limit that no pack declares, and where to change it.
fn set_elsewhere(name: &str) -> Option<(String, &'static str)> {
    let (origin, remedy) = match name {
        ACTIONS_A_DAY => ("a client's policy sets", "set `max_actions_per_day` in the table `policies`"),
        REVIEW_CAPACITY => ("the reviewers of a scenario set", "set `[capacity]` in scenario.toml"),
        _ => return None,
    };
    Some((format!("`{name}` is the limit that {origin}"), remedy))
}

const fn kind_of(bound: LimitBound) -> LimitKind {
    match bound {
        LimitBound::AtMost(_) => LimitKind::AtMost,
        LimitBound::AtLeast(_) => LimitKind::AtLeast,
        LimitBound::AtMostShare(_) => LimitKind::AtMostShare,
        LimitBound::AtLeastShare(_) => LimitKind::AtLeastShare,
        LimitBound::FollowedBy(_) => LimitKind::FollowedBy,
    }
}

/// Whether a limit counts posts of a client.
fn applies_to(rules: &LimitRules, client: &Client) -> bool {
    let filter = &rules.filter;
    let has_tag = filter.tags.is_empty() || filter.tags.iter().any(|tag| client.tags.contains(tag));
    has_tag && (filter.clients.is_empty() || filter.clients.contains(&client.id))
}

/// A contradiction at the number that caused it; `None` if it is reported at a setting of the pack.
fn in_table(found: Contradiction, numbers: &[&LimitNumbers]) -> Option<Diagnostic> {
    let Diagnostic { code, place, cause, remedy } = found.diagnostic;
    let states = |numbers: &LimitNumbers, key: &str| stated(numbers).any(|(stated, _)| stated == key);
    let (name, key) = place.name().strip_prefix("limits.")?.split_once('.')?;
    let topmost = numbers.iter().rev().find(|numbers| *numbers.limit == *name && states(numbers, key))?;
    let is_of_table = place.source().is_some_and(|location| *location == source(topmost));
    is_of_table.then(|| Diagnostic::new(code, location(topmost, key), cause, remedy))
}

/// The diagnostics by row, then by the name of the column, each once.
fn in_table_order(diagnostics: impl Iterator<Item = Diagnostic>) -> Vec<Diagnostic> {
    let key = |diagnostic: &Diagnostic| {
        let row = if let Place::Table(location) = &diagnostic.place { location.row } else { None };
        (row, diagnostic.place.name().to_owned(), diagnostic.code, diagnostic.cause.clone())
    };
    let mut sorted: Vec<Diagnostic> = diagnostics.collect();
    sorted.sort_by_cached_key(key);
    sorted.dedup_by(|a, b| key(a) == key(b));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClientRow, ClientStatus, LimitNumber, NumbersPlace, Zone};
    use crate::rules::limits::tests::with_limits;
    use crate::rules::load;

    fn client(pack: &RulesPack, numbers: Vec<LimitNumbers>) -> Client {
        let row = ClientRow {
            client_id: crate::model::ClientId::new("acme"),
            workspace_id: crate::model::WorkspaceId::new("north"),
            name: None,
            industry: "tea".into(),
            tags: Vec::new(),
            time_zone: None,
            status: ClientStatus::Active,
            priority: 50.0,
        };
        let mut client = row.into_client(Zone::utc(), pack.base().risk.default_policy.clone());
        client.limit_numbers = numbers;
        client.limit_numbers.sort_by(|a, b| a.order().cmp(&b.order()));
        client
    }

    /// Numbers in a row of `limits.csv`.
    fn numbers(row: usize, scope: NumbersScope, limit: &str, bound: Option<LimitNumber>) -> LimitNumbers {
        let file = "limits.csv".into();
        let place = TableLocation { file, row: Some(row), line: Some(row + 1), ..TableLocation::default() };
        LimitNumbers { limit: limit.into(), scope, bound, price: None, place: NumbersPlace(Some(place)) }
    }

    fn for_client(row: usize, limit: &str, bound: LimitNumber) -> LimitNumbers {
        numbers(row, NumbersScope::Client, limit, Some(bound))
    }

    /// Code, row and column of each mistake under some limits and an overlay of the client.
    fn mistakes(limits: &str, overlay: &str, numbers: Vec<LimitNumbers>) -> Vec<(&'static str, usize, String)> {
        let pack = load(with_limits(limits, overlay)).unwrap();
        let found = pack.mistakes_in_limit_numbers([&client(&pack, numbers)]);
        let parts = |found: Diagnostic| {
            let Place::Table(location) = found.place else { panic!("{found:?}") };
            (found.code, location.row.unwrap(), location.column)
        };
        found.into_iter().map(parts).collect()
    }

    const DAY: &str = "[brand_day]\nat_most = 4\nper = [\"client\", \"day\"]\n";

    #[test]
    fn a_scenarios_numbers_override_overlays_and_a_clients_override_its_workspaces() {
        let limits = format!("{DAY}[fb_week]\nat_least = 2\nwhere.channels = [\"fb\"]\n");
        let pack = load(with_limits(&limits, "[limits.brand_day]\nat_most = 3\n")).unwrap();
        let at_most = |row, scope, posts| numbers(row, scope, "brand_day", Some(LimitNumber::AtMost(posts)));
        let bounds = |numbers: Vec<LimitNumbers>| {
            let limits = pack.limits_with_numbers(&client(&pack, numbers)).unwrap();
            limits.into_iter().map(|limit| (limit.bound, limit.price)).collect::<Vec<_>>()
        };
        let of_workspace = at_most(1, NumbersScope::Workspace, 2.0);
        let fb_week = (LimitBound::AtLeast(2.0), None);
        assert_eq!(bounds(vec![of_workspace.clone()]), [(LimitBound::AtMost(2.0), None), fb_week]);
        let both = vec![at_most(2, NumbersScope::Client, 1.0), of_workspace];
        assert_eq!(bounds(both), [(LimitBound::AtMost(1.0), None), fb_week]);
        let price = LimitNumbers { price: Some(9.0), ..numbers(1, NumbersScope::Client, "brand_day", None) };
        assert_eq!(bounds(vec![price]), [(LimitBound::AtMost(3.0), Some(9.0)), fb_week]);
        assert_eq!(pack.limits_with_numbers(&client(&pack, Vec::new())), None);
    }

    #[test]
    fn numbers_that_do_not_fit_the_packs_limits_are_reported_together() {
        let limits = format!(
            "{DAY}[agency]\nat_most = 9\nper = [\"workspace\", \"day\"]\n\
             [reviews]\nat_most = 5\ncounts = \"needs_review\"\n\
             [order]\nfollowed_by = \"x\"\nafter_hours = 2\nwhere.channels = [\"linkedin\"]\n"
        );
        let priced = |row, scope, limit: &str| LimitNumbers { price: Some(9.0), ..numbers(row, scope, limit, None) };
        let found = mistakes(
            &limits,
            "",
            vec![
                for_client(1, "brand_dai", LimitNumber::AtMost(2.0)),
                for_client(2, "brand_day", LimitNumber::AtLeast(2.0)),
                for_client(3, "agency", LimitNumber::AtMost(2.0)),
                priced(4, NumbersScope::Workspace, "agency"),
                priced(5, NumbersScope::Client, "reviews"),
                for_client(6, "order", LimitNumber::AtMostShare(0.5)),
                for_client(7, ACTIONS_A_DAY, LimitNumber::AtMost(2.0)),
                for_client(8, REVIEW_CAPACITY, LimitNumber::AtMost(2.0)),
            ],
        );
        let expected = [
            ("unknown_limit", 1, "limit"),
            ("wrong_bound", 2, "at_least"),
            ("not_for_clients", 3, "client_id"),
            ("not_for_reviews", 5, "price"),
            ("wrong_bound", 6, "at_most_share"),
            ("reserved_name", 7, "limit"),
            ("reserved_name", 8, "limit"),
        ];
        assert_eq!(found, expected.map(|(code, row, column)| (code, row, column.to_owned())));
    }

    #[test]
    fn a_mistake_names_the_cell_and_the_remedy() {
        let pack = load(with_limits(DAY, "")).unwrap();
        let text = |numbers| pack.mistakes_in_limit_numbers([&client(&pack, vec![numbers])])[0].to_string();
        assert_eq!(
            text(for_client(3, "brand_dai", LimitNumber::AtMost(2.0))),
            "limits.csv: row 3 (line 4), column `limit`: the rules pack has no limit `brand_dai`; write `brand_day`, the \
             nearest known name"
        );
        let of_ledger =
            LimitNumbers { place: NumbersPlace::default(), ..for_client(1, "brand_day", LimitNumber::AtLeast(2.0)) };
        assert_eq!(
            text(of_ledger),
            "limits: column `at_least`: the limit `brand_day` states `at_most`, not `at_least`; write the number in the \
             column `at_most`, or name a limit that states `at_least`"
        );
    }

    #[test]
    fn a_minimum_that_numbers_make_impossible_is_reported_at_the_number_that_does() {
        let limits = format!("{DAY}[week]\nat_least = 10\n");
        let at_most = |posts| vec![for_client(1, "brand_day", LimitNumber::AtMost(posts))];
        let expected = [("limits_contradict", 1, "at_most".to_owned())];
        assert_eq!(mistakes(&limits, "", at_most(1.0)), expected);
        assert_eq!(mistakes(&limits, "", at_most(2.0)), Vec::new());
        assert_eq!(mistakes(&limits, "[limits.week]\nprice = 5\n", at_most(1.0)), Vec::new());
        let overlay = "[limits.brand_day]\nat_most = 1\n[limits.week]\nat_least = 5\n";
        let at_least = vec![for_client(1, "week", LimitNumber::AtLeast(9.0))];
        assert_eq!(mistakes(&limits, overlay, at_least), [("limits_contradict", 1, "at_least".to_owned())]);
    }

    #[test]
    fn numbers_of_a_limit_on_other_clients_contradict_nothing() {
        let limits = format!("{DAY}[b2b]\nat_least = 2\nwhere.tags = [\"b2b\"]\n");
        let at_least = vec![numbers(1, NumbersScope::Workspace, "b2b", Some(LimitNumber::AtLeast(40.0)))];
        assert_eq!(mistakes(&limits, "", at_least.clone()), Vec::new());
        let pack = load(with_limits(&limits, "")).unwrap();
        let tagged = Client { tags: vec!["b2b".into()], ..client(&pack, at_least) };
        assert_eq!(pack.mistakes_in_limit_numbers([&tagged]).len(), 1);
    }

    #[test]
    fn a_number_of_a_whole_workspace_is_reported_once() {
        let pack = load(with_limits(DAY, "")).unwrap();
        let number = || vec![numbers(1, NumbersScope::Workspace, "moon", Some(LimitNumber::AtMost(1.0)))];
        let clients = [client(&pack, number()), client(&pack, number())];
        assert_eq!(pack.mistakes_in_limit_numbers(&clients).len(), 1);
        assert_eq!(pack.limit_numbers_that_do_not_fit(&clients).len(), 1);
    }
}
