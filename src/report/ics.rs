//! Exports a plan as calendars (iCalendar, RFC 5545), one per workspace.
//!
//! Written here rather than with a crate: `ics` folds lines at 76 octets where the standard allows 75, and `icalendar`
//! uses the types of another date library. Only escaping and folding are needed. Times are in UTC, so no time zone has
//! to be described. A calendar does not depend on when it is made.

use std::collections::BTreeSet;

use super::{File, numbers};
use crate::model::{Channel, ClientPlan, Plan, Post, ScheduleStatus, Timestamp, WorkspaceId, derived_id};

/// Maximum octets of a line, without its line break (RFC 5545, section 3.1).
const MAX_LINE_OCTETS: usize = 75;

/// One calendar per workspace of the plan, named `plan-WORKSPACE.ics`, by workspace.
#[must_use]
pub fn calendars(plan: &Plan) -> Vec<File> {
    let workspaces: BTreeSet<&WorkspaceId> = plan.clients.iter().map(|client| &client.workspace_id).collect();
    workspaces
        .into_iter()
        .map(|workspace| {
            (format!("plan-{}.ics", file_name(workspace.as_str())), calendar(plan, workspace).into_bytes())
        })
        .collect()
}

/// The calendar of one workspace with one event per post; blocked posts are cancelled events.
#[must_use]
pub fn calendar(plan: &Plan, workspace: &WorkspaceId) -> String {
    let posts = plan.posts().filter(|(client, _)| client.workspace_id == *workspace);
    let events: Vec<Event> = posts.map(|(client, post)| event(plan, client, post)).collect();
    calendar_from_events(&format!("Posts of {workspace}, {}", plan.week), &events)
}

/// A post as a calendar event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Unique identifier, unchanged for as long as it is the same post.
    pub uid: String,
    /// Increases whenever the event changes, so that calendars take the newer version.
    pub sequence: u32,
    /// When this version of the event was written.
    pub stamp: Timestamp,
    /// When the post is due.
    pub at: Timestamp,
    /// Title, on one line.
    pub summary: String,
    /// Description, of several lines.
    pub description: String,
    /// The channel.
    pub channel: Channel,
    /// The status of the schedule.
    pub status: ScheduleStatus,
}

/// Duration of an event in minutes: some programs hide events without one.
const EVENT_MINUTES: i64 = 15;

/// A calendar with the given events, in their order.
#[must_use]
pub fn calendar_from_events(name: &str, events: &[Event]) -> String {
    let mut text = String::new();
    for (property, value) in [
        ("BEGIN", "VCALENDAR"),
        ("VERSION", "2.0"),
        ("PRODID", "-//mcoe//plan//EN"),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", "PUBLISH"),
        ("X-WR-CALNAME", escaped(name).as_str()),
    ] {
        push_line(&mut text, property, value);
    }
    events.iter().for_each(|event| push_event(&mut text, event));
    push_line(&mut text, "END", "VCALENDAR");
    text
}

fn event(plan: &Plan, client: &ClientPlan, post: &Post) -> Event {
    // The start of the plan's week, so that the same plan gives the same calendar whenever it is written.
    let stamp = Timestamp::at_midnight(plan.week.monday());
    Event {
        uid: post.calendar_uid(&client.client_id),
        sequence: 0,
        stamp,
        at: post.at,
        summary: format!("{}: {}", post.channel, client.client_id),
        description: description(client, post),
        channel: post.channel,
        status: post.status,
    }
}

fn push_event(text: &mut String, event: &Event) {
    let end = event.at.plus_minutes(EVENT_MINUTES);
    for (property, value) in [
        ("BEGIN", "VEVENT".to_owned()),
        ("UID", event.uid.clone()),
        ("SEQUENCE", event.sequence.to_string()),
        ("DTSTAMP", utc_text(event.stamp)),
        ("DTSTART", utc_text(event.at)),
        ("DTEND", utc_text(end)),
        ("SUMMARY", escaped(&event.summary)),
        ("DESCRIPTION", escaped(&event.description)),
        ("CATEGORIES", escaped(event.channel.name())),
        ("STATUS", status(event.status).to_owned()),
        ("TRANSP", "TRANSPARENT".to_owned()),
        ("END", "VEVENT".to_owned()),
    ] {
        push_line(text, property, &value);
    }
}

