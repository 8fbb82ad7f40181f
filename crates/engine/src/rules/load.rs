//! Loads a rules pack from the texts of its files: validates all of its TOML, or reports every error.
//!
//! No file is read here and no script is compiled: texts go in, rules and the texts of scripts come out.

use std::sync::Arc;

use super::calendar;
use super::closed;
use super::coherence::{self, Group};
use super::guardrails::{self, GuardrailRules};
use super::keys::PACK_FILES;
use super::limit_weeks;
use super::limits;
use super::overlay::{self, BaseDeclarations, Context, Overlay, Scope};
use super::pack::Rules;
use super::pack_files::{PackFiles, is_script};
use super::scenario_names::NameReference;
use super::seasons;
use super::settings::{Row, Setting, Settings, Value, View};
use super::toml_document::TomlDocument;
use super::validate::{Completeness, KeyTree, validate};
use crate::diagnostic::{Diagnostic, listed, nearest};
use crate::model::{CalendarEntry, CampaignId, ClientId, WorkspaceId};

/// A pack whose TOML is valid.
#[derive(Debug, Clone, PartialEq)]
pub struct RulesPack {
    /// The pack's name, shown in reports.
    pub name: String,
    /// What the pack is for; may be empty.
    pub description: String,
    /// BLAKE3 hash over names and contents of all files except `tests/`, hexadecimal.
    pub hash: String,
    /// The source files, tests included.
    pub files: PackFiles,
    settings: Settings,
    overlays: Vec<Overlay>,
}

/// Which overlays apply to a client or campaign. Clients with the same key have the same effective rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct OverlayKey(Vec<usize>);

impl OverlayKey {
    /// Whether no overlay applies, so that the base rules do.
    #[must_use]
    pub fn is_base(&self) -> bool {
        self.0.is_empty()
    }
}

/// Validates a pack.
///
/// ```
/// use mcoe_engine::rules::{self, PackFiles};
///
/// let files = PackFiles::from([("fatigue.toml".to_owned(), "warn_at = 0,5\n".to_owned())]);
/// let mistakes = rules::load(files).expect_err("an incomplete pack, with a decimal comma");
/// let mistake = mistakes.iter().find(|mistake| mistake.place.to_string() == "fatigue.toml:1:12");
/// println!("{}", mistake.expect("the comma is reported with its line").remedy);
/// ```
///
/// # Errors
/// Every error in every file, sorted by file, line and column: syntax errors, invalid keys and values, and values that
/// contradict each other, in the base or once an overlay is applied.
pub fn load(files: PackFiles) -> Result<RulesPack, Vec<Diagnostic>> {
    let mut mistakes = file_name_mistakes(&files);
    let mut settings = Settings::default();
    let mut invalid_files = Vec::new();
    for file in &PACK_FILES {
        let name = format!("{}.toml", file.stem);
        let Some(text) = files.get(&name) else {
            invalid_files.extend(file.is_required.then_some(file.stem));
            continue;
        };
        let tree = KeyTree::of(file.stem, file.keys);
        let (file_settings, errors) = TomlDocument::read(&name, text, |document| {
            validate(document, &tree, file.stem, Completeness::Complete, &PACK_FILES)
        });
        invalid_files.extend((!errors.is_empty()).then_some(file.stem));
        settings.extend(file_settings);
        mistakes.extend(errors);
    }
    mistakes.extend(coherence::special_day_errors(&settings));
    mistakes.extend(closed::mistakes(&settings));
    mistakes.extend(seasons::mistakes(&settings));
    let view = View::new(&settings);
    let contradictions = Group::error_groups().flat_map(|group| group.contradictions(&view));
    mistakes.extend(contradictions.map(|contradiction| contradiction.diagnostic));
    let if_valid = |stem: &str| (!invalid_files.contains(&stem)).then_some(&settings);
    let declared = BaseDeclarations { guardrails: if_valid("guardrails"), limits: if_valid("limits") };
    let (overlays, errors) = read_overlays(&files, declared);
    mistakes.extend(errors);
    mistakes.extend(overlay::contradictions(&settings, &overlays, Group::error_groups()));
    if !mistakes.is_empty() {
        Diagnostic::sort(&mut mistakes);
        return Err(mistakes);
    }
    let text = |path| View::new(&settings).value_of::<&str>(path).to_owned();
    let (name, description, hash) = (text("pack.name"), text("pack.description"), hash(&files));
    Ok(RulesPack { name, description, hash, files, settings, overlays })
}

