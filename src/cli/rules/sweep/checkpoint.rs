//! Checkpoint file of a running sweep: stores finished points, so that an interrupted sweep can be resumed.
//!
//! One JSON Lines file next to the sweep's output folder: a header line with everything that determines the results,
//! then one line per point. It is removed once the output folder is complete.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::files;
use crate::simulator::Outcome;

/// Version of the file's format and of the meaning of its numbers. Since version 2, each replication has its own world,
/// and hours are measured by the base pack's fatigue levels.
pub(super) const FORMAT: u32 = 2;

/// Everything that determines the results of a sweep's points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
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

/// The open checkpoint file, shared by threads.
pub(super) struct CheckpointFile {
    path: PathBuf,
    lines: Mutex<Lines>,
}

/// The open file and its length up to the last complete line.
struct Lines {
    file: File,
    bytes: u64,
}

impl Lines {
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
struct Found {
    head: Option<Head>,
    outcomes: Vec<Outcome>,
    /// Length in bytes up to the end of the last complete line.
    whole: usize,
}

impl CheckpointFile {
    /// Opens or creates the checkpoint file next to `out`, and returns the points in it. `fits` checks whether a point
    /// belongs to this sweep.
    pub fn open(
        out: &Path,
        head: &Head,
        restart: bool,
        fits: impl Fn(&Outcome) -> bool,
    ) -> Result<(Self, Vec<Outcome>), Failure> {
        let path = place_beside(out);
        let failed = |error: io::Error| machine("keep points in", &path, &error);
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(failed)?;
        }
        let file = opened(&path)?;
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            let shown = path.display();
            let remedy = "wait until it is done, or name another --out";
            return Err(Failure::Input(format!("error: another mcoe keeps points in `{shown}`\n  remedy: {remedy}")));
        }
        let text = files::read(&path, MOST_KEPT).map_err(|error| not_ours(&path, &error.to_string()))?;
        let text = String::from_utf8_lossy(&text);
        if !is_ours(&text) {
            return Err(not_ours(&path, "line 1 does not say what is kept in it"));
        }
        let found = read(if restart { "" } else { &text }).map_err(|cause| foreign(&path, &cause))?;
        if let Some(kept) = found.head.as_ref().filter(|kept| *kept != head) {
            return Err(foreign(&path, &unlike(kept, head, found.outcomes.len())));
        }
        if let Some(strange) = found.outcomes.iter().find(|outcome| !fits(outcome)) {
            return Err(foreign(&path, &format!("it keeps another point {}", strange.point)));
        }
        file.set_len(found.whole as u64).map_err(failed)?;
        let mut lines = Lines { file, bytes: found.whole as u64 };
        if found.head.is_none() {
            lines.add(&line(head)).map_err(failed)?;
        }
        Ok((Self { path, lines: Mutex::new(lines) }, found.outcomes))
    }

    /// Stores a point in a single write, so that a killed process leaves at most one incomplete line.
    pub fn keep(&self, outcome: &Outcome) -> Result<(), Failure> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.add(&line(outcome)).map_err(|error| machine("keep points in", &self.path, &error))
    }

    /// Removes the file; its points are in the report.
    pub fn remove(self) -> Result<(), Failure> {
        fs::remove_file(&self.path).map_err(|error| machine("remove", &self.path, &error))
    }
}

/// Opens or creates the file. Its name is predictable, so links are not followed.
fn opened(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(path).map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => not_ours(path, "it is a link"),
        _ => machine("keep points in", path, &error),
    })?;
    let is_file = file.metadata().is_ok_and(|found| found.is_file());
    if is_file { Ok(file) } else { Err(not_ours(path, "it is not a file")) }
}

/// The first bytes of every checkpoint file.
const BEGINNING: &str = "{\"format\":";

/// Maximum size of a checkpoint file, in bytes.
const MOST_KEPT: u64 = 1 << 30;

/// Whether a sweep wrote the file, even if only part of its first line.
fn is_ours(text: &str) -> bool {
    text.starts_with(BEGINNING) || BEGINNING.starts_with(text)
}

fn place_beside(out: &Path) -> PathBuf {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!(".{name}.sweep.jsonl"))
}

fn line(of: &impl Serialize) -> String {
    // Serialising numbers, texts and lists of them as JSON cannot fail.
    let text = serde_json::to_string(of).unwrap_or_default();
    format!("{text}\n")
}

/// Parses complete lines; an incomplete last line, left by a killed process, is ignored.
fn read(text: &str) -> Result<Found, String> {
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let mut lines = text.get(..whole).unwrap_or_default().lines();
    let Some(first) = lines.next() else { return Ok(Found { head: None, outcomes: Vec::new(), whole: 0 }) };
    let head = serde_json::from_str(first).map_err(|_| "line 1 does not say what is kept in it".to_owned())?;
    let outcome = |(line, number): (&str, u32)| {
        serde_json::from_str::<Outcome>(line).map_err(|_| format!("line {number} is no point of a sweep"))
    };
    let outcomes = lines.zip(2..).map(outcome).collect::<Result<_, _>>()?;
    Ok(Found { head: Some(head), outcomes, whole })
}

