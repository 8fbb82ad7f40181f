//! The section on channels: wanted posts, results, and times of posts.

use super::{Block, Cell, INTERVAL_NOTE, Note, Section, Table};
use crate::report::numbers::{count, percent, range, score, share};
use crate::simulator::{ChannelSummary, Simulation};

/// The section.
pub fn section(simulation: &Simulation) -> Section {
    let channels = &simulation.channels;
    Section {
        id: "channels",
        title: "Channels",
        blocks: vec![
            Block::Table { table: table(channels, simulation.provenance.committed_posts > 0) },
            Block::Figure { name: "channel-posts" },
            Block::Notes { notes: channels.iter().map(note).collect() },
            Block::Figure { name: "calendar" },
        ],
    }
}

fn table(channels: &[ChannelSummary], has_committed: bool) -> Table {
    let row = |channel: &ChannelSummary| {
        let committed = has_committed.then(|| Cell::count(channel.posts_committed));
        let first_cells = [
            Cell::code(channel.channel.name()),
            Cell::count(f64::from(channel.clients)),
            Cell::count(channel.posts_wanted),
        ];
        let further_cells = [
            Cell::count(channel.posts_planned),
            Cell::count(channel.posts_drafted),
            Cell::bar(share(channel.posts_drafted, channel.posts_wanted)),
            Cell::count(channel.posts_blocked),
            Cell::count(channel.without_asset),
            Cell::estimate(&channel.engagement),
            share(channel.engagement.mean, channel.posts_drafted).map_or_else(|| Cell::percent(None), Cell::count),
            Cell::estimate(&channel.net_worth),
            Cell::count(channel.hours_of_work),
            Cell::count(channel.audience_end),
        ];
        first_cells.into_iter().chain(committed).chain(further_cells).collect()
    };
    let further_titles = [
        "Planned",
        "Drafted",
        "Drafted / wanted",
        "Blocked",
        "No asset",
        "Engagements",
        "Per draft",
        "Net worth",
        "Hours of work",
        "Audience at the end",
    ];
    let committed = has_committed.then_some("Committed");
    let columns: Vec<&str> = ["Clients", "Wanted"].into_iter().chain(committed).chain(further_titles).collect();
    let rows = channels.iter().map(row).collect();
    let table = Table::new("Posts and engagements of each channel over all weeks", "Channel", &columns, rows);
    let has_intervals = channels.iter().any(|channel| channel.engagement.interval.is_some());
    Table { note: has_intervals.then(|| INTERVAL_NOTE.to_owned()), ..table }
}

fn note(channel: &ChannelSummary) -> Note {
    let name = channel.channel.name();
    let planned = channel.posts_planned;
    let of_planned = |posts: f64| format!("{} of planned", percent(share(posts, planned)));
    let per_draft = share(channel.engagement.mean, channel.posts_drafted);
    let mut facts = vec![
        ("Drafted", format!("{} of {} wanted", count(channel.posts_drafted), count(channel.posts_wanted))),
        ("Blocked", of_planned(channel.posts_blocked)),
        ("No asset", of_planned(channel.without_asset)),
        ("Engagements", count(channel.engagement.mean)),
        ("Per draft", per_draft.map_or_else(|| percent(None), count)),
        ("Net worth", count(channel.net_worth.mean)),
        ("Hours of work", count(channel.hours_of_work)),
        ("Audience at the end", count(channel.audience_end)),
        ("Fatigue at a post", score(channel.mean_fatigue)),
        ("Hours at or above warn", percent(Some(channel.share_above_warn))),
        ("Hours at or above block", percent(Some(channel.share_above_block))),
    ];
    if let Some(ends) = channel.engagement.interval {
        // After `Engagements`.
        facts.insert(4, ("95\u{a0}% interval", range(ends)));
    }
    if channel.posts_committed > 0.0 {
        // After `Drafted`.
        facts.insert(1, ("Already committed", count(channel.posts_committed)));
    }
    Note { id: format!("channel-{name}"), title: name.to_owned(), facts }
}