impl RulesPack {
    /// The base rules, without any overlay.
    #[must_use]
    pub fn base(&self) -> Rules {
        self.rules_with(&OverlayKey::default())
    }

    /// Every declared guardrail, including disabled ones, which an overlay may enable.
    #[must_use]
    pub fn declared_guardrails(&self) -> Vec<GuardrailRules> {
        guardrails::declared_guardrails(&View::new(&self.settings))
    }

    /// The names of all limits that `limits.toml` declares, including disabled ones, in file order.
    #[must_use]
    pub fn declared_limits(&self) -> Vec<Arc<str>> {
        limits::declared_limits(&View::new(&self.settings)).into_iter().map(Arc::from).collect()
    }

    /// The effective rules of a client, or of one of its campaigns: the base, then the overlays of the workspace, the
    /// client and the campaign in this order. Overlays of one scope apply in order of file name.
    #[must_use]
    pub fn rules_for(&self, workspace: &WorkspaceId, client: &ClientId, campaign: Option<&CampaignId>) -> Rules {
        self.rules_with(&self.overlay_key(workspace, client, campaign))
    }

    /// Which overlays apply to a client or, if a campaign is given, to that campaign of the client.
    #[must_use]
    pub fn overlay_key(&self, workspace: &WorkspaceId, client: &ClientId, campaign: Option<&CampaignId>) -> OverlayKey {
        let context = Context { workspace: Some(workspace), client: Some(client), campaign };
        let overlays = self.overlays.iter().enumerate();
        OverlayKey(overlays.filter(|(_, overlay)| overlay.covers(&context)).map(|(index, _)| index).collect())
    }

    /// The effective rules with the overlays of a key, which must come from this pack.
    #[must_use]
    pub fn rules_with(&self, key: &OverlayKey) -> Rules {
        let overlays = key.0.iter().filter_map(|index| self.overlays.get(*index));
        Rules::read(&View::with(&self.settings, overlays.map(|overlay| &overlay.settings)))
    }

    /// The settings of each overlay, with its file.
    pub(super) fn overlay_settings(&self) -> impl Iterator<Item = (&str, &Settings)> {
        self.overlays.iter().map(|overlay| (&*overlay.file, &overlay.settings))
    }

    /// The settings of the base, and those of a key's overlays in application order.
    pub(super) fn layers(&self, key: &OverlayKey) -> (&Settings, Vec<&Settings>) {
        let overlays = key.0.iter().filter_map(|index| self.overlays.get(*index));
        (&self.settings, overlays.map(|overlay| &overlay.settings).collect())
    }

    /// The names of clients, workspaces and campaigns in the scopes of overlays.
    pub(super) fn names_of_scopes(&self) -> impl Iterator<Item = &NameReference> {
        self.overlays.iter().flat_map(|overlay| &overlay.names)
    }

    /// The clients, tags, content types and campaigns that limits name, in the base and in overlays.
    pub(super) fn names_of_limits(&self) -> impl Iterator<Item = NameReference> {
        self.all_layers().flat_map(limits::name_references)
    }

