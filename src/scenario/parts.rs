//! Reads a scenario folder group by group of its workspaces, so that the clients of no more than a group for each thread
//! are in memory at once.

use std::borrow::Cow;
use std::path::Path;

use rayon::prelude::*;

use super::error::{ScenarioError, ScenarioErrors};
use super::read::{FolderTables, read_folder, read_under};
use crate::diagnostic::Diagnostic;
use crate::model::{Policy, Scenario, Week};
use crate::rules::CompiledRules;
use crate::tables::{self, GroupedTables, Manifest, PartOfClients, PartWarnings};

/// Number of clients from which on a group gets no further workspace. Results do not depend on it.
const MIN_CLIENTS_PER_GROUP: usize = 500;

/// A scenario in parts, each with whole workspaces, in the order of their ids. The tables are in memory as text; clients
/// are made of a part's rows when it is asked for.
#[derive(Debug)]
pub struct ScenarioParts(Contents);

#[derive(Debug)]
enum Contents {
    Whole(Box<Scenario>),
    Groups(Box<Groups>),
}

#[derive(Debug)]
struct Groups {
    manifest: Manifest,
    /// The hash of the whole scenario.
    hash: String,
    default_policy: Policy,
    tables: GroupedTables,
}

/// A scenario in parts, and what was found out when all of them were checked.
#[derive(Debug)]
pub struct CheckedParts<T> {
    /// The parts.
    pub parts: ScenarioParts,
    /// Warnings, those that [`read_under`] returns.
    pub warnings: Vec<Diagnostic>,
    /// What `inspect` returned for each part.
    pub inspected: Vec<T>,
}

impl ScenarioParts {
    /// Opens the scenario in a folder and checks all of it, as [`read_under`] does. `inspect` sees each part while it is
    /// checked.
    ///
    /// # Errors
    /// Those of [`read_under`].
    pub fn open<T: Send>(
        dir: &Path,
        rules: &CompiledRules,
        inspect: impl Fn(&Scenario) -> T + Sync,
    ) -> Result<CheckedParts<T>, ScenarioErrors> {
        Self::open_in_groups_of(dir, rules, MIN_CLIENTS_PER_GROUP, inspect)
    }

    pub(super) fn open_in_groups_of<T: Send>(
        dir: &Path,
        rules: &CompiledRules,
        min_clients: usize,
        inspect: impl Fn(&Scenario) -> T + Sync,
    ) -> Result<CheckedParts<T>, ScenarioErrors> {
        let groups = Groups::of(read_folder(dir)?, &rules.base().risk.default_policy, min_clients);
        if let Some(checked) = groups.and_then(|groups| groups.checked(rules, &inspect)) {
            return Ok(checked);
        }
        // A group does not see all mistakes, so the whole scenario is read again to report them.
        let (scenario, warnings) = read_under(dir, rules)?;
        let inspected = vec![inspect(&scenario)];
        Ok(CheckedParts { parts: Self::whole(scenario), warnings, inspected })
    }

    /// A scenario in one part.
    #[must_use]
    pub fn whole(scenario: Scenario) -> Self {
        Self(Contents::Whole(Box::new(scenario)))
    }

    /// Number of parts, at least 1.
    #[must_use]
    pub fn count(&self) -> usize {
        match &self.0 {
            Contents::Whole(_) => 1,
            Contents::Groups(groups) => groups.tables.count(),
        }
    }

    /// First week of the scenario.
    #[must_use]
    pub fn start(&self) -> Week {
        match &self.0 {
            Contents::Whole(scenario) => scenario.start,
            Contents::Groups(groups) => groups.manifest.start,
        }
    }

    /// The part with a 0-based number, under the name and the hash of the whole scenario; without clients if there is no
    /// such part.
    ///
    /// # Errors
    /// Those of its tables; there are none, since they were checked when the scenario was opened.
    pub fn part(&self, number: usize) -> Result<Cow<'_, Scenario>, ScenarioErrors> {
        match &self.0 {
            Contents::Whole(scenario) => Ok(Cow::Borrowed(scenario)),
            Contents::Groups(groups) => groups.read(number).map(|(scenario, _)| Cow::Owned(scenario)),
        }
    }
}