fn description(client: &ClientPlan, post: &Post) -> String {
    let local = client.zone.local(post.at).format("%A %H:%M").to_string();
    let mut lines = vec![format!("{local} in {}", client.zone)];
    lines.push(match &post.asset {
        Some(asset) => format!("Asset {}, score {}", asset.used(), numbers::count(asset.score)),
        None => "No asset".to_owned(),
    });
    lines.extend(post.campaign_id.as_ref().map(|campaign| format!("Campaign {campaign}")));
    lines.push(format!("Status {}, risk {}, confidence {}", post.status, post.risk, numbers::score(post.confidence)));
    lines.push(format!("Expected engagements {}", numbers::count(post.expected_engagement)));
    lines.extend(post.blocked.as_ref().map(|reason| format!("Blocked: {reason}")));
    lines.join("\n")
}

/// The status in terms of RFC 5545: confirmed, tentative or cancelled.
const fn status(status: ScheduleStatus) -> &'static str {
    match status {
        ScheduleStatus::Ready | ScheduleStatus::Executing | ScheduleStatus::Completed => "CONFIRMED",
        ScheduleStatus::Pending => "TENTATIVE",
        ScheduleStatus::Failed | ScheduleStatus::Blocked | ScheduleStatus::Cancelled => "CANCELLED",
    }
}

fn utc_text(at: Timestamp) -> String {
    at.utc().format("%Y%m%dT%H%M%SZ").to_string()
}

/// Escapes text as a property's value (RFC 5545, section 3.3.11) and drops control characters.
fn escaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for character in text.replace("\r\n", "\n").chars() {
        match character {
            '\\' | ';' | ',' => value.extend(['\\', character]),
            '\n' | '\r' => value.push_str("\\n"),
            '\t' => value.push(' '),
            _ if character.is_control() => {}
            _ => value.push(character),
        }
    }
    value
}

/// Appends a property, folded so that no line is too long and no character is split.
fn push_line(text: &mut String, property: &str, value: &str) {
    let mut octets = 0;
    for character in property.chars().chain([':']).chain(value.chars()) {
        if octets + character.len_utf8() > MAX_LINE_OCTETS {
            text.push_str("\r\n ");
            // The space at the start of a continuation line counts.
            octets = 1;
        }
        text.push(character);
        octets += character.len_utf8();
    }
    text.push_str("\r\n");
}

/// A file name for an id, valid on every file system. If characters are replaced or cut off, a hash keeps it unique.
pub(super) fn file_name(id: &str) -> String {
    let is_safe = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let name: String = id.chars().map(|character| if is_safe(character) { character } else { '_' }).take(80).collect();
    if name == id {
        return name;
    }
    let hash: String = derived_id(b"file name", &[id]).simple().to_string().chars().take(8).collect();
    format!("{name}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    fn unfolded(text: &str) -> Vec<String> {
        text.replace("\r\n ", "").split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn a_calendar_has_one_event_per_post() {
        let plan = sample::plan();
        let files = calendars(&plan);
        assert_eq!(files.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["plan-north.ics"]);
        insta::assert_snapshot!(calendar(&plan, &WorkspaceId::new("north")).replace("\r\n", "⏎\n"));
    }

    #[test]
    fn lines_are_folded_at_75_octets_between_characters() {
        let mut text = String::new();
        let value = "a老b".repeat(60);
        push_line(&mut text, "SUMMARY", &value);
        assert!(text.split("\r\n").all(|line| line.len() <= MAX_LINE_OCTETS));
        assert!(text.split("\r\n").any(|line| line.len() >= MAX_LINE_OCTETS - 3));
        assert_eq!(unfolded(&text), [format!("SUMMARY:{value}"), String::new()]);
    }

    #[test]
    fn a_line_of_75_octets_is_not_folded() {
        let mut text = String::new();
        push_line(&mut text, "X", &"y".repeat(73));
        assert_eq!(text, format!("X:{}\r\n", "y".repeat(73)));
    }

    #[test]
    fn special_characters_are_escaped() {
        assert_eq!(escaped("a,b;c\\d\ne\r\nf\u{7}"), "a\\,b\\;c\\\\d\\ne\\nf");
    }

    #[test]
    fn workspace_names_that_differ_in_special_characters_get_different_files() {
        assert_eq!(file_name("north"), "north");
        let (slash, colon) = (file_name("a/b"), file_name("a:b"));
        assert!(slash.starts_with("a_b-") && colon.starts_with("a_b-"));
        assert_ne!(slash, colon);
        assert!(!file_name("../..").contains('.'));
    }
}
