//! Checkpoint file of a running sweep: stores finished points, so that an interrupted sweep can be resumed.
//!
//! It is a JSON Lines file next to the sweep's output folder: a header line with everything that determines the
//! results, then one line per point. It is removed once the output folder is complete.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::files;
use crate::simulator::PointOutcome;

/// Version of the file's format and of the meaning of its numbers. Since version 2, the true response of the audiences
/// is drawn for each replication, and hours of high fatigue are counted with the thresholds of the base pack. Since
/// version 3, net worth, work and audience are measured.
pub(super) const FORMAT: u32 = 3;

/// Everything that determines the results of a sweep's points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// Version of the file's format.
    pub format: u32,
    /// Version of the engine.
    pub engine: String,
    pub scenario_hash: String,
    pub rules_hash: String,
    pub set: Vec<String>,
    pub design: String,
    pub points: usize,
    pub weeks: u32,
    pub replications: u32,
    pub seed: u64,
    pub tier: String,
}

/// An open checkpoint file, to which several threads add points.
pub(super) struct CheckpointFile {
    path: PathBuf,
    writer: Mutex<CheckpointWriter>,
}

/// The open file and its length up to the last complete line.
struct CheckpointWriter {
    file: File,
    bytes: u64,
}

impl CheckpointWriter {
    /// Appends a line, or leaves the file unchanged.
    fn add(&mut self, line: &str) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.bytes))?;
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // If even this fails, the reader ignores the incomplete line at the end.
            let _ = self.file.set_len(self.bytes);
            return Err(error);
        }
        self.bytes += line.len() as u64;
        Ok(())
    }
}

/// The parsed contents of a checkpoint file.
struct Contents {
    header: Option<Header>,
    outcomes: Vec<PointOutcome>,
    /// Length in bytes up to the end of the last complete line.
    complete_bytes: usize,
}

impl CheckpointFile {
    /// Opens or creates the checkpoint file next to `out`, and returns the points that it stores. `belongs` says
    /// whether a point belongs to this sweep.
    pub fn open(
        out: &Path,
        header: &Header,
        restart: bool,
        belongs: impl Fn(&PointOutcome) -> bool,
    ) -> Result<(Self, Vec<PointOutcome>), Failure> {
        let path = checkpoint_path(out);
        let store_failure = |error: io::Error| system_failure("store points in", &path, &error);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(store_failure)?;
        }
        let file = open_file(&path)?;
        // Where the file system has no locks, the sweep runs without one.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            let shown = path.display();
            let remedy = "wait until it has finished, or use another --out";
            return Err(Failure::input(format!("another mcoe process is using `{shown}`"), remedy));
        }
        let bytes =
            files::read(&path, MAX_CHECKPOINT_BYTES).map_err(|error| not_a_checkpoint(&path, &error.to_string()))?;
        let text = String::from_utf8_lossy(&bytes);
        if !is_checkpoint(&text) {
            return Err(not_a_checkpoint(&path, "line 1 is not the header of a sweep"));
        }
        let contents = parse(if restart { "" } else { &text }).map_err(|cause| cannot_resume(&path, &cause))?;
        if let Some(stored) = contents.header.as_ref().filter(|stored| *stored != header) {
            return Err(cannot_resume(&path, &describe_difference(stored, header, contents.outcomes.len())));
        }
        if let Some(other) = contents.outcomes.iter().find(|outcome| !belongs(outcome)) {
            return Err(cannot_resume(&path, &format!("it has a different point {}", other.point)));
        }
        file.set_len(contents.complete_bytes as u64).map_err(store_failure)?;
        let mut writer = CheckpointWriter { file, bytes: contents.complete_bytes as u64 };
        if contents.header.is_none() {
            writer.add(&json_line(header)).map_err(store_failure)?;
        }
        Ok((Self { path, writer: Mutex::new(writer) }, contents.outcomes))
    }

    /// Stores a point in a single write, so that a killed process leaves at most one incomplete line.
    pub fn add(&self, outcome: &PointOutcome) -> Result<(), Failure> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.add(&json_line(outcome)).map_err(|error| system_failure("store points in", &self.path, &error))
    }

    /// Removes the file; its points are in the report.
    pub fn remove(self) -> Result<(), Failure> {
        fs::remove_file(&self.path).map_err(|error| system_failure("remove", &self.path, &error))
    }
}

/// Opens or creates the file. Its name is predictable, so links are not followed.
fn open_file(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(path).map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => not_a_checkpoint(path, "it is a symbolic link"),
        _ => system_failure("store points in", path, &error),
    })?;
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if is_file { Ok(file) } else { Err(not_a_checkpoint(path, "it is not a regular file")) }
}

/// The first bytes of every checkpoint file.
const FIRST_BYTES: &str = "{\"format\":";

/// Maximum size of a checkpoint file, in bytes.
const MAX_CHECKPOINT_BYTES: u64 = 1 << 30;

/// Whether a sweep wrote the file, even if only part of its first line.
fn is_checkpoint(text: &str) -> bool {
    text.starts_with(FIRST_BYTES) || FIRST_BYTES.starts_with(text)
}

fn checkpoint_path(out: &Path) -> PathBuf {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!(".{name}.sweep.jsonl"))
}

fn json_line(value: &impl Serialize) -> String {
    // Serialising numbers, texts and lists of them as JSON cannot fail.
    let text = serde_json::to_string(value).unwrap_or_default();
    format!("{text}\n")
}

