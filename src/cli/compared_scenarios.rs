//! The scenarios that `mcoe compare` compares: which are rejected, and how they are labelled.

use std::path::Path;

use super::Globals;
use super::failure::{Failure, NOTHING_WRITTEN};
use crate::model::Scenario;

/// Fails if a folder is given twice, even by different paths.
pub(super) fn check_distinct(dirs: &[&Path]) -> Result<(), Failure> {
    let canonical = |dir: &Path| dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    for (index, dir) in dirs.iter().enumerate() {
        let Some(first) = dirs.iter().take(index).find(|other| canonical(other) == canonical(dir)) else { continue };
        return Err(Failure::input(
            format!("the scenario `{}` was given twice, the second time as `{}`", first.display(), dir.display()),
            "give the folder of another scenario, such as a changed copy of this one",
        )
        .with_line(NOTHING_WRITTEN));
    }
    Ok(())
}

/// Fails if a scenario starts in another week than the first one, since it then describes the state at another date.
pub(super) fn check_starts(scenarios: &[Scenario], dirs: &[&Path]) -> Result<(), Failure> {
    let mut pairs = scenarios.iter().zip(dirs);
    let Some((base, base_dir)) = pairs.next() else { return Ok(()) };
    let Some((other, dir)) = pairs.find(|(other, _)| other.start != base.start) else { return Ok(()) };
    let [base_start, start] = [base, other].map(|scenario| scenario.start.monday());
    Err(Failure::input(
        format!(
            "{}: `start` is {start}, but {} has {base_start}; weeks with different dates cannot be compared",
            dir.join("scenario.toml").display(),
            base_dir.join("scenario.toml").display(),
        ),
        format!("describe both scenarios as of the same Monday, with `start = \"{base_start}\"`"),
    )
    .with_line(NOTHING_WRITTEN))
}

/// Prints a note on stderr for each scenario that is not simulated over the number of weeks that it states.
pub(super) fn note_different_lengths(scenarios: &[Scenario], dirs: &[&Path], weeks: u32, globals: &Globals) {
    for (scenario, dir) in scenarios.iter().zip(dirs).filter(|(scenario, _)| scenario.weeks != weeks) {
        globals.info(&format!(
            "note: {}: `weeks` is {}, but every scenario is simulated over the {weeks} weeks of the first",
            dir.join("scenario.toml").display(),
            scenario.weeks
        ));
    }
}

/// Labels of the scenarios: each scenario's name or, if another has the same name, the name of its folder or, if that
/// is not unique either, its path.
pub(super) fn scenario_labels(names: &[&str], dirs: &[&Path]) -> Vec<String> {
    let paths: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
    let folder = |dir: &&Path| dir.file_name().map(|name| name.to_string_lossy().into_owned());
    let folders: Vec<String> =
        dirs.iter().zip(&paths).map(|(dir, path)| folder(dir).unwrap_or_else(|| path.clone())).collect();
    let count_named = |name: &str| names.iter().filter(|other| **other == name).count();
    let label = |((name, folder), path): ((&&str, &String), &String)| {
        let is_unique_folder = folders.iter().filter(|other| *other == folder).count() == 1;
        match (count_named(name), is_unique_folder && count_named(folder) == 0) {
            (1, _) => (*name).to_owned(),
            (_, true) => folder.clone(),
            (_, false) => path.clone(),
        }
    };
    names.iter().zip(&folders).zip(&paths).map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels_of<const N: usize>(names: [&str; N], dirs: [&str; N]) -> Vec<String> {
        scenario_labels(&names, &dirs.map(Path::new))
    }

    #[test]
    fn scenarios_are_labelled_by_name_then_by_folder_then_by_path() {
        assert_eq!(labels_of(["Two shops", "Three shops"], ["a/small", "b/small"]), ["Two shops", "Three shops"]);
        assert_eq!(labels_of(["Shops", "Shops", "Other"], ["a/small", "more", "x"]), ["small", "more", "Other"]);
        assert_eq!(labels_of(["Shops", "Shops"], ["a/small", "b/small"]), ["a/small", "b/small"]);
        assert_eq!(labels_of(["x", "x", "more"], ["a", "b/more", "c"]), ["a", "b/more", "more"]);
    }
}
