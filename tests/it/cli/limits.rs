//! Limits: `limits.toml` in every command that reads or shows rules.

use mcoe::rules::{DefaultValue, Kind, PACK_FILES, Presence};

use crate::support::{Workplace, project};

/// The page about limits.
fn page() -> String {
    std::fs::read_to_string(project("docs/limits.md")).unwrap()
}

/// The text of the first block of the page that is headed by a file's name.
fn block(heading: &str) -> String {
    let page = page();
    let start = format!("```toml {heading}\n");
    page.split(&start).nth(1).and_then(|rest| rest.split("```").next()).unwrap().to_owned()
}

/// A workplace whose pack has the limits of the page.
fn with_limits() -> Workplace {
    let place = Workplace::new();
    place.write("rules/limits.toml", &block("limits.toml"));
    place
}

#[test]
fn the_examples_of_the_page_can_be_copied() {
    let place = with_limits();
    place.write("rules/overlays/acme.toml", &block("overlays/acme.toml"));
    place.mcoe("check").done().shows(&["rules `default` are valid"]);
    let shown = place.mcoe("rules show limits --client acme").done().out;
    for line in [
        "limits.brand_day.at_most = 6 (overrides 4)   overlays/acme.toml:4\n",
        "limits.brand_day.per = [\"client\", \"day\"]   limits.toml:4\n",
        "limits.one_channel_an_hour.enabled = false (overrides true)   overlays/acme.toml:7\n",
        "limits.b2b_midweek.where.days = [\"tuesday\", \"wednesday\", \"thursday\"]   limits.toml:",
        "limits.early_morning.where.hours = [6, 7]   limits.toml:",
        "limits.linkedin_share.per = [\"client\", \"week\"]   default\n",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn the_page_lists_every_key() {
    let page = page();
    let keys = PACK_FILES.iter().find(|file| file.stem == "limits").unwrap().keys;
    for key in keys {
        let name = key.path.trim_start_matches("<limit>.");
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("no row for `{name}`"));
        assert!(row.ends_with(&format!("| {} |", key.doc)), "`{name}`: {}", key.doc);
        let default = match key.presence {
            Presence::Default(DefaultValue::Bool(is_on)) => format!("; `{is_on}` if omitted"),
            Presence::Default(DefaultValue::Names(names)) => format!("; `{names:?}` if omitted"),
            _ => String::new(),
        };
        assert!(row.contains(&default), "`{name}`: {default}");
        if let Kind::Names(names) = key.kind
            && name == "per"
        {
            assert!(names.iter().all(|name| row.contains(&format!("`\"{name}\"`"))), "{row}");
        }
    }
}

#[test]
fn clients_and_tags_of_limits_are_looked_up_in_the_scenario() {
    let place = Workplace::new();
    let text = "[a]\nat_most = 30\nwhere = { clients = [\"bakerie\"], tags = [\"no such tag\"] }\n";
    place.write("rules/limits.toml", text);
    place.mcoe("check").done().says(&["not_looked_up", "client `bakerie`", "client with the tag `no such tag`"]);
    let found = place.mcoe("check --scenario small").ends_with(2);
    found.says(&["unknown_name", "no client `bakerie`", "no client with the tag `no such tag`", "limits.toml:3"]);
}

#[test]
fn limits_are_compared_formatted_and_swept() {
    let place = with_limits();
    let hash = |place: &Workplace| place.mcoe("check --format json").done().json()["rules"]["hash"].clone();
    let before = hash(&place);
    for (name, text) in place.folder("rules") {
        place.write(&format!("new/{name}"), &String::from_utf8(text).unwrap());
    }
    place.replace("new/limits.toml", "at_most = 4", "at_most = 5");
    place.replace("new/limits.toml", "\"b2b\"", "\"b2b\", \"eu\"");
    place.mcoe("rules diff rules new").done().shows(&[
        "limits.brand_day.at_most: 4 -> 5",
        "maximum number of posts in each period",
        "limits.b2b_midweek.where.tags: [\"b2b\"] -> [\"b2b\", \"eu\"]",
    ]);
    place.replace("rules/limits.toml", "at_most = 4", "at_most   =   4");
    place.mcoe("rules fmt").done();
    assert!(place.read("rules/limits.toml").contains("\nat_most = 4\n"));
    assert_eq!(hash(&place), before);
    place.replace("rules/limits.toml", "\"b2b\"", "\"retail\"");
    let swept =
        "rules sweep small --set limits.brand_day.at_most=3..4:1 --weeks 1 --replications 2 --out run --tables csv";
    place.mcoe(swept).done();
    let points = place.table("run/tables/points.csv");
    assert_eq!(points.column("limits.brand_day.at_most"), ["4.0", "3.0", "4.0"]);
    place
        .mcoe("rules sweep small --set limits.brand_dai.at_most=3 --out run2")
        .ends_with(2)
        .says(&["limits.brand_day.at_most"]);
}
