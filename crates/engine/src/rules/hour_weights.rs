//! Parses what a pack's `hour_weights` function returns: weights for some hours of the week, or for all.

use std::sync::Arc;

use rhai::{Array, Dynamic, Map};

use super::key::{DAYS, day_name, weekday_of};
use crate::diagnostic::suggestion;

/// Weights of the 168 hours of a week, Monday 00:00 first; `None` where `channels.toml` decides.
pub type HourWeights = Arc<[Option<f64>]>;

/// The value as a number; `None` if it is not a finite number.
pub(super) fn finite_number(value: &Dynamic) -> Option<f64> {
    value.as_float().ok().or_else(|| value.as_int().ok().map(|whole| whole as f64)).filter(|number| number.is_finite())
}

/// Number of hours of a week on the wall clock.
const HOURS: usize = 7 * 24;

/// Why a result is invalid.
#[derive(Debug)]
pub(super) struct InvalidWeights {
    pub cause: String,
    pub remedy: String,
}

/// Parses the result of the function.
pub(super) fn read(result: &Dynamic) -> Result<HourWeights, InvalidWeights> {
    if result.is_unit() {
        return Ok(vec![None; HOURS].into());
    }
    if let Ok(entries) = result.as_array_ref() {
        return weights_of_array(&entries);
    }
    if let Ok(entries) = result.as_map_ref() {
        return weights_of_map(&entries);
    }
    Err(InvalidWeights {
        cause: format!("it returned `{result}`"),
        remedy: "return a map such as `#{ \"friday 12\": 2.0 }`, an array of 168 weights, or nothing".to_owned(),
    })
}

fn weights_of_array(entries: &Array) -> Result<HourWeights, InvalidWeights> {
    if entries.len() != HOURS {
        return Err(InvalidWeights {
            cause: format!("it returned an array of {} entries", entries.len()),
            remedy: "return 168 weights, Monday 00:00 first; `ctx.hour_weights` is such an array".to_owned(),
        });
    }
    let name = |index: usize| format!("entry {index}, {} {}:00,", day_name((index / 24) as u8), index % 24);
    entries.iter().enumerate().map(|(index, entry)| weight(entry, || name(index))).collect()
}

fn weights_of_map(entries: &Map) -> Result<HourWeights, InvalidWeights> {
    let mut weights = vec![None; HOURS];
    // Whole days first, so that entries for single hours override them.
    for has_hour in [false, true] {
        for (name, entry) in entries {
            let (day, hour) = day_and_hour(name)?;
            if hour.is_some() != has_hour {
                continue;
            }
            let weight = weight(entry, || format!("the weight of `{name}`"))?;
            let hours = hour.map_or(day * 24..day * 24 + 24, |hour| day * 24 + hour..day * 24 + hour + 1);
            weights.iter_mut().take(hours.end).skip(hours.start).for_each(|slot| *slot = weight);
        }
    }
    Ok(weights.into())
}

/// The weekday that a name begins with, in days from Monday on, and the hour if the name has one.
fn day_and_hour(name: &str) -> Result<(usize, Option<usize>), InvalidWeights> {
    let (day, hour) = name.split_once(' ').map_or((name, None), |(day, hour)| (day, Some(hour)));
    let Some(weekday) = weekday_of(day).map(usize::from) else {
        let example = "write a day such as `friday`, or a day and an hour such as `friday 12`";
        let remedy = suggestion(day, DAYS, || example.to_owned());
        return Err(InvalidWeights { cause: format!("`{name}` does not begin with a day of the week"), remedy });
    };
    let Some(hour) = hour else { return Ok((weekday, None)) };
    let digits = hour.strip_suffix(":00").unwrap_or(hour);
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|hour| is_plain && *hour < 24);
    number.map(|hour| (weekday, Some(hour))).ok_or_else(|| InvalidWeights {
        cause: format!("`{hour}` of `{name}` is not an hour"),
        remedy: "write an hour from 0 to 23, such as `friday 12`".to_owned(),
    })
}

/// A weight; `None` leaves the hour unchanged. `name` is what an error calls the entry.
fn weight(entry: &Dynamic, name: impl Fn() -> String) -> Result<Option<f64>, InvalidWeights> {
    if entry.is_unit() {
        return Ok(None);
    }
    match finite_number(entry).filter(|weight| *weight >= 0.0) {
        Some(weight) => Ok(Some(weight)),
        None => Err(InvalidWeights {
            cause: format!("{} is `{entry}`", name()),
            remedy: "a weight is a number, 0 or above; 1 is ordinary".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights_of(script: &str) -> Result<HourWeights, InvalidWeights> {
        read(&rhai::Engine::new().eval::<Dynamic>(script).unwrap())
    }

    fn error_of(script: &str) -> String {
        weights_of(script).err().map(|wrong| format!("{}: {}", wrong.cause, wrong.remedy)).unwrap()
    }

    #[test]
    fn an_empty_result_changes_nothing() {
        assert!(weights_of("()").unwrap().iter().all(Option::is_none));
        assert!(weights_of("#{}").unwrap().iter().all(Option::is_none));
    }

    #[test]
    fn a_map_changes_the_hours_that_it_names_and_hours_override_days() {
        let weights = weights_of("#{ friday: 2, \"friday 12\": 3.5, \"monday 0:00\": 0 }").unwrap();
        let at = |day: usize, hour: usize| weights[day * 24 + hour];
        assert_eq!((at(4, 11), at(4, 12), at(4, 23), at(5, 0)), (Some(2.0), Some(3.5), Some(2.0), None));
        assert_eq!((at(0, 0), at(0, 1)), (Some(0.0), None));
    }

    #[test]
    fn an_array_changes_all_hours_but_those_left_blank() {
        let weights = weights_of("let w = []; w.pad(168, 1.5); w[5] = (); w").unwrap();
        assert_eq!((weights[4], weights[5], weights[167]), (Some(1.5), None, Some(1.5)));
    }

    #[test]
    fn invalid_results_are_reported_with_a_remedy() {
        assert!(error_of("1").contains("it returned `1`"));
        assert!(error_of("[1.0]").contains("an array of 1 entries"));
        assert!(error_of("#{ fridy: 2.0 }").contains("did you mean `friday`?"));
        assert!(error_of("#{ \"friday 24\": 2.0 }").contains("`24` of `friday 24` is not an hour"));
        assert!(error_of("#{ friday: -1.0 }").contains("the weight of `friday` is `-1"));
        assert!(error_of("let w = []; w.pad(168, 1.0); w[100] = \"x\"; w").contains("entry 100, friday 4:00,"));
    }
}