impl Groups {
    /// `None` if the tables cannot be divided.
    fn of(folder: FolderTables, default_policy: &Policy, min_clients: usize) -> Option<Self> {
        let FolderTables { manifest, hash, tables, file_errors, diagnostics } = folder;
        if !file_errors.is_empty() || !diagnostics.errors.is_empty() {
            return None;
        }
        let tables = GroupedTables::of(tables, min_clients)?;
        Some(Self { manifest, hash, default_policy: default_policy.clone(), tables })
    }

    /// Reads every group once; `None` if one of them has a mistake.
    fn checked<T: Send>(
        self,
        rules: &CompiledRules,
        inspect: impl Fn(&Scenario) -> T + Sync,
    ) -> Option<CheckedParts<T>> {
        let check = |group: usize| {
            let (scenario, warnings) = self.read(group).ok()?;
            let clients = scenario.clients.iter().map(|(client, _)| client);
            let is_right = rules.pack().mistakes_in_limit_numbers(clients).is_empty();
            is_right.then(|| (inspect(&scenario), warnings))
        };
        let checked: Option<Vec<(T, PartWarnings)>> = (0..self.tables.count()).into_par_iter().map(check).collect();
        let (inspected, warnings): (Vec<T>, Vec<PartWarnings>) = checked?.into_iter().unzip();
        let warnings = PartWarnings::joined(warnings);
        Some(CheckedParts { parts: ScenarioParts(Contents::Groups(Box::new(self))), warnings, inspected })
    }

