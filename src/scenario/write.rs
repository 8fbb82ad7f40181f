//! The files of a scenario folder as bytes. Nothing is written to disk here.

use polars_core::prelude::*;
use polars_io::prelude::*;

use super::error::ScenarioError;
use super::frame::FileKind;
use super::manifest::{MANIFEST_FILE, is_plausible};
use super::rows::ScenarioFiles;
use crate::model::Channel;
use crate::spreadsheet::make_harmless;

/// The files of a folder: name and contents, the manifest last. Tables without rows are left out, but
/// for clients and channels. File names and kinds come from the manifest.
///
/// # Errors
/// Where no scenario can start in its week, a file name ends neither in `.csv` nor in `.parquet`, or a table cannot be encoded.
pub fn render(files: &ScenarioFiles) -> Result<Vec<(String, Vec<u8>)>, ScenarioError> {
    let mut manifest = files.manifest.clone();
    if !is_plausible(manifest.start) {
        return Err(ScenarioError::Request(format!("no scenario can start in {}; name another week", manifest.start)));
    }
    let mut rendered = Vec::new();
    for (table, frame) in tables(files) {
        let file = manifest.files.entry(table.to_owned()).or_insert_with(|| format!("{table}.csv")).clone();
        let mut frame = frame.map_err(|error| unwritable(&file, &error))?;
        if matches!(table, "clients" | "channels") || frame.height() > 0 {
            let bytes = table_bytes(&file, &mut frame)?;
            rendered.push((file, bytes));
        } else {
            manifest.files.remove(table);
        }
    }
    rendered.push((MANIFEST_FILE.to_owned(), manifest.to_toml().into_bytes()));
    Ok(rendered)
}

fn table_bytes(name: &str, frame: &mut DataFrame) -> Result<Vec<u8>, ScenarioError> {
    let mut bytes = Vec::new();
    let written = match FileKind::of(name) {
        Some(FileKind::Csv) => {
            make_harmless(frame).and_then(|()| CsvWriter::new(&mut bytes).n_threads(1).finish(frame))
        }
        Some(FileKind::Parquet) => ParquetWriter::new(&mut bytes).set_parallel(false).finish(frame).map(|_| ()),
        None => Err(PolarsError::InvalidOperation(format!("`{name}` is neither .csv nor .parquet").into())),
    };
    written.map_err(|error| unwritable(name, &error))?;
    Ok(bytes)
}

fn unwritable(name: &str, error: &PolarsError) -> ScenarioError {
    ScenarioError::Encode { name: name.to_owned(), cause: error.to_string() }
}

/// The columns of one table as they are filled.
struct Columns {
    height: usize,
    columns: Vec<Column>,
}

impl Columns {
    const fn new(height: usize) -> Self {
        Self { height, columns: Vec::new() }
    }

    fn text<S: Into<String>>(self, name: &str, cells: impl Iterator<Item = S>) -> Self {
        self.optional_text(name, cells.map(Some))
    }

    fn optional_text<S: Into<String>>(mut self, name: &str, cells: impl Iterator<Item = Option<S>>) -> Self {
        let cells = cells.map(|cell| cell.map(Into::into).filter(|text: &String| !text.is_empty()));
        self.columns.push(StringChunked::from_iter_options(name.into(), cells).into_column());
        self
    }

    /// A column that is left out where no row fills it.
    fn text_where_known(self, name: &str, cells: impl Iterator<Item = Option<String>> + Clone) -> Self {
        if cells.clone().any(|cell| cell.is_some()) { self.optional_text(name, cells) } else { self }
    }

    fn number(self, name: &str, cells: impl Iterator<Item = f64>) -> Self {
        self.optional_number(name, cells.map(Some))
    }

    fn optional_number(mut self, name: &str, cells: impl Iterator<Item = Option<f64>>) -> Self {
        self.columns.push(Float64Chunked::from_iter_options(name.into(), cells).into_column());
        self
    }

    fn count(mut self, name: &str, cells: impl Iterator<Item = Option<u32>>) -> Self {
        self.columns.push(UInt32Chunked::from_iter_options(name.into(), cells).into_column());
        self
    }

