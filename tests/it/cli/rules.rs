//! `mcoe rules`: effective rules, the effect of a change, and the schemas of files.

use std::process::Command;

use serde_json::Value;

use crate::support::{TestFolder, default_pack};

#[test]
fn the_rules_of_a_client_are_shown_with_the_place_of_each_value() {
    let folder = TestFolder::new();
    folder.write("rules/overlays/bakery.toml", "[scope]\nclient = \"bakery\"\n\n[fatigue]\nwarn_at = 0.4\n");
    let shown = folder.mcoe("rules show --client bakery --channel tiktok").succeeds().out;
    assert!(shown.starts_with("applied overlays: overlays/bakery.toml\n"), "{shown}");
    assert!(shown.contains("fatigue.warn_at = 0.4 (overrides 0.5)   overlays/bakery.toml:5\n"), "{shown}");
    assert!(shown.contains("channels.tiktok.weekly_posts = 14   channels.toml:77\n"), "{shown}");
    assert!(!shown.contains("channels.fb."), "{shown}");
    let base = folder.mcoe("rules show fatigue.warn_at").succeeds().out;
    assert_eq!(base, "no overlay applies\nfatigue.warn_at = 0.5   fatigue.toml:5\n");
    let json = folder.mcoe("rules show channels.fb --format json").succeeds().json();
    assert!(json.as_array().unwrap().iter().all(|value| value["key"].as_str().unwrap().starts_with("channels.fb.")));
}

#[test]
fn an_unknown_key_is_reported_with_the_nearest_one() {
    let folder = TestFolder::new();
    let reported = folder.mcoe("rules show fatigue.warn").exits_with(2);
    reported.stderr_has(&["has no key `fatigue.warn`", "did you mean `fatigue.warn_at`?"]);
    folder
        .mcoe("rules schema chanels")
        .exits_with(2)
        .stderr_has(&["no file `chanels.toml`", "did you mean `channels`?"]);
    folder.mcoe("rules show --channel tiktk").exits_with(2);
}

#[test]
fn a_diff_shows_changed_rules_and_their_effect_on_a_week() {
    let folder = TestFolder::new();
    for (name, text) in default_pack() {
        folder.write(&format!("new/{name}"), &text);
    }
    assert_eq!(folder.mcoe("rules diff rules new").succeeds().out, "the packs do not differ\n");
    folder.replace("new/channels.toml", "weekly_posts = 5", "weekly_posts = 2");
    folder.replace(
        "new/guardrails.rhai",
        "fn truth_layer(post, ctx) {",
        "fn truth_layer(post, ctx) {\n    let unused = 1;",
    );
    let reported = folder.mcoe("rules diff rules new --scenario small").succeeds().out;
    assert!(reported.contains("channels.fb.weekly_posts: 5 -> 2   channels.toml:"), "{reported}");
    assert!(reported.contains("posts a week before fatigue lowers them"), "{reported}");
    assert!(reported.contains("function truth_layer was changed   guardrails.rhai:"), "{reported}");
    assert!(reported.contains("dropped"), "{reported}");
    let json = folder.mcoe("rules diff rules new --scenario small --format json").succeeds().json();
    let dropped: u64 = json["plan"].as_array().unwrap().iter().map(|row| row["dropped"].as_u64().unwrap()).sum();
    assert_eq!(dropped, 6, "{json}");
}

#[test]
fn a_pack_of_an_earlier_revision_is_read_from_git() {
    let folder = TestFolder::new();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]).args(arguments);
        assert!(command.current_dir(folder.path("")).output().unwrap().status.success(), "{arguments:?}");
    };
    folder.write("rules/overlays/caf\u{e9}.toml", "[scope]\nclient = \"cafe\"\n\n[channels.fb]\nweekly_posts = 4\n");
    git(&["init", "-q"]);
    git(&["add", "rules"]);
    git(&["commit", "-q", "-m", "as it was"]);
    folder.mcoe("rules diff HEAD:./rules/ rules").succeeds().stdout_has(&["the packs do not differ"]);
    folder.replace("rules/fatigue.toml", "warn_at = 0.5", "warn_at = 0.4");
    let reported = folder.mcoe("rules diff HEAD:rules rules").succeeds().out;
    assert!(reported.starts_with("fatigue.warn_at: 0.5 -> 0.4   fatigue.toml:5\n"), "{reported}");
    folder.mcoe("rules diff HEAD:small rules").exits_with(2).stderr_has(&["has no rules pack in `small`"]);
    folder
        .mcoe("rules diff yesterday:rules rules")
        .exits_with(2)
        .stderr_has(&["cannot read the revision `yesterday`", "remedy"]);
    folder.mcoe("rules diff nowhere rules").exits_with(2).stderr_has(&["cannot read the rules pack `nowhere`"]);
}

