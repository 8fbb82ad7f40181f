//! Renders the files of a scenario folder as bytes. Nothing is written to disk here.

use polars_core::prelude::{DataFrame, PolarsError, PolarsResult};

use super::error::ScenarioError;
use super::generate::TrueResponse;
use super::scenario_files::ScenarioFiles;
use super::table_file::FileKind;
use crate::diagnostic::{Diagnostic, Place};
use crate::frames::{self, frame_of_rows};
use crate::model::{Record, WorldRow};
use crate::tables::{MANIFEST_FILE, is_allowed_start};

/// The file with the true response of a generated scenario. It is not part of the scenario, and no command reads it.
const TRUTH_FILE: &str = "truth/world.csv";

/// The name and content of each file of a scenario folder, the manifest last. Tables without rows are omitted, except
/// clients and channels. File names and formats come from the manifest.
///
/// # Errors
/// If the first week is out of range, a file name does not end in `.csv` or `.parquet`, or a table cannot be
/// encoded.
pub fn render(files: &ScenarioFiles) -> Result<Vec<(String, Vec<u8>)>, ScenarioError> {
    let mut manifest = files.manifest.clone();
    if !is_allowed_start(manifest.start) {
        let cause = format!("a scenario cannot start in {}", manifest.start);
        return Err(Diagnostic::new("out_of_range", Place::None, cause, "use another week").into());
    }
    let mut rendered = Vec::new();
    for (table, frame) in table_frames(files) {
        let file = manifest.files.entry(table.to_owned()).or_insert_with(|| format!("{table}.csv")).clone();
        let frame = frame.map_err(|error| encode_error(&file, &error))?;
        if matches!(table, "clients" | "channels") || frame.height() > 0 {
            let bytes = table_bytes(&file, frame)?;
            rendered.push((file, bytes));
        } else {
            manifest.files.remove(table);
        }
    }
    rendered.push((MANIFEST_FILE.to_owned(), manifest.to_toml().into_bytes()));
    Ok(rendered)
}

/// The file with the true response of a generated scenario, in the columns of the table `world`: its path within the
/// scenario's folder, and its content.
///
/// # Errors
/// If the table cannot be encoded.
pub fn render_truth(truth: &[TrueResponse]) -> Result<(String, Vec<u8>), ScenarioError> {
    let frame = frame_of_rows::<WorldRow, _>(truth.iter().flat_map(TrueResponse::rows));
    let bytes = frame.and_then(frames::csv).map_err(|error| encode_error(TRUTH_FILE, &error))?;
    Ok((TRUTH_FILE.to_owned(), bytes))
}

fn table_bytes(name: &str, frame: DataFrame) -> Result<Vec<u8>, ScenarioError> {
    let bytes = match FileKind::of(name) {
        Some(FileKind::Csv) => frames::csv(frame),
        Some(FileKind::Parquet) => frames::parquet(frame),
        None => Err(PolarsError::InvalidOperation(format!("`{name}` is neither .csv nor .parquet").into())),
    };
    bytes.map_err(|error| encode_error(name, &error))
}

fn encode_error(name: &str, error: &PolarsError) -> ScenarioError {
    ScenarioError::Encode { name: name.to_owned(), cause: error.to_string() }
}

fn table_frame<R: Record>(rows: &[R]) -> PolarsResult<DataFrame> {
    frame_of_rows::<R, _>(rows.iter())
}

fn table_frames(files: &ScenarioFiles) -> [(&'static str, PolarsResult<DataFrame>); 11] {
    [
        ("clients", table_frame(&files.clients)),
        ("channels", table_frame(&files.channels)),
        ("assets", table_frame(&files.assets)),
        ("campaigns", table_frame(&files.campaigns)),
        ("policies", table_frame(&files.policies)),
        ("limits", table_frame(&files.limits)),
        ("warnings", table_frame(&files.warnings)),
        ("reality", table_frame(&files.reality)),
        ("calendar", table_frame(&files.calendar)),
        ("history", table_frame(&files.history)),
        ("world", table_frame(&files.world)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::tests::{policy, write_folder};
    use crate::scenario::{DEFAULT_HISTORY_DAYS, GenerateOptions, generate, read};

    fn generated(clients: u32, seed: u64, weeks: u32, name: &str) -> ScenarioFiles {
        let start = "2026-W40".parse().unwrap();
        let name = name.to_owned();
        let options = GenerateOptions { clients, seed, weeks, history_days: DEFAULT_HISTORY_DAYS, start, name };
        generate(&options).unwrap().files
    }

    #[test]
    fn csv_and_parquet_files_are_read_back_to_the_same_scenario() {
        let mut files = generated(4, 11, 3, "round \"trip\"");
        files.assets[0].title = "Quotes \", commas, and\nlines".into();
        files.channels[0].audience = 0.1 + 0.2;
        let dir = tempfile::tempdir().unwrap();
        let csv = dir.path().join("csv");
        write_folder(&csv, &files);
        files.manifest.files.values_mut().for_each(|file| *file = file.replace(".csv", ".parquet"));
        let parquet = dir.path().join("parquet");
        write_folder(&parquet, &files);
        let (csv, parquet) = (read(&csv, &policy()).unwrap(), read(&parquet, &policy()).unwrap());
        assert_eq!(csv.clients, parquet.clients);
        assert_eq!(csv.name, "round \"trip\"");
        let titles = csv.clients.iter().flat_map(|(client, _)| &client.assets).map(|asset| asset.title.as_ref());
        assert!(titles.into_iter().any(|title| title == "Quotes \", commas, and\nlines"));
        assert!(
            csv.clients.iter().any(|(_, state)| state.channels.iter().any(|channel| channel.audience == 0.1 + 0.2))
        );
    }

    #[test]
    fn the_column_any_asset_is_written_only_if_a_campaign_sets_it() {
        let mut files = generated(6, 3, 2, "x");
        let count = files.campaigns.len();
        assert!(count > 1);
        let dir = tempfile::tempdir().unwrap();
        let read_back = |files: &ScenarioFiles, name: &str| -> (String, usize) {
            let folder = dir.path().join(name);
            write_folder(&folder, files);
            let table = std::fs::read_to_string(folder.join("campaigns.csv")).unwrap();
            let scenario = read(&folder, &policy()).unwrap();
            let campaigns = scenario.clients.iter().flat_map(|(client, _)| &client.campaigns);
            (table.lines().next().unwrap().to_owned(), campaigns.filter(|campaign| campaign.any_asset).count())
        };
        let (header, flagged) = read_back(&files, "unset");
        assert!(header.ends_with(",weight") && flagged == 0, "{header}");
        files.campaigns[1].any_asset = true;
        let (header, flagged) = read_back(&files, "set");
        assert!(header.ends_with(",weight,any_asset") && flagged == 1, "{header}");
    }

    #[test]
    fn an_invalid_cell_of_a_parquet_file_is_reported_with_its_row() {
        let options = GenerateOptions {
            clients: 1,
            seed: 1,
            weeks: 1,
            history_days: DEFAULT_HISTORY_DAYS,
            start: "2026-W40".parse().unwrap(),
            name: "x".to_owned(),
        };
        let mut files = generate(&options).unwrap().files;
        files.channels[1].audience = -5.0;
        files.manifest.files.insert("channels".to_owned(), "channels.parquet".to_owned());
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("scenario");
        write_folder(&folder, &files);
        let errors = read(&folder, &policy()).unwrap_err().to_string();
        assert!(errors.starts_with("channels.parquet: row 2, column `audience`: `-5.0` is out of range"), "{errors}");
    }
}