    /// Warnings about settings and overlays that are valid but may not be intended.
    #[must_use]
    pub fn remarks(&self) -> Vec<Diagnostic> {
        let priced = Group::PricedLimits;
        let in_base = priced.contradictions(&View::new(&self.settings)).into_iter().map(|found| found.diagnostic);
        let in_overlays = overlay::contradictions(&self.settings, &self.overlays, std::iter::once(priced));
        let of_overlays = overlay::set_twice(&self.overlays).into_iter().chain(overlay::idle_overlays(&self.overlays));
        let layers: Vec<&Settings> = self.all_layers().collect();
        of_overlays.chain(in_base).chain(in_overlays).chain(limit_weeks::idle_first_weeks(&layers)).collect()
    }

    /// The files of a key's overlays, in application order.
    pub fn overlay_files(&self, key: &OverlayKey) -> impl Iterator<Item = &str> {
        key.0.iter().filter_map(|index| self.overlays.get(*index)).map(|overlay| overlay.file.as_ref())
    }

    /// Every overlay's file and scope, in application order.
    pub fn overlays(&self) -> impl Iterator<Item = (&str, &Scope)> {
        self.overlays.iter().map(|overlay| (overlay.file.as_ref(), &overlay.scope))
    }

    /// File and line of a value of the base by its full path, such as `channels.tiktok.weekly_posts`; for a table,
    /// those of the first value in it. `None` if the value is a default.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Option<(Arc<str>, u32)> {
        first_place(&self.settings, key)
    }

    /// The setting of a rule key, by its full path, with overlays applied; `None` if there is none.
    #[must_use]
    pub fn setting_with(&self, overlays: &OverlayKey, key: &str) -> Option<&Setting> {
        let (base, overlay_layers) = self.layers(overlays);
        View::with(base, overlay_layers).find(key).map(|found| found.setting)
    }

    /// File and line that the value of a rule key comes from, with overlays applied.
    #[must_use]
    pub fn place_with(&self, overlays: &OverlayKey, key: &str) -> Option<(Arc<str>, u32)> {
        let mut topmost_first = overlays.0.iter().rev().filter_map(|index| self.overlays.get(*index));
        topmost_first.find_map(|overlay| first_place(&overlay.settings, key)).or_else(|| self.place_of(key))
    }

    /// File and line of a list's row, by its 0-based position, or of the whole value if `row` is `None`, with overlays
    /// applied.
    #[must_use]
    pub fn place_of_row(&self, overlays: &OverlayKey, key: &str, row: Option<usize>) -> Option<(Arc<str>, u32)> {
        let topmost_first = overlays.0.iter().rev().filter_map(|index| self.overlays.get(*index));
        let mut layers = topmost_first.map(|overlay| &overlay.settings).chain([&self.settings]);
        layers.find_map(|settings| row_place(settings.get(key)?, row?)).or_else(|| self.place_with(overlays, key))
    }

    /// File and line of a special day of the pack, with overlays applied; `None` if the pack has no such day.
    #[must_use]
    pub fn place_of_day(&self, overlays: &OverlayKey, day: &CalendarEntry) -> Option<(Arc<str>, u32)> {
        let (base, overlay_layers) = self.layers(overlays);
        let view = View::with(base, overlay_layers);
        let is_day = |row: &&Row| calendar::special_day(row).as_ref() == Some(day);
        let row = view.rows_of_all_layers("calendar.days").find(is_day)?;
        let place = row.values().filter_map(|cell| cell.place.as_ref()).min_by_key(|place| place.line)?;
        Some((Arc::clone(&place.file), place.line))
    }

    /// The settings of the base, then those of each overlay.
    pub(super) fn all_layers(&self) -> impl Iterator<Item = &Settings> {
        std::iter::once(&self.settings).chain(self.overlays.iter().map(|overlay| &overlay.settings))
    }

    /// The scripts with their paths, sorted by path.
    pub fn scripts(&self) -> impl Iterator<Item = (&str, &str)> {
        let scripts = self.files.iter().filter(|(path, _)| is_script(path));
        scripts.map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

/// File and line of a value; of a table, those of the first value in it.
fn first_place(settings: &Settings, key: &str) -> Option<(Arc<str>, u32)> {
    let exact = settings.get(key).into_iter();
    let places = exact.chain(settings.under(key).map(|(_, setting)| setting)).filter_map(|setting| {
        let place = setting.place.as_ref()?;
        Some((Arc::clone(&place.file), place.line))
    });
    places.min_by(|a, b| a.1.cmp(&b.1))
}

fn row_place(setting: &Setting, row: usize) -> Option<(Arc<str>, u32)> {
    let Value::Rows(rows) = &setting.value else { return None };
    let places = rows.get(row)?.values().filter_map(|cell| cell.place.as_ref());
    places.map(|place| (Arc::clone(&place.file), place.line)).min()
}

fn read_overlays(files: &PackFiles, declared: BaseDeclarations<'_>) -> (Vec<Overlay>, Vec<Diagnostic>) {
    let tree = overlay::key_tree();
    let mut overlays = Vec::new();
    let mut mistakes = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| is_overlay(path)) {
        let (overlay, errors) = overlay::read(path, text, &tree, declared);
        mistakes.extend(errors);
        if let Some(overlay) = overlay {
            mistakes.extend(coherence::special_day_errors(&overlay.settings));
            mistakes.extend(closed::mistakes(&overlay.settings));
            mistakes.extend(seasons::mistakes(&overlay.settings));
            overlays.push(overlay);
        }
    }
    overlay::sort_in_application_order(&mut overlays);
    (overlays, mistakes)
}