/// Describes how the stored header differs from the requested one.
fn unlike(kept: &Head, asked: &Head, points: usize) -> String {
    let fields = |head: &Head| match serde_json::to_value(head) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let asked = fields(asked);
    let differ = fields(kept).into_iter().filter_map(|(name, was)| {
        let now = asked.get(&name).filter(|now| **now != was)?;
        Some(format!("its {} is {was}, not {now}", name.replace('_', " ")))
    });
    format!("it keeps {points} point(s) of another sweep: {}", differ.collect::<Vec<_>>().join("; "))
}

fn foreign(path: &Path, cause: &str) -> Failure {
    let remedy = "give the same command as before to go on, add --restart to begin anew, or name another --out";
    Failure::Input(format!("error: `{}` cannot be gone on from: {cause}\n  remedy: {remedy}", path.display()))
}

/// The error about a file at the checkpoint's path that was not written by a sweep.
fn not_ours(path: &Path, cause: &str) -> Failure {
    let remedy = "move it elsewhere, or name another --out";
    Failure::Input(format!("error: no points can be kept in `{}`: {cause}\n  remedy: {remedy}", path.display()))
}

fn machine(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Machine(format!("error: cannot {what} `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
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

    fn outcome(point: u32) -> Outcome {
        Outcome { point, rules_hash: "cc".to_owned(), rows: vec![[0.1 + 0.2; 12]] }
    }

    fn said(opened: Result<(CheckpointFile, Vec<Outcome>), Failure>) -> String {
        opened.err().unwrap().message().to_owned()
    }

    #[test]
    fn points_are_found_again_to_the_last_bit_and_a_torn_line_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("run");
        let (kept, found) = CheckpointFile::open(&out, &head(), false, |_| true).unwrap();
        assert!(found.is_empty());
        kept.keep(&outcome(2)).unwrap();
        kept.keep(&outcome(1)).unwrap();
        drop(kept);
        let path = dir.path().join(".run.sweep.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{}", line(&outcome(3)).trim_end())).unwrap();
        let (kept, found) = CheckpointFile::open(&out, &head(), false, |_| true).unwrap();
        assert_eq!(found, [outcome(2), outcome(1)]);
        kept.keep(&outcome(3)).unwrap();
        kept.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_torn_head_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".run.sweep.jsonl"), "{\"format\":1").unwrap();
        let (_, found) = CheckpointFile::open(&dir.path().join("run"), &head(), false, |_| true).unwrap();
        assert!(found.is_empty());
        assert_eq!(fs::read_to_string(dir.path().join(".run.sweep.jsonl")).unwrap(), line(&head()));
    }

    #[test]
    fn points_of_another_sweep_are_refused_and_what_differs_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("run");
        let (kept, _) = CheckpointFile::open(&out, &head(), false, |_| true).unwrap();
        kept.keep(&outcome(1)).unwrap();
        let text = said(CheckpointFile::open(&out, &head(), false, |_| true));
        assert!(text.contains("another mcoe keeps points"), "{text}");
        drop(kept);
        let other = Head { seed: 2, rules_hash: "dd".to_owned(), ..head() };
        let text = said(CheckpointFile::open(&out, &other, false, |_| true));
        assert!(text.contains("keeps 1 point(s) of another sweep"), "{text}");
        assert!(text.contains("its seed is 1, not 2") && text.contains("its rules hash is \"bb\""), "{text}");
        assert!(text.contains("--restart"), "{text}");
        let text = said(CheckpointFile::open(&out, &head(), false, |outcome| outcome.point > 1));
        assert!(text.contains("another point 1"), "{text}");
        let (_, found) = CheckpointFile::open(&out, &other, true, |_| true).unwrap();
        assert!(found.is_empty());
    }

    #[test]
    fn what_is_no_such_file_is_refused_by_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let (out, path) = (dir.path().join("run"), dir.path().join(".run.sweep.jsonl"));
        for foreign in ["notes of my own", "notes of my own\n"] {
            fs::write(&path, foreign).unwrap();
            assert!(said(CheckpointFile::open(&out, &head(), true, |_| true)).contains("line 1 "));
            assert_eq!(fs::read_to_string(&path).unwrap(), foreign);
        }
        assert!(said(CheckpointFile::open(&out, &head(), false, |_| true)).contains("line 1 "));
        fs::write(&path, format!("{}spoilt\n{}", line(&head()), line(&outcome(1)))).unwrap();
        assert!(said(CheckpointFile::open(&out, &head(), false, |_| true)).contains("line 2 "));
    }
}