    fn flag(mut self, name: &str, cells: impl Iterator<Item = bool>) -> Self {
        self.columns.push(BooleanChunked::from_iter_options(name.into(), cells.map(Some)).into_column());
        self
    }

    /// A column that is left out where it says nothing.
    fn flag_where_set(self, name: &str, cells: impl Iterator<Item = bool> + Clone) -> Self {
        if cells.clone().any(|cell| cell) { self.flag(name, cells) } else { self }
    }

    fn frame(self) -> PolarsResult<DataFrame> {
        DataFrame::new(self.height, self.columns)
    }
}

fn channel_list(channels: &[Channel]) -> String {
    channels.iter().map(|channel| channel.name()).collect::<Vec<_>>().join(";")
}

fn tables(files: &ScenarioFiles) -> [(&'static str, PolarsResult<DataFrame>); 9] {
    [
        ("clients", clients(files)),
        ("channels", channels(files)),
        ("assets", assets(files)),
        ("campaigns", campaigns(files)),
        ("policies", policies(files)),
        ("warnings", warnings(files)),
        ("reality", reality(files)),
        ("calendar", calendar(files)),
        ("history", history(files)),
    ]
}

fn clients(files: &ScenarioFiles) -> PolarsResult<DataFrame> {
    let rows = || files.clients.iter();
    Columns::new(files.clients.len())
        .text("client_id", rows().map(|row| row.client_id.as_str()))
        .text("workspace_id", rows().map(|row| row.workspace_id.as_str()))
        .text("name", rows().map(|row| row.name.as_str()))
        .text("industry", rows().map(|row| row.industry.as_str()))
        .text("tags", rows().map(|row| row.tags.as_str()))
        .optional_text("time_zone", rows().map(|row| row.time_zone.as_deref()))
        .text("status", rows().map(|row| row.status.name()))
        .number("priority", rows().map(|row| row.priority))
        .frame()
}

fn channels(files: &ScenarioFiles) -> PolarsResult<DataFrame> {
    let rows = || files.channels.iter();
    Columns::new(files.channels.len())
        .text("client_id", rows().map(|row| row.client_id.as_str()))
        .text("channel", rows().map(|row| row.channel.name()))
        .number("audience", rows().map(|row| row.audience))
        .optional_number("avg_engagement_rate", rows().map(|row| row.avg_engagement_rate))
        .optional_text("last_post_at", rows().map(|row| row.last_post_at.map(|at| at.to_string())))
        .count("posts_last_7_days", rows().map(|row| row.posts_last_7_days))
        .count("posts_last_30_days", rows().map(|row| row.posts_last_30_days))
        .optional_number("fatigue_score", rows().map(|row| row.fatigue_score))
        .text_where_known("as_of", rows().map(|row| row.as_of.map(|at| at.to_string())))
        .optional_number("momentum_score", rows().map(|row| row.momentum_score))
        .optional_number("visibility_score", rows().map(|row| row.visibility_score))
        .optional_number("engagement_score", rows().map(|row| row.engagement_score))
        .frame()
}

fn assets(files: &ScenarioFiles) -> PolarsResult<DataFrame> {
    let rows = || files.assets.iter();
    Columns::new(files.assets.len())
        .text("asset_id", rows().map(|row| row.asset_id.as_str()))
        .text("client_id", rows().map(|row| row.client_id.as_str()))
        .optional_text("campaign_id", rows().map(|row| row.campaign_id.as_deref()))
        .text("kind", rows().map(|row| row.kind.as_str()))
        .text("channels", rows().map(|row| channel_list(&row.channels)))
        .text("created_at", rows().map(|row| row.created_at.to_string()))
        .optional_number("quality_score", rows().map(|row| row.quality_score))
        .optional_number("brand_consistency", rows().map(|row| row.brand_consistency))
        .optional_number("value", rows().map(|row| row.value))
        .optional_number("impact", rows().map(|row| row.impact))
        .optional_text("parent_id", rows().map(|row| row.parent_id.as_deref()))
        .count("evolution_step", rows().map(|row| Some(row.evolution_step)))
        .text("title", rows().map(|row| row.title.as_str()))
        .text("body", rows().map(|row| row.body.as_str()))
        .text_where_known("media_url", rows().map(|row| Some(row.media_url.clone()).filter(|url| !url.is_empty())))
        .text_where_known("tags", rows().map(|row| Some(row.tags.clone()).filter(|tags| !tags.is_empty())))
        .frame()
}

fn campaigns(files: &ScenarioFiles) -> PolarsResult<DataFrame> {
    let rows = || files.campaigns.iter();
    Columns::new(files.campaigns.len())
        .text("campaign_id", rows().map(|row| row.campaign_id.as_str()))
        .text("client_id", rows().map(|row| row.client_id.as_str()))
        .text("name", rows().map(|row| row.name.as_str()))
        .text("goal", rows().map(|row| row.goal.as_str()))
        .text("starts_on", rows().map(|row| row.starts_on.to_string()))
        .text("ends_on", rows().map(|row| row.ends_on.to_string()))
        .text("channels", rows().map(|row| channel_list(&row.channels)))
        .number("weight", rows().map(|row| row.weight))
        .flag_where_set("any_asset", rows().map(|row| row.any_asset))
        .frame()
}

fn policies(files: &ScenarioFiles) -> PolarsResult<DataFrame> {
    let rows = || files.policies.iter();
    Columns::new(files.policies.len())
        .text("client_id", rows().map(|row| row.client_id.as_str()))
        .flag("agent_enabled", rows().map(|row| row.agent_enabled))
        .flag("auto_exec_enabled", rows().map(|row| row.auto_exec_enabled))
        .count("max_actions_per_day", rows().map(|row| Some(row.max_actions_per_day)))
        .flag("pause_on_high_severity_warning", rows().map(|row| row.pause_on_high_severity_warning))
        .frame()
}

fn warnings(files: &ScenarioFiles) -> PolarsResult<DataFrame> {
    let rows = || files.warnings.iter();
    Columns::new(files.warnings.len())
        .text("warning_id", rows().map(|row| row.warning_id.as_str()))
        .text("client_id", rows().map(|row| row.client_id.as_str()))
        .text("type", rows().map(|row| row.kind.as_str()))
        .text("severity", rows().map(|row| row.severity.name()))
        .text("status", rows().map(|row| row.status.name()))
        .text("opened_at", rows().map(|row| row.opened_at.to_string()))
        .frame()
}

fn reality(files: &ScenarioFiles) -> PolarsResult<DataFrame> {
    let rows = || files.reality.iter();
    Columns::new(files.reality.len())
        .text("client_id", rows().map(|row| row.client_id.as_str()))
        .text("as_of", rows().map(|row| row.as_of.to_string()))
        .number("perceived_score", rows().map(|row| row.perceived_score))
        .optional_number("true_score", rows().map(|row| row.true_score))
        .number("confidence", rows().map(|row| row.confidence))
        .number("completeness", rows().map(|row| row.completeness))
        .frame()
}

fn calendar(files: &ScenarioFiles) -> PolarsResult<DataFrame> {
    let rows = || files.calendar.iter();
    Columns::new(files.calendar.len())
        .text("scope", rows().map(|row| row.scope.as_str()))
        .optional_text("date", rows().map(|row| (row.from == row.to).then(|| row.from.to_string())))
        .optional_text("from", rows().map(|row| (row.from != row.to).then(|| row.from.to_string())))
        .optional_text("to", rows().map(|row| (row.from != row.to).then(|| row.to.to_string())))
        .text("kind", rows().map(|row| row.kind.name()))
        .optional_number("factor", rows().map(|row| row.factor))
        .text("name", rows().map(|row| row.name.as_str()))
        .frame()
}

fn history(files: &ScenarioFiles) -> PolarsResult<DataFrame> {
    let rows = || files.history.iter();
    Columns::new(files.history.len())
        .text("client_id", rows().map(|row| row.client_id.as_str()))
        .text("channel", rows().map(|row| row.channel.name()))
        .text("published_at", rows().map(|row| row.published_at.to_string()))
        .optional_text("asset_id", rows().map(|row| row.asset_id.as_deref()))
        .optional_text("content_type", rows().map(|row| row.content_type.as_deref()))
        .optional_number("reach", rows().map(|row| row.reach))
        .optional_number("engagements", rows().map(|row| row.engagements))
        .frame()
}

/// Writes the files into a folder, for tests.
#[cfg(test)]
pub(crate) fn write_folder(dir: &std::path::Path, files: &ScenarioFiles) -> Result<(), ScenarioError> {
    std::fs::create_dir_all(dir).unwrap();
    for (name, bytes) in render(files)? {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Policy;
    use crate::scenario::{GenerateOptions, generate, read};

    fn policy() -> Policy {
        Policy {
            agent_enabled: true,
            auto_exec_enabled: true,
            max_actions_per_day: 10,
            pause_on_high_severity_warning: true,
        }
    }

    #[test]
    fn what_is_written_reads_back_the_same_from_csv_and_from_parquet() {
        let options = GenerateOptions {
            clients: 4,
            seed: 11,
            weeks: 3,
            start: "2026-W40".parse().unwrap(),
            name: "round \"trip\"".to_owned(),
        };
        let mut files = generate(&options).unwrap();
        files.assets[0].title = "Quotes \", commas, and\nlines".to_owned();
        files.channels[0].audience = 0.1 + 0.2;
        let dir = tempfile::tempdir().unwrap();
        let csv = dir.path().join("csv");
        write_folder(&csv, &files).unwrap();
        files.manifest.files.values_mut().for_each(|file| *file = file.replace(".csv", ".parquet"));
        let parquet = dir.path().join("parquet");
        write_folder(&parquet, &files).unwrap();
        let (csv, parquet) = (read(&csv, &policy()).unwrap(), read(&parquet, &policy()).unwrap());
        assert_eq!(csv.clients, parquet.clients);
        assert_eq!(csv.name, "round \"trip\"");
        let titles = csv.clients.iter().flat_map(|(client, _)| &client.assets).map(|asset| asset.title.as_ref());
        assert!(titles.into_iter().any(|title| title == "Quotes \", commas, and\nlines"));
        assert!(csv.clients.iter().any(|(_, state)| state.channels.iter().any(|one| one.audience == 0.1 + 0.2)));
    }

    #[test]
    fn whether_any_asset_serves_a_campaign_is_written_where_one_says_so_and_is_otherwise_no() {
        let options =
            GenerateOptions { clients: 6, seed: 3, weeks: 2, start: "2026-W40".parse().unwrap(), name: "x".to_owned() };
        let mut files = generate(&options).unwrap();
        let count = files.campaigns.len();
        assert!(count > 1);
        let dir = tempfile::tempdir().unwrap();
        let read_back = |files: &ScenarioFiles, name: &str| -> (String, usize) {
            let folder = dir.path().join(name);
            write_folder(&folder, files).unwrap();
            let heading = std::fs::read_to_string(folder.join("campaigns.csv")).unwrap();
            let scenario = read(&folder, &policy()).unwrap();
            let campaigns = scenario.clients.iter().flat_map(|(client, _)| &client.campaigns);
            (heading.lines().next().unwrap().to_owned(), campaigns.filter(|campaign| campaign.any_asset).count())
        };
        let (heading, open) = read_back(&files, "older");
        assert!(heading.ends_with(",weight") && open == 0, "{heading}");
        files.campaigns[1].any_asset = true;
        let (heading, open) = read_back(&files, "newer");
        assert!(heading.ends_with(",weight,any_asset") && open == 1, "{heading}");
    }

    #[test]
    fn a_bad_cell_of_a_parquet_file_is_named_by_its_row() {
        let options =
            GenerateOptions { clients: 1, seed: 1, weeks: 1, start: "2026-W40".parse().unwrap(), name: "x".to_owned() };
        let mut files = generate(&options).unwrap();
        files.channels[1].audience = -5.0;
        files.manifest.files.insert("channels".to_owned(), "channels.parquet".to_owned());
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("scenario");
        write_folder(&folder, &files).unwrap();
        let errors = read(&folder, &policy()).unwrap_err().to_string();
        assert!(errors.starts_with("channels.parquet: row 2, column `audience`: `-5.0` is out of range"), "{errors}");
    }
}