#[test]
fn a_diff_shows_situations_in_which_packs_decide_differently() {
    let folder = TestFolder::new();
    for (name, text) in default_pack() {
        folder.write(&format!("new/{name}"), &text);
    }
    folder.mcoe("rules diff rules new").succeeds().stdout_has(&["the packs do not differ\n"]);
    folder.replace("new/fatigue.toml", "block_at = 0.8", "block_at = 0.7");
    folder.replace("new/channels.toml", "weekly_posts = 14", "weekly_posts = 20");
    let toml = folder.read("new/guardrails.toml");
    folder.write("new/guardrails.toml", &format!("{toml}\n[quiet_friday]\nscope = \"post\"\nconflict = \"policy\"\n"));
    let function = "fn quiet_friday(post, ctx) {\n    if ctx.channel == \"linkedin\" && ctx.industry == \"law\" && \
                    post.weekday == 4 && post.hour >= 15 {\n        return block(\"no posts on Friday afternoons\", \"post \
                    earlier\");\n    }\n    pass()\n}\n";
    folder.write("new/quiet.rhai", function);
    let reported = folder.mcoe("rules diff rules new").succeeds().out;
    let (_, examples) = reported.split_once("examples of different decisions:\n").unwrap();
    insta::assert_snapshot!(examples);
    let reported = folder.mcoe("rules diff rules new --format json").succeeds().json();
    let divergence = |result: &str| {
        let found = reported["divergences"].as_array().unwrap().iter().find(|row| row["what"] == result).unwrap();
        (found["before"].clone(), found["after"].clone())
    };
    assert_eq!(divergence("weekly_posts"), ("14".into(), "20".into()));
    assert_eq!(divergence("verdicts.channel_fatigue"), ("warn".into(), "block".into()));
    assert_eq!(divergence("verdicts.quiet_friday"), ("not evaluated".into(), "block".into()));
}

#[test]
fn a_diff_shows_an_overlays_effect_for_its_scope() {
    let folder = TestFolder::new();
    for (name, text) in default_pack() {
        folder.write(&format!("new/{name}"), &text);
    }
    let overlay = |from: f64, factor: f64| {
        format!("[scope]\nclient = \"bakery\"\n\n[fatigue]\nfrequency = [{{ from = {from}, factor = {factor} }}]\n")
    };
    folder.write("rules/overlays/bakery.toml", &overlay(0.5, 0.9));
    folder.write("new/overlays/bakery.toml", &overlay(0.1, 0.1));
    let reported = folder.mcoe("rules diff rules new --format json").succeeds().json();
    let posts = reported["divergences"].as_array().unwrap().iter().find(|row| row["what"] == "weekly_posts").unwrap();
    assert_eq!(posts["situation"], "channel = \"fb\", client.id = \"bakery\", state.fatigue = 0.1");
    assert_eq!((&posts["before"], &posts["after"]), (&"5".into(), &"0".into()));
}

/// Whether a value satisfies a schema; knows only the keywords that our schemas use.
fn satisfies(schema: &Value, value: &Value) -> bool {
    let number = |name: &str| schema[name].as_f64();
    let is_of_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.is_string(),
        Some(other) => panic!("the schemas have no type `{other}`"),
        None => schema["enum"].as_array().unwrap().contains(value),
    };
    let is_in_range = value.as_f64().is_none_or(|value| {
        number("minimum").is_none_or(|bound| value >= bound)
            && number("maximum").is_none_or(|bound| value <= bound)
            && number("exclusiveMinimum").is_none_or(|bound| value > bound)
            && number("exclusiveMaximum").is_none_or(|bound| value < bound)
    });
    let items = value.as_array().into_iter().flatten();
    let are_items_valid = schema.get("items").is_none_or(|schema| items.clone().all(|item| satisfies(schema, item)));
    let is_long_enough = schema["minItems"].as_u64().is_none_or(|bound| items.count() as u64 >= bound);
    is_of_type && is_in_range && are_items_valid && is_long_enough && has_valid_keys(schema, value)
}

fn has_valid_keys(schema: &Value, value: &Value) -> bool {
    let Some(table) = value.as_object() else { return true };
    let required = schema["required"].as_array().into_iter().flatten();
    let any_name = schema["patternProperties"].as_object().and_then(|patterns| patterns.values().next());
    required.into_iter().all(|key| table.contains_key(key.as_str().unwrap()))
        && table.iter().all(|(key, value)| {
            let property = schema["properties"].get(key).or(any_name);
            property.is_some_and(|property| satisfies(property, value))
        })
}

#[test]
fn the_schemas_accept_and_refuse_the_same_packs_as_the_loader() {
    let folder = TestFolder::new();
    folder.mcoe("rules schema --out schemas").succeeds();
    let is_valid = |file: &str, text: &str| {
        let value: toml::Value = toml::from_str(text).unwrap();
        satisfies(&folder.json(&format!("schemas/{file}.schema.json")), &to_json(value))
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
        assert!(mcoe::rules::load(files).is_err(), "the loader accepts `{to}` in {file}");
        assert!(!is_valid(file, &text), "the schema accepts `{to}` in {file}");
    }
}

/// TOML as JSON, with times and dates as strings.
fn to_json(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(when) => when.to_string().into(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, to_json(value))).collect(),
        toml::Value::Array(values) => values.into_iter().map(to_json).collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}