/// Parses complete lines; an incomplete last line, left by a killed process, is ignored.
fn parse(text: &str) -> Result<Contents, String> {
    let complete_bytes = text.rfind('\n').map_or(0, |end| end + 1);
    let mut lines = text.get(..complete_bytes).unwrap_or_default().lines();
    let Some(first) = lines.next() else {
        return Ok(Contents { header: None, outcomes: Vec::new(), complete_bytes: 0 });
    };
    let header = serde_json::from_str(first).map_err(|_| "line 1 is not the header of a sweep".to_owned())?;
    let outcome = |(line, number): (&str, u32)| {
        serde_json::from_str::<PointOutcome>(line).map_err(|_| format!("line {number} is not a point of a sweep"))
    };
    let outcomes = lines.zip(2..).map(outcome).collect::<Result<_, _>>()?;
    Ok(Contents { header: Some(header), outcomes, complete_bytes })
}

/// Describes how the stored header differs from the requested one.
fn describe_difference(stored: &Header, requested: &Header, points: usize) -> String {
    let fields = |header: &Header| match serde_json::to_value(header) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let requested = fields(requested);
    let differ = fields(stored).into_iter().filter_map(|(name, stored)| {
        let requested = requested.get(&name).filter(|requested| **requested != stored)?;
        Some(format!("its {} is {stored} instead of {requested}", name.replace('_', " ")))
    });
    format!("it has {points} point(s) of a different sweep: {}", differ.collect::<Vec<_>>().join("; "))
}

fn cannot_resume(path: &Path, cause: &str) -> Failure {
    let remedy = "repeat the previous command to resume, add --restart to start over, or use another --out";
    Failure::input(format!("cannot resume from `{}`: {cause}", path.display()), remedy)
}

/// The error about a file at the checkpoint's path that was not written by a sweep.
fn not_a_checkpoint(path: &Path, cause: &str) -> Failure {
    let remedy = "move the file elsewhere, or use another --out";
    Failure::input(format!("cannot store points in `{}`: {cause}", path.display()), remedy)
}

fn system_failure(action: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::system(format!("cannot {action} `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::Measure;

    fn header() -> Header {
        Header {
            format: FORMAT,
            engine: "0.1.0".to_owned(),
            scenario_hash: "aa".to_owned(),
            rules_hash: "bb".to_owned(),
            set: vec!["fatigue.warn_at=0.4,0.5".to_owned()],
            design: "grid".to_owned(),
            points: 2,
            weeks: 4,
            replications: 1,
            seed: 1,
            tier: "exact".to_owned(),
        }
    }

    fn outcome(point: u32) -> PointOutcome {
        PointOutcome { point, rules_hash: "cc".to_owned(), rows: vec![[0.1 + 0.2; Measure::ALL.len()]] }
    }

    fn error_message(opened: Result<(CheckpointFile, Vec<PointOutcome>), Failure>) -> String {
        opened.err().unwrap().message().to_owned()
    }

    #[test]
    fn points_are_read_back_exactly_and_an_incomplete_line_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("run");
        let (checkpoint, stored_points) = CheckpointFile::open(&out, &header(), false, |_| true).unwrap();
        assert!(stored_points.is_empty());
        checkpoint.add(&outcome(2)).unwrap();
        checkpoint.add(&outcome(1)).unwrap();
        drop(checkpoint);
        let path = dir.path().join(".run.sweep.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{}", json_line(&outcome(3)).trim_end())).unwrap();
        let (checkpoint, stored_points) = CheckpointFile::open(&out, &header(), false, |_| true).unwrap();
        assert_eq!(stored_points, [outcome(2), outcome(1)]);
        checkpoint.add(&outcome(3)).unwrap();
        checkpoint.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn an_incomplete_header_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".run.sweep.jsonl"), "{\"format\":1").unwrap();
        let (_, stored_points) = CheckpointFile::open(&dir.path().join("run"), &header(), false, |_| true).unwrap();
        assert!(stored_points.is_empty());
        assert_eq!(fs::read_to_string(dir.path().join(".run.sweep.jsonl")).unwrap(), json_line(&header()));
    }

    #[test]
    fn the_points_of_a_different_sweep_are_rejected_with_the_difference() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("run");
        let (checkpoint, _) = CheckpointFile::open(&out, &header(), false, |_| true).unwrap();
        checkpoint.add(&outcome(1)).unwrap();
        let text = error_message(CheckpointFile::open(&out, &header(), false, |_| true));
        assert!(text.contains("another mcoe process is using"), "{text}");
        drop(checkpoint);
        let other = Header { seed: 2, rules_hash: "dd".to_owned(), ..header() };
        let text = error_message(CheckpointFile::open(&out, &other, false, |_| true));
        assert!(text.contains("has 1 point(s) of a different sweep"), "{text}");
        assert!(text.contains("its seed is 1 instead of 2") && text.contains("its rules hash is \"bb\""), "{text}");
        assert!(text.contains("--restart"), "{text}");
        let text = error_message(CheckpointFile::open(&out, &header(), false, |outcome| outcome.point > 1));
        assert!(text.contains("a different point 1"), "{text}");
        let (_, stored_points) = CheckpointFile::open(&out, &other, true, |_| true).unwrap();
        assert!(stored_points.is_empty());
    }

    #[test]
    fn a_file_that_is_not_a_checkpoint_is_rejected() {
        let dir = tempfile::tempdir().unwrap();
        let (out, path) = (dir.path().join("run"), dir.path().join(".run.sweep.jsonl"));
        for text in ["notes of my own", "notes of my own\n"] {
            fs::write(&path, text).unwrap();
            assert!(error_message(CheckpointFile::open(&out, &header(), true, |_| true)).contains("line 1 "));
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert!(error_message(CheckpointFile::open(&out, &header(), false, |_| true)).contains("line 1 "));
        fs::write(&path, format!("{}invalid\n{}", json_line(&header()), json_line(&outcome(1)))).unwrap();
        assert!(error_message(CheckpointFile::open(&out, &header(), false, |_| true)).contains("line 2 "));
    }
}