fn is_overlay(path: &str) -> bool {
    path.strip_prefix("overlays/").is_some_and(|name| name.ends_with(".toml") && !name.contains('/'))
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
}

fn is_note(path: &str) -> bool {
    path.ends_with(".md")
}

/// Unknown and missing files.
fn file_name_mistakes(files: &PackFiles) -> Vec<Diagnostic> {
    let names: Vec<String> = PACK_FILES.iter().map(|file| format!("{}.toml", file.stem)).collect();
    let absent: Vec<&str> = names.iter().map(String::as_str).filter(|name| !files.contains_key(*name)).collect();
    let mut mistakes = Vec::new();
    let mut guesses = Vec::new();
    for path in files.keys() {
        let is_known = names.iter().any(|name| name == path);
        if is_known || is_script(path) || is_overlay(path) || is_test(path) || is_note(path) {
            continue;
        }
        let guess = nearest(path, absent.iter().copied()).or_else(|| nearest(path, names.iter().map(String::as_str)));
        guesses.extend(guess);
        let remedy = match guess {
            Some(guess) if absent.contains(&guess) => format!("rename it to `{guess}`, the nearest known name"),
            Some(guess) => format!("delete it, or move what differs to `{guess}` or to a file in `overlays/`"),
            None => format!(
                "a pack holds {}, `*.rhai`, `overlays/*.toml`, `tests/` and notes as `*.md`",
                listed(names.iter().map(String::as_str))
            ),
        };
        mistakes.push(Diagnostic::of_file("unknown_file", path, format!("`{path}` is not a file of a pack"), remedy));
    }
    // A file is not reported as missing too if another one seems to be that file under a mistyped name.
    let is_guess = |name: &str| guesses.contains(&name);
    let missing = PACK_FILES.iter().zip(&names).filter(|(file, name)| file.is_required && !files.contains_key(*name));
    for (file, name) in missing.filter(|(_, name)| !is_guess(name)) {
        let remedy = format!("add it, or copy it from the default pack: it sets {}", file.doc);
        mistakes.push(Diagnostic::of_file("missing_file", name, format!("the pack has no `{name}`"), remedy));
    }
    mistakes
}