    fn read(&self, group: usize) -> Result<(Scenario, PartWarnings), ScenarioErrors> {
        let Self { manifest, hash, default_policy, tables } = self;
        let mut errors = Vec::new();
        let PartOfClients { clients, warnings } = tables::clients_of_part(
            &tables.group(group),
            manifest.start,
            manifest.default_zone,
            default_policy,
            &mut errors,
        );
        match ScenarioErrors::from_list(errors.into_iter().map(ScenarioError::from).collect()) {
            Some(errors) => Err(errors),
            None => Ok((manifest.clone().into_scenario(hash.clone(), clients), warnings)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AssetId, CampaignId, ClientId, WorkspaceId};
    use crate::scenario::read::read_with_warnings;
    use crate::scenario::tests::{assert_parts_agree, policy, rules, write_folder};
    use crate::scenario::{GenerateOptions, ScenarioFiles, generate};

    /// Files of clients of three workspaces, in which the rows of these alternate.
    fn alternating_files() -> ScenarioFiles {
        let options = GenerateOptions {
            clients: 8,
            seed: 5,
            weeks: 4,
            history_days: 30,
            start: "2026-W37".parse().unwrap(),
            name: "invented".to_owned(),
        };
        let mut files = generate(&options).unwrap().files;
        for (number, client) in files.clients.iter_mut().enumerate() {
            client.workspace_id = WorkspaceId::new(format!("workspace-{}", number % 3));
        }
        files.assets.sort_by(|a, b| a.title.cmp(&b.title));
        files.history.sort_by_key(|row| row.published_at);
        files.channels.sort_by_key(|row| row.channel);
        let mut workspace_day = files.calendar[0].clone();
        workspace_day.scope = "workspace:workspace-1/fb".into();
        files.calendar.insert(0, workspace_day);
        files
    }

    #[track_caller]
    fn written(files: &ScenarioFiles) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        write_folder(dir.path(), files);
        dir
    }

    #[test]
    fn parts_of_any_size_have_the_clients_of_the_whole() {
        let dir = written(&alternating_files());
        assert_parts_agree(dir.path());
        let count = |min_clients| {
            let opened = ScenarioParts::open_in_groups_of(dir.path(), &rules(), min_clients, |part| part.clients.len());
            opened.unwrap().inspected
        };
        assert_eq!((count(1), count(4), count(7)), (vec![3, 3, 2], vec![6, 2], vec![8]));
    }

    #[test]
    fn warnings_are_in_the_order_of_the_whole() {
        let mut files = alternating_files();
        for row in files.history.iter_mut().rev().take(20) {
            row.published_at = row.published_at.plus_days(10);
        }
        for row in files.channels.iter_mut().step_by(3) {
            row.avg_engagement_rate = Some(1.5);
            row.last_post_at = row.last_post_at.map(|at| at.plus_days(-60));
        }
        for row in files.assets.iter_mut().step_by(50) {
            (row.title, row.body) = ("".into(), "".into());
        }
        files.warnings.iter_mut().for_each(|row| row.opened_at = row.opened_at.plus_days(100));
        files.reality.iter_mut().for_each(|row| row.as_of = row.as_of.plus_days(100));
        let dir = written(&files);
        assert_parts_agree(dir.path());
        let (_, warnings) = read_with_warnings(dir.path(), &policy()).unwrap();
        let codes: std::collections::BTreeSet<&str> = warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(
            codes.into_iter().collect::<Vec<_>>(),
            ["after_start", "counts_contradict", "no_content", "unlikely"]
        );
    }

    /// A change of the files that makes a mistake.
    type Mistake = fn(&mut ScenarioFiles);

    /// Mistakes that concern rows of several workspaces.
    const MISTAKES: [(&str, Mistake); 17] = [
        ("a client in two workspaces", |files| {
            let workspace_id = files.clients[1].workspace_id.clone();
            files.clients.push(crate::model::ClientRow { workspace_id, ..files.clients[0].clone() });
        }),
        ("a client without an id", |files| files.clients[2].client_id = ClientId::new("")),
        ("a client without a workspace", |files| files.clients[2].workspace_id = WorkspaceId::new("")),
        ("no client of a policy", |files| files.policies[0].client_id = ClientId::new("nobody")),
        ("no client of a warning", |files| files.warnings[0].client_id = ClientId::new("nobody")),
        ("no client of an assessment", |files| files.reality[0].client_id = ClientId::new("nobody")),
        ("no client of a channel", |files| files.channels[0].client_id = ClientId::new("nobody")),
        ("no client of a campaign", |files| files.campaigns[0].client_id = ClientId::new("nobody")),
        ("no client of an asset", |files| files.assets[0].client_id = ClientId::new("nobody")),
        ("no client of a post", |files| files.history[0].client_id = ClientId::new("")),
        ("no workspace of a day", |files| files.calendar[0].scope = "workspace:nothing".into()),
        ("no client of a day", |files| files.calendar[0].scope = "client:nobody".into()),
        ("a day that is there twice", |files| files.calendar.push(files.calendar[0].clone())),
        ("two warnings of an id", |files| {
            let mut of_another = files.warnings[0].clone();
            of_another.client_id = files.clients.last().unwrap().client_id.clone();
            files.warnings.push(of_another);
        }),
        ("two campaigns of an id", |files| {
            files.campaigns.iter_mut().for_each(|row| row.campaign_id = CampaignId::new("same"));
            files.assets.iter_mut().for_each(|row| row.campaign_id = None);
        }),
        ("two assets of an id", |files| {
            let [first, .., last] = files.assets.as_mut_slice() else { panic!("no assets") };
            last.asset_id = first.asset_id.clone();
        }),
        ("an asset of another client", |files| {
            let asset_of = |row: &crate::model::HistoryRow| row.asset_id.clone();
            let foreign: Option<AssetId> =
                files.history.iter().rev().filter(|row| row.client_id != files.history[0].client_id).find_map(asset_of);
            files.history[0].asset_id = foreign;
        }),
    ];

    #[test]
    fn parts_report_every_mistake_like_the_whole() {
        for (mistake, make) in MISTAKES {
            let mut files = alternating_files();
            make(&mut files);
            let dir = written(&files);
            assert!(read_with_warnings(dir.path(), &policy()).is_err(), "{mistake}");
            assert_parts_agree(dir.path());
        }
    }

    #[test]
    fn tables_that_are_missing_or_damaged_are_reported_like_those_of_the_whole() {
        let dir = written(&alternating_files());
        let path = |table: &str| dir.path().join(format!("{table}.csv"));
        let assert_fails = || {
            assert!(read_with_warnings(dir.path(), &policy()).is_err());
            assert_parts_agree(dir.path());
        };
        let assets = std::fs::read_to_string(path("assets")).unwrap();
        std::fs::write(path("assets"), assets.replacen("kind", "sort", 1)).unwrap();
        assert_fails();
        std::fs::write(path("assets"), format!("{assets}one cell\n")).unwrap();
        assert_fails();
        std::fs::write(path("assets"), format!("{assets}\"open")).unwrap();
        assert_fails();
        std::fs::remove_file(path("assets")).unwrap();
        assert_fails();
        std::fs::write(path("assets"), assets).unwrap();
        assert_parts_agree(dir.path());
    }
}
