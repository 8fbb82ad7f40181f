//! `mcoe rules`: effective rules, the effect of a change, and the schemas of files.

use std::process::Command;

use serde_json::Value;

use crate::support::{Workplace, default_pack};

#[test]
fn the_rules_of_a_client_are_shown_with_the_place_of_each_value() {
    let place = Workplace::new();
    place.write("rules/overlays/bakery.toml", "[scope]\nclient = \"bakery\"\n\n[fatigue]\nwarn_at = 0.4\n");
    let shown = place.mcoe("rules show --client bakery --channel tiktok").done().out;
    assert!(shown.starts_with("applied overlays: overlays/bakery.toml\n"), "{shown}");
    assert!(shown.contains("fatigue.warn_at = 0.4 (overrides 0.5)   overlays/bakery.toml:5\n"), "{shown}");
    assert!(shown.contains("channels.tiktok.weekly_posts = 14   channels.toml:77\n"), "{shown}");
    assert!(!shown.contains("channels.fb."), "{shown}");
    let base = place.mcoe("rules show fatigue.warn_at").done().out;
    assert_eq!(base, "no overlay applies\nfatigue.warn_at = 0.5   fatigue.toml:5\n");
    let json = place.mcoe("rules show channels.fb --format json").done().json();
    assert!(json.as_array().unwrap().iter().all(|value| value["key"].as_str().unwrap().starts_with("channels.fb.")));
}

#[test]
fn an_unknown_key_is_reported_with_the_nearest_one() {
    let place = Workplace::new();
    let reported = place.mcoe("rules show fatigue.warn").ends_with(2);
    reported.says(&["has no key `fatigue.warn`", "did you mean `fatigue.warn_at`?"]);
    place.mcoe("rules schema chanels").ends_with(2).says(&["no file `chanels.toml`", "did you mean `channels`?"]);
    place.mcoe("rules show --channel tiktk").ends_with(2);
}

#[test]
fn a_diff_shows_changed_rules_and_their_effect_on_a_week() {
    let place = Workplace::new();
    for (name, text) in default_pack() {
        place.write(&format!("new/{name}"), &text);
    }
    assert_eq!(place.mcoe("rules diff rules new").done().out, "the packs do not differ\n");
    place.replace("new/channels.toml", "weekly_posts = 5", "weekly_posts = 2");
    place.replace(
        "new/guardrails.rhai",
        "fn truth_layer(post, ctx) {",
        "fn truth_layer(post, ctx) {\n    let unused = 1;",
    );
    let reported = place.mcoe("rules diff rules new --scenario small").done().out;
    assert!(reported.contains("channels.fb.weekly_posts: 5 -> 2   channels.toml:"), "{reported}");
    assert!(reported.contains("posts a week before fatigue lowers them"), "{reported}");
    assert!(reported.contains("function truth_layer was changed   guardrails.rhai:"), "{reported}");
    assert!(reported.contains("dropped"), "{reported}");
    let json = place.mcoe("rules diff rules new --scenario small --format json").done().json();
    let dropped: u64 = json["plan"].as_array().unwrap().iter().map(|one| one["dropped"].as_u64().unwrap()).sum();
    assert_eq!(dropped, 6, "{json}");
}

#[test]
fn a_pack_of_an_earlier_revision_is_read_from_git() {
    let place = Workplace::new();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]).args(arguments);
        assert!(command.current_dir(place.path("")).output().unwrap().status.success(), "{arguments:?}");
    };
    place.write("rules/overlays/caf\u{e9}.toml", "[scope]\nclient = \"cafe\"\n\n[channels.fb]\nweekly_posts = 4\n");
    git(&["init", "-q"]);
    git(&["add", "rules"]);
    git(&["commit", "-q", "-m", "as it was"]);
    place.mcoe("rules diff HEAD:./rules/ rules").done().shows(&["the packs do not differ"]);
    place.replace("rules/fatigue.toml", "warn_at = 0.5", "warn_at = 0.4");
    let reported = place.mcoe("rules diff HEAD:rules rules").done().out;
    assert!(reported.starts_with("fatigue.warn_at: 0.5 -> 0.4   fatigue.toml:5\n"), "{reported}");
    place.mcoe("rules diff HEAD:small rules").ends_with(2).says(&["has no rules pack in `small`"]);
    place
        .mcoe("rules diff yesterday:rules rules")
        .ends_with(2)
        .says(&["cannot read the revision `yesterday`", "remedy"]);
    place.mcoe("rules diff nowhere rules").ends_with(2).says(&["cannot read the rules pack `nowhere`"]);
}

#[test]
fn a_diff_shows_situations_in_which_packs_decide_differently() {
    let place = Workplace::new();
    for (name, text) in default_pack() {
        place.write(&format!("new/{name}"), &text);
    }
    place.mcoe("rules diff rules new").done().shows(&["the packs do not differ\n"]);
    place.replace("new/fatigue.toml", "block_at = 0.8", "block_at = 0.7");
    place.replace("new/channels.toml", "weekly_posts = 14", "weekly_posts = 20");
    let toml = place.read("new/guardrails.toml");
    place.write("new/guardrails.toml", &format!("{toml}\n[quiet_friday]\nscope = \"post\"\nconflict = \"policy\"\n"));
    let function = "fn quiet_friday(post, ctx) {\n    if ctx.channel == \"linkedin\" && ctx.industry == \"law\" && \
                    post.weekday == 4 && post.hour >= 15 {\n        return block(\"no posts on Friday afternoons\", \"post \
                    earlier\");\n    }\n    pass()\n}\n";
    place.write("new/quiet.rhai", function);
    let reported = place.mcoe("rules diff rules new").done().out;
    let (_, decided) = reported.split_once("examples of different decisions:\n").unwrap();
    insta::assert_snapshot!(decided);
    let reported = place.mcoe("rules diff rules new --format json").done().json();
    let of = |what: &str| {
        let all = reported["divergences"].as_array().unwrap().iter();
        all.filter(|one| one["what"] == what).map(|one| (one["before"].clone(), one["after"].clone())).next().unwrap()
    };
    assert_eq!(of("weekly_posts"), ("14".into(), "20".into()));
    assert_eq!(of("verdicts.channel_fatigue"), ("warn".into(), "block".into()));
    assert_eq!(of("verdicts.quiet_friday"), ("not evaluated".into(), "block".into()));
}