/// BLAKE3 over each file's name and content, in order of name. Each is prefixed with its length, so that packs that
/// differ only in where one file ends have different hashes. Tests do not change what a pack does and are left out.
fn hash(files: &PackFiles) -> String {
    let mut hasher = blake3::Hasher::new();
    for (path, text) in files.iter().filter(|(path, _)| !is_test(path)) {
        for part in [path, text] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::{Channel, ConflictKind};
    use crate::rules::{MinuteRule, value_at};

    /// The pack in `rules/`.
    pub(crate) fn default_files() -> PackFiles {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.filter(|path| path.is_file());
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        files.map(|path| (name(&path), std::fs::read_to_string(&path).unwrap())).collect()
    }

    /// The default pack with a text replaced in one of its files.
    pub(crate) fn changed(file: &str, from: &str, to: &str) -> PackFiles {
        let mut files = default_files();
        let text = files.get_mut(file).unwrap();
        assert!(text.contains(from), "`{from}` is not in {file}");
        *text = text.replacen(from, to, 1);
        files
    }

    /// Code, file, line and key of each diagnostic.
    pub(crate) fn reported(files: PackFiles) -> Vec<(&'static str, String, u32, String)> {
        let mistakes = load(files).expect_err("the pack should not load");
        let reported = |m: &Diagnostic| {
            let location = m.place.source().unwrap();
            (m.code, location.file.to_string(), location.line, m.place.name().to_owned())
        };
        mistakes.iter().map(reported).collect()
    }

    /// Code and key of each diagnostic.
    pub(crate) fn codes(files: PackFiles) -> Vec<(&'static str, String)> {
        reported(files).into_iter().map(|(code, _, _, key)| (code, key)).collect()
    }

    /// Code and key of the only diagnostic that a replaced text causes.
    pub(crate) fn only_contradiction(file: &str, from: &str, to: &str) -> (&'static str, String) {
        let reported = codes(changed(file, from, to));
        let [only] = reported.as_slice() else { panic!("{reported:?}") };
        only.clone()
    }

    #[test]
    fn the_default_pack_has_the_documented_figures() {
        let pack = load(default_files()).unwrap();
        let rules = pack.base();
        let weekly: Vec<u32> = rules.channels.iter().map(|channel| channel.weekly_posts).collect();
        assert_eq!(weekly, [5, 7, 14, 5, 2, 3, 3, 2, 10]);
        let spacing: Vec<u32> = rules.channels.iter().map(|channel| channel.min_spacing_hours).collect();
        assert_eq!(spacing, [4, 4, 4, 12, 48, 12, 4, 24, 4]);
        let half_lives: Vec<f64> = rules.channels.iter().map(|channel| channel.half_life_hours).collect();
        assert_eq!(half_lives, [48.0, 48.0, 24.0, 48.0, 96.0, 96.0, 12.0, 96.0, 24.0]);
        let priorities: Vec<f64> = rules.channels.iter().map(|channel| channel.priority).collect();
        assert_eq!(priorities, [60.0, 60.0, 45.0, 70.0, 55.0, 40.0, 35.0, 80.0, 50.0]);
        assert_eq!(rules.channel(Channel::Tiktok).best_hours, std::array::from_fn(|_| vec![7, 12, 19, 22]));
        assert_eq!(rules.channel(Channel::Email).weekday_weights, [1.0, 1.0, 1.0, 1.0, 1.0, 0.95, 0.95]);
        assert!(rules.channels.iter().all(|channel| channel.quiet_minutes == Some((23 * 60, 6 * 60))));
        assert_eq!(rules.calendar.minute, MinuteRule::Fixed(0));
        assert_eq!(rules.calendar.days, []);
    }

    #[test]
    fn the_default_pack_has_the_documented_thresholds() {
        let rules = load(default_files()).unwrap().base();
        assert_eq!((rules.fatigue.warn_at, rules.fatigue.block_at), (0.5, 0.8));
        let factor = |fatigue| value_at(&rules.fatigue.frequency, fatigue);
        assert_eq!([factor(0.39), factor(0.4), factor(0.7)], [None, Some(0.75), Some(0.5)]);
        assert_eq!(value_at(&rules.fatigue.wait_hours, 0.0), Some(6.0));
        let confidence = |score| value_at(&rules.risk.confidence, score);
        assert_eq!([confidence(39.9), confidence(79.9), confidence(80.0)], [Some(0.5), Some(0.8), Some(0.9)]);
        assert_eq!((rules.risk.low_from, rules.risk.medium_from), (0.75, 0.6));
        assert_eq!(rules.risk.default_policy.max_actions_per_day, 10);
        let assets = &rules.assets;
        assert_eq!(assets.base + assets.per_quality + assets.per_brand_consistency + assets.made_for_channel, 100.0);
        assert_eq!(rules.early_warning.signals.len(), 10);
        assert_eq!(rules.early_warning.signals.first(), Some(&("trend_shift".into(), 0.65)));
    }

    #[test]
    fn guardrails_come_in_the_order_of_the_file_without_those_switched_off() {
        let names = |files| -> Vec<String> {
            load(files).unwrap().base().guardrails.iter().map(|guardrail| guardrail.name.to_string()).collect()
        };
        let all = ["early_warning", "channel_fatigue", "policy_compliance", "truth_layer", "timing_conflict"];
        assert_eq!(names(default_files()), all);
        let without_one =
            changed("guardrails.toml", "[policy_compliance]\nenabled = true", "[policy_compliance]\nenabled = false");
        assert_eq!(names(without_one), ["early_warning", "channel_fatigue", "truth_layer", "timing_conflict"]);
        let rules = load(default_files()).unwrap().base();
        let truth = rules.guardrails.iter().find(|guardrail| &*guardrail.name == "truth_layer").unwrap();
        assert_eq!(truth.conflict, ConflictKind::Asset);
        assert_eq!(truth.params.get("max_gap"), Some(&0.3));
    }

    #[test]
    fn a_guardrail_can_be_added_in_toml_alone() {
        let mut files = default_files();
        files.get_mut("guardrails.toml").unwrap().push_str(
            "\n[no_late_mail]\nscope = \"channel_week\"\nconflict = \"policy\"\n[no_late_mail.params]\nlast_hour = 18\n",
        );
        let rules = load(files).unwrap().base();
        assert_eq!(rules.guardrails.last().map(|guardrail| &*guardrail.name), Some("no_late_mail"));
    }

    #[test]
    fn best_hours_of_a_day_replace_those_for_weekdays_or_the_weekend() {
        let from = "best_hours = { weekday = [9, 13, 16], weekend = [9, 13, 16] }";
        let to = "best_hours = { weekday = [9, 13], weekend = [], friday = [15, 11] }";
        let rules = load(changed("channels.toml", from, to)).unwrap().base();
        let expected: [&[u8]; 7] = [&[9, 13], &[9, 13], &[9, 13], &[9, 13], &[11, 15], &[], &[]];
        assert_eq!(rules.channel(Channel::Fb).best_hours.each_ref().map(Vec::as_slice), expected);
    }

    #[test]
    fn seven_errors_in_nine_lines_are_reported_in_one_pass() {
        let mut files = default_files();
        let text = "warn_at = 0.5.5\nblock_at = 1.8\nslope_below_warn = \"0.6\"\nslop_above_warn = 1.4\n\
                    frequency = [{ from = 0.4, factor = 2 }]\npriority_loss = []\npriority_floor = 10\n\
                    wait_hours = [{ from = 0.5, hours = 6 }]\nhealth = { rested = 1 }\n";
        files.insert("fatigue.toml".to_owned(), text.to_owned());
        let reported = reported(files);
        let lines: Vec<(u32, &str)> = reported.iter().map(|(code, _, line, _)| (*line, *code)).collect();
        assert_eq!(
            lines,
            [
                (1, "syntax"),
                (2, "out_of_range"),
                (3, "wrong_type"),
                (4, "unknown_key"),
                (5, "out_of_range"),
                (8, "first_row"),
                (9, "unknown_key"),
            ]
        );
    }

    #[test]
    fn a_mistyped_file_name_is_reported_once_with_the_right_name() {
        let mut files = default_files();
        let text = files.remove("channels.toml").unwrap();
        files.insert("channel.toml".to_owned(), text);
        let mistakes = load(files).unwrap_err();
        let [mistake] = mistakes.as_slice() else { panic!("{mistakes:?}") };
        assert_eq!((mistake.code, &*mistake.place.to_string()), ("unknown_file", "channel.toml"));
        assert_eq!(mistake.remedy, "rename it to `channels.toml`, the nearest known name");
    }

    #[test]
    fn each_required_file_is_missing_once_from_an_empty_pack() {
        let reported = reported(PackFiles::new());
        assert_eq!(reported.len(), PACK_FILES.iter().filter(|keys| keys.is_required).count());
        assert!(reported.iter().all(|(code, ..)| *code == "missing_file"));
    }

    #[test]
    fn the_hash_depends_on_every_file_except_tests_and_on_where_each_ends() {
        let hash_of = |files| load(files).unwrap().hash;
        let base = hash_of(default_files());
        let mut files = default_files();
        files.insert("tests/fatigue.toml".to_owned(), "anything".to_owned());
        assert_eq!(hash_of(files), base);
        let mut files = default_files();
        files.insert("extra.rhai".to_owned(), String::new());
        assert_ne!(hash_of(files), base);
        let hash_with = |name: &str, text: &str| {
            let mut files = default_files();
            files.insert(name.to_owned(), text.to_owned());
            hash_of(files)
        };
        assert_ne!(hash_with("ab.rhai", "c"), hash_with("a.rhai", "bc"));
    }

    #[test]
    fn a_value_is_traced_to_its_file_and_line() {
        let files = default_files();
        let line_of = |file: &str, part: &str| {
            let text = files.get(file).unwrap();
            u32::try_from(text.lines().position(|line| line.starts_with(part)).unwrap() + 1).unwrap()
        };
        let pack = load(files.clone()).unwrap();
        assert_eq!(pack.place_of("fatigue.warn_at"), Some(("fatigue.toml".into(), line_of("fatigue.toml", "warn_at"))));
        let frequency = line_of("fatigue.toml", "frequency");
        assert_eq!(pack.place_of("fatigue.frequency"), Some(("fatigue.toml".into(), frequency)));
        let fb = line_of("channels.toml", "[fb]");
        assert_eq!(pack.place_of("channels.fb"), Some(("channels.toml".into(), fb + 1)));
        assert_eq!(pack.place_of("channels.fb.weekday_weights.monday"), None);
    }

    #[test]
    fn a_pack_saved_by_a_windows_editor_reads_the_same() {
        let mut files = default_files();
        files.values_mut().for_each(|text| *text = format!("\u{feff}{}", text.replace('\n', "\r\n")));
        assert_eq!(load(files.clone()).unwrap().base(), load(default_files()).unwrap().base());
        let fatigue = files.get_mut("fatigue.toml").unwrap();
        *fatigue =
            fatigue.replace("warn_at = 0.5\r", "warn_at = = 0.5\r").replace("block_at = 0.8\r", "block_at = 8\r");
        let codes: Vec<_> = reported(files).into_iter().map(|(code, ..)| code).collect();
        assert_eq!(codes, ["syntax", "out_of_range"]);
    }

    #[test]
    fn scripts_are_listed_in_order_of_name() {
        let mut files = default_files();
        files.retain(|path, _| !path.ends_with(".rhai"));
        files.insert("b.rhai".to_owned(), "2".to_owned());
        files.insert("a.rhai".to_owned(), "1".to_owned());
        let pack = load(files).unwrap();
        assert_eq!(pack.scripts().collect::<Vec<_>>(), [("a.rhai", "1"), ("b.rhai", "2")]);
    }
}
