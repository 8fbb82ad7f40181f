//! Infers an account's time zone from the UTC offsets of its clock through the year.
//!
//! Two offsets at the right times of the year identify a zone. A constant offset does not: it becomes a fixed zone,
//! `Etc/GMT±n`, which keeps every wall-clock time right without naming a country.

use std::collections::BTreeMap;

use super::notes::ImportNotes;
use super::posts::Account;
use crate::model::{Timestamp, Zone};

/// Zones with clock changes, one for each combination of offset and dates of the changes, the most populous first.
const ZONES_WITH_CLOCK_CHANGES: [&str; 22] = [
    "America/New_York",
    "Europe/London",
    "Europe/Paris",
    "America/Chicago",
    "America/Los_Angeles",
    "Australia/Sydney",
    "America/Denver",
    "Europe/Athens",
    "Australia/Adelaide",
    "Pacific/Auckland",
    "America/Halifax",
    "America/St_Johns",
    "Asia/Jerusalem",
    "Africa/Cairo",
    "America/Santiago",
    "America/Anchorage",
    "Atlantic/Azores",
    "Europe/Chisinau",
    "America/Havana",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
];

/// Zones that are not listed above and whose offsets are not whole hours.
const FRACTIONAL_ZONES: [&str; 8] = [
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Darwin",
    "Asia/Yangon",
    "Asia/Kabul",
    "Asia/Tehran",
    "Pacific/Marquesas",
    "Australia/Eucla",
];

/// Minimum share of an account's posts that must have a zone's offset.
const MIN_AGREEMENT: f64 = 0.9;

/// Counts in favour of a zone.
#[derive(Default)]
struct Votes {
    posts: usize,
    accounts: usize,
}

/// The zone of a client: that of most of its accounts' posts, or UTC if no offset is known.
pub(super) fn infer_zone<'a>(accounts: impl Iterator<Item = &'a Account>, notes: &mut ImportNotes) -> Zone {
    let mut votes: BTreeMap<String, Votes> = BTreeMap::new();
    let mut account_count = 0;
    for account in accounts {
        let clock: Vec<_> = account.posts.iter().filter_map(|post| Some((post.at, post.offset_minutes?))).collect();
        if clock.is_empty() {
            continue;
        }
        let (zone, is_certain) = zone_of_clock(&clock);
        notes.zones_uncertain += usize::from(!is_certain);
        let zone_votes = votes.entry(zone.name().to_owned()).or_default();
        zone_votes.posts += clock.len();
        zone_votes.accounts += 1;
        account_count += 1;
    }
    let winner = votes.iter().max_by_key(|(name, votes)| (votes.posts, std::cmp::Reverse(*name)));
    let Some((name, Votes { accounts, .. })) = winner else {
        notes.zones_unknown += 1;
        return Zone::utc();
    };
    notes.accounts_in_other_zones += account_count - accounts;
    name.parse().unwrap_or_else(|_| Zone::utc())
}

/// The zone that fits a clock's offsets best, and whether it fits well enough.
fn zone_of_clock(clock: &[(Timestamp, i32)]) -> (Zone, bool) {
    let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
    for (_, offset) in clock {
        *counts.entry(*offset).or_default() += 1;
    }
    let most_common = counts.iter().max_by_key(|(_, count)| **count).map_or(0, |(offset, _)| *offset);
    if counts.len() == 1 {
        return constant_zone(most_common, clock);
    }
    match best_zone(&ZONES_WITH_CLOCK_CHANGES, clock) {
        Some(best) if is_agreed(&best) => (best.0, true),
        _ => (constant_zone(most_common, clock).0, false),
    }
}

fn is_agreed((_, agreement): &(Zone, f64)) -> bool {
    *agreement >= MIN_AGREEMENT
}

/// The zone of a clock with a constant offset, and whether one is known.
fn constant_zone(minutes: i32, clock: &[(Timestamp, i32)]) -> (Zone, bool) {
    let hours = minutes / 60;
    let name = match (minutes % 60, hours) {
        (0, 0) => Some("UTC".to_owned()),
        // POSIX counts hours west of Greenwich as positive, so the sign is inverted.
        (0, _) => Some(format!("Etc/GMT{:+}", -hours)),
        _ => None,
    };
    match name.and_then(|name| name.parse().ok()) {
        Some(zone) => (zone, true),
        // In a history of less than half a year, a zone with clock changes may look constant.
        None => {
            let candidates = [&FRACTIONAL_ZONES[..], &ZONES_WITH_CLOCK_CHANGES[..]].into_iter();
            match candidates.filter_map(|names| best_zone(names, clock)).find(is_agreed) {
                Some((zone, _)) => (zone, true),
                None => (Zone::utc(), false),
            }
        }
    }
}

/// The zone that has the offsets of the most posts, and the share of posts that have its offset. Of several such zones,
/// the first one.
fn best_zone(names: &[&str], clock: &[(Timestamp, i32)]) -> Option<(Zone, f64)> {
    let mut best: Option<(Zone, f64)> = None;
    for zone in names.iter().filter_map(|name| name.parse::<Zone>().ok()) {
        let agree = |(at, minutes): &&(Timestamp, i32)| zone.local(*at).offset().local_minus_utc() == minutes * 60;
        let agreement = clock.iter().filter(agree).count() as f64 / clock.len().max(1) as f64;
        if best.as_ref().is_none_or(|(_, highest)| agreement > *highest) {
            best = Some((zone, agreement));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(zone: &str) -> Vec<(Timestamp, i32)> {
        let zone: Zone = zone.parse().unwrap();
        (0..52)
            .map(|week| Timestamp::from_second(1_690_000_000 + week * 7 * 86_400))
            .map(|at| (at, zone.local(at).offset().local_minus_utc() / 60))
            .collect()
    }

    #[test]
    fn clock_changes_identify_the_zone() {
        for zone in ZONES_WITH_CLOCK_CHANGES {
            let (found, is_certain) = zone_of_clock(&clock(zone));
            assert!(is_certain, "{zone}");
            assert_eq!(clock(found.name()), clock(zone), "{zone} was identified as {found}");
        }
        assert_eq!(zone_of_clock(&clock("Australia/Melbourne")).0.name(), "Australia/Sydney");
    }

    #[test]
    fn a_constant_offset_becomes_a_fixed_zone_of_the_same_offset() {
        assert_eq!(zone_of_clock(&clock("America/Bogota")).0.name(), "Etc/GMT+5");
        assert_eq!(zone_of_clock(&clock("Asia/Bangkok")).0.name(), "Etc/GMT-7");
        assert_eq!(zone_of_clock(&clock("Asia/Kolkata")).0.name(), "Asia/Kolkata");
    }

    #[test]
    fn offsets_that_match_no_zone_are_uncertain() {
        let mut odd = clock("America/New_York");
        for (index, (_, offset)) in odd.iter_mut().enumerate() {
            *offset = if index % 2 == 0 { 60 } else { 120 };
        }
        assert_eq!(zone_of_clock(&odd), ("Etc/GMT-2".parse().unwrap(), false));
    }
}