#[test]
fn a_diff_shows_an_overlays_effect_for_its_scope() {
    let place = Workplace::new();
    for (name, text) in default_pack() {
        place.write(&format!("new/{name}"), &text);
    }
    let overlay = |from: f64, factor: f64| {
        format!("[scope]\nclient = \"bakery\"\n\n[fatigue]\nfrequency = [{{ from = {from}, factor = {factor} }}]\n")
    };
    place.write("rules/overlays/bakery.toml", &overlay(0.5, 0.9));
    place.write("new/overlays/bakery.toml", &overlay(0.1, 0.1));
    let reported = place.mcoe("rules diff rules new --format json").done().json();
    let posts = reported["divergences"].as_array().unwrap().iter().find(|one| one["what"] == "weekly_posts").unwrap();
    assert_eq!(posts["situation"], "channel = \"fb\", client.id = \"bakery\", state.fatigue = 0.1");
    assert_eq!((&posts["before"], &posts["after"]), (&"5".into(), &"0".into()));
}

/// Whether a value satisfies a schema; knows only the keywords that our schemas use.
fn passes(schema: &Value, value: &Value) -> bool {
    let number = |name: &str| schema[name].as_f64();
    let is_of_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.is_string(),
        Some(other) => panic!("`{other}` is no type of ours"),
        None => schema["enum"].as_array().unwrap().contains(value),
    };
    let is_in_range = value.as_f64().is_none_or(|found| {
        number("minimum").is_none_or(|least| found >= least)
            && number("maximum").is_none_or(|most| found <= most)
            && number("exclusiveMinimum").is_none_or(|least| found > least)
            && number("exclusiveMaximum").is_none_or(|most| found < most)
    });
    let items = value.as_array().into_iter().flatten();
    let are_items_right = schema.get("items").is_none_or(|one| items.clone().all(|item| passes(one, item)));
    let is_long_enough = schema["minItems"].as_u64().is_none_or(|least| items.count() as u64 >= least);
    is_of_type && is_in_range && are_items_right && is_long_enough && holds_its_keys(schema, value)
}

fn holds_its_keys(schema: &Value, value: &Value) -> bool {
    let Some(table) = value.as_object() else { return true };
    let required = schema["required"].as_array().into_iter().flatten();
    let own = schema["patternProperties"].as_object().and_then(|patterns| patterns.values().next());
    required.into_iter().all(|key| table.contains_key(key.as_str().unwrap()))
        && table.iter().all(|(key, value)| {
            let property = schema["properties"].get(key).or(own);
            property.is_some_and(|property| passes(property, value))
        })
}

#[test]
fn the_schemas_accept_and_refuse_the_same_packs_as_the_loader() {
    let place = Workplace::new();
    place.mcoe("rules schema --out schemas").done();
    let is_valid = |file: &str, text: &str| {
        let value: toml::Value = toml::from_str(text).unwrap();
        passes(&place.json(&format!("schemas/{file}.schema.json")), &plain(value))
    };
    let pack = default_pack();
    for (name, text) in pack.iter().filter(|(name, _)| name.ends_with(".toml")) {
        assert!(is_valid(name.trim_end_matches(".toml"), text), "{name}");
    }
    let spoilt = [
        ("channels", "weekly_posts = 14", "weekly_posts = 169"),
        ("channels", "weekly_posts = 14", "weekly_posts = 1.5"),
        ("channels", "weekly_posts = 14", "weekly_post = 14"),
        ("channels", "weekly_posts = 14", ""),
        ("channels", "[7, 12, 19, 22]", "[7, 12, 24]"),
        ("fatigue", "warn_at = 0.5", "warn_at = 1.0"),
        ("fatigue", "{ from = 0.4, factor = 0.75 }", "{ from = 0.4, factor = 1.75 }"),
        ("fatigue", "{ from = 0.4, factor = 0.75 }", "{ from = 0.4 }"),
        ("guardrails", "scope = \"post\"", "scope = \"posts\""),
        ("risk", "agent_enabled = true", "agent_enabled = 1"),
        ("calendar", "holiday_posts = true", "holiday_posts = \"yes\""),
    ];
    for (file, from, to) in spoilt {
        let name = format!("{file}.toml");
        let text = pack[&name].clone();
        assert!(text.contains(from), "`{from}` is not in {name}");
        let text = text.replacen(from, to, 1);
        let mut files = pack.clone();
        files.insert(name, text.clone());
        assert!(mcoe::rules::load(files).is_err(), "the loader takes `{to}` in {file}");
        assert!(!is_valid(file, &text), "the schema takes `{to}` in {file}");
    }
}

/// TOML as JSON, with times and dates as strings.
fn plain(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(when) => when.to_string().into(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        toml::Value::Array(values) => values.into_iter().map(plain).collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}
