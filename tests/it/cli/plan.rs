//! `mcoe plan`: the folder it writes.

use std::collections::BTreeSet;

use mcoe::model::{FatigueResponse, LinearResponse, SaturatingResponse};
use mcoe::planner::{Instance, Solver};
use serde_json::Value;

use crate::support::{TestFolder, project};

const POST_COLUMNS: &str = "post_id,client_id,workspace_id,channel,scheduled_for,local_time,time_zone,asset_id,\
                            variation_id,campaign_id,status,priority,fatigue,expected_engagement,asset_score,\
                            confidence,risk_level,blocked_reason,blocked_code,blocked_details,cost,net_worth";
const DECISION_COLUMNS: &str = "decision_id,post_id,client_id,action_type,decision_payload,source_signals,risk_class,\
                                confidence_score,truth_notes,truth_compliant,disclaimers,status,actor";
const CONFLICT_COLUMNS: &str = "client_id,channel,type,severity,description,affected,resolution";
const FIRST_ALLOCATION_COLUMNS: &str = "client_id,channel,posts_target,posts_planned,why_fewer,fatigue_start,\
                                        fatigue_end,objective,exact";

#[test]
fn a_plan_has_the_files_that_its_readers_expect() {
    let folder = TestFolder::new();
    folder.mcoe("plan small --out plan").succeeds();
    let files: Vec<String> = folder.files_in("plan").into_keys().filter(|name| !name.starts_with("rules/")).collect();
    assert_eq!(
        files,
        [
            ".mcoe",
            "allocations.parquet",
            "certificates.parquet",
            "conflicts.parquet",
            "decisions.parquet",
            "limit_costs.parquet",
            "limits.parquet",
            "plan.json",
            "posts.parquet",
            "shared_limits.parquet"
        ]
    );
    let rules = folder.files_in("plan/rules");
    assert_eq!(rules, folder.files_in("rules"), "the plan has a copy of the pack that it was made with");
}

#[test]
fn limits_that_contradict_each_other_are_named_and_the_other_clients_are_planned() {
    let folder = TestFolder::new();
    let limits = "[fridays_at_least]\nat_least = 2\nwhere = { channels = [\"ig\", \"fb\"], days = [\"friday\"] }\n\
                  [fridays_none]\nat_most = 1\nwhere = { days = [\"friday\"], clients = [\"kettle-lane\"] }\n";
    folder.write("rules/limits.toml", limits);
    let ran = folder.mcoe("plan small --out plan --tables csv").exits_with(1);
    ran.stderr_has(&[
        "client `kettle-lane`: no week was found that keeps `fridays_at_least` and `fridays_none`",
        "the others are planned",
    ]);
    let posts = folder.read("plan/posts.csv");
    assert!(posts.contains("orbit-repair") && !posts.contains("kettle-lane"), "{posts}");
    let unmet = &folder.json("plan/plan.json")["unmet_limits"];
    assert_eq!(unmet.as_array().unwrap().len(), 1, "{unmet}");
}

#[test]
fn the_limits_that_cost_most_are_shown_and_explain_a_missing_post() {
    let folder = TestFolder::new();
    folder.write("rules/limits.toml", "[brand_day]\nat_most = 1\nper = [\"client\", \"day\"]\n");
    let out = folder.mcoe("plan small --out plan --tables csv").succeeds().out;
    assert!(out.contains("limit `brand_day` costs something in"), "{out}");
    let costs = &folder.json("plan/plan.json")["limits"][0];
    assert!(costs["limit"] == "brand_day" && costs["price"].as_f64().unwrap() > 0.0, "{costs}");
    assert_eq!(costs["bounds"], "at most 1 post a day");
    let table = folder.table("plan/limit_costs.csv");
    assert_eq!((table.column("limit"), table.column("bounds")), (vec!["brand_day"], vec!["at most 1 post a day"]));
    assert_eq!(table.column("price")[0].parse::<f64>().ok(), costs["price"].as_f64());
    let why = folder.mcoe("explain plan --why-not kettle-lane/fb/2026-10-20T09:00").succeeds().out;
    assert!(why.contains("limit brand_day: 1 of 1 used from 2026-10-20 00:00 on"), "{why}");
}

#[test]
fn plan_json_holds_the_plans_identity_and_reach() {
    let folder = TestFolder::new();
    let out = folder.mcoe("plan small --week 2026-W44 --out plan --format json").succeeds().json();
    let head = folder.json("plan/plan.json");
    assert_eq!(out, head);
    assert_eq!(head["format"], 1);
    assert_eq!(head["plan_id"].as_str().unwrap().len(), 36);
    assert_eq!((&head["scenario"], &head["scenario_path"]), (&"Two corner shops".into(), &"small".into()));
    assert_eq!((&head["week"], &head["tier"]), (&"2026-W44".into(), &"exact".into()));
    assert_eq!(head["version"], env!("CARGO_PKG_VERSION"));
    let checked = folder.mcoe("check --scenario small --format json").succeeds().json();
    assert_eq!(head["rules_hash"], checked["rules"]["hash"]);
    assert_eq!(head["scenario_hash"], checked["scenario"]["hash"]);
    let number = |key: &str| head[key].as_f64().unwrap();
    assert!(0.0 < number("objective") && number("objective") <= number("upper_bound"), "{head}");
    assert!(0.0 < number("reach") && number("reach") <= 1.0, "{head}");
}

#[test]
fn blocked_posts_do_not_count_towards_engagement_and_reach() {
    let folder = TestFolder::new();
    let table = "\n[nothing]\nscope = \"post\"\nconflict = \"policy\"\n";
    folder.write("rules/guardrails.toml", &(folder.read("rules/guardrails.toml") + table));
    folder.write("rules/nothing.rhai", "fn nothing(post, ctx) { block(\"no\", \"never\") }\n");
    let reach = "expected engagement 0; the posts that are not blocked reach 0.00 %";
    folder.mcoe("plan small --out plan").succeeds().stdout_has(&[reach]);
    let head = folder.json("plan/plan.json");
    assert_eq!((head["reach"].as_f64(), head["counts"]["blocked"] == head["counts"]["posts"]), (Some(0.0), true));
}

#[test]
fn the_counts_of_plan_json_are_those_of_its_tables() {
    let folder = TestFolder::new();
    folder.mcoe("plan small --out plan --tables csv").succeeds();
    let counts = &folder.json("plan/plan.json")["counts"];
    let posts = folder.table("plan/posts.csv");
    let count = |cells: &[(&str, &str)]| Value::from(posts.rows_where(cells).len());
    assert_eq!(counts["posts"], posts.rows.len());
    for status in ["ready", "pending", "blocked"] {
        assert_eq!(counts[status], count(&[("status", status)]), "{status}");
    }
    for risk in ["low", "medium", "high"] {
        assert_eq!(counts[format!("{risk}_risk")], count(&[("risk_level", risk)]), "{risk}");
    }
    assert_eq!(counts["clients"], 2);
    assert_eq!(counts["decisions"], folder.table("plan/decisions.csv").rows.len());
    let allocations = folder.table("plan/allocations.csv");
    let planned: usize = allocations.column("posts_planned").iter().map(|count| count.parse::<usize>().unwrap()).sum();
    assert_eq!(planned, posts.rows.len());
}

#[test]
fn csv_tables_have_the_columns_of_the_format_in_their_order() {
    let folder = TestFolder::new();
    folder.mcoe("plan small --out plan --tables csv").succeeds();
    let tables = [("posts", POST_COLUMNS), ("decisions", DECISION_COLUMNS), ("conflicts", CONFLICT_COLUMNS)];
    for (table, columns) in tables {
        assert_eq!(folder.table(&format!("plan/{table}.csv")).header.join(","), columns, "{table}");
    }
    let allocations = folder.table("plan/allocations.csv").header.join(",");
    assert!(allocations.starts_with(FIRST_ALLOCATION_COLUMNS), "{allocations}");
}

#[test]
fn rows_are_ordered_by_workspace_and_client() {
    let folder = TestFolder::new();
    let agency = project("scenarios/agency");
    folder.mcoe(&format!("plan {} --tables csv --out plan", agency.display())).succeeds();
    let posts = folder.table("plan/posts.csv");
    let order: Vec<_> = posts.column("workspace_id").into_iter().zip(posts.column("client_id")).collect();
    assert!(order.is_sorted() && !posts.column("client_id").is_sorted(), "{order:?}");
    let mut clients: Vec<&str> = order.into_iter().map(|(_, client)| client).collect();
    clients.dedup();
    let allocations = folder.table("plan/allocations.csv");
    let mut of_allocations = allocations.column("client_id");
    of_allocations.dedup();
    of_allocations.retain(|client| clients.contains(client));
    assert_eq!(of_allocations, clients);
}

#[test]
fn ids_are_unique_and_decisions_name_posts_of_the_plan() {
    let folder = TestFolder::new();
    folder.mcoe("plan small --out plan --tables csv").succeeds();
    let (posts, decisions) = (folder.table("plan/posts.csv"), folder.table("plan/decisions.csv"));
    let ids: BTreeSet<&str> = posts.column("post_id").into_iter().collect();
    assert_eq!(ids.len(), posts.rows.len());
    assert_eq!(decisions.column("decision_id").into_iter().collect::<BTreeSet<_>>().len(), decisions.rows.len());
    for row in &decisions.rows {
        let post = decisions.cell(row, "post_id");
        assert!(post.is_empty() || ids.contains(post), "{row:?}");
        for json in ["decision_payload", "source_signals"] {
            let value: Value = serde_json::from_str(decisions.cell(row, json)).unwrap();
            assert!(value.is_object(), "{row:?}");
        }
    }
    for post in ids {
        let rows = decisions.rows_where(&[("post_id", post)]);
        for action in ["select_asset", "time_choice", "posting_decision"] {
            assert!(rows.iter().any(|row| decisions.cell(row, "action_type") == action), "{post} has no {action}");
        }
    }
}

#[test]
fn each_workspaces_calendar_holds_every_post_and_blocked_ones_as_cancelled() {
    let folder = TestFolder::new();
    folder.mcoe("plan small --out plan --calendar --tables csv").succeeds();
    let calendars: Vec<String> = folder.files_in("plan").into_keys().filter(|name| name.ends_with(".ics")).collect();
    assert_eq!(calendars.len(), 1, "one workspace: {calendars:?}");
    let calendar = folder.read(&format!("plan/{}", calendars[0]));
    assert!(calendar.starts_with("BEGIN:VCALENDAR\r\n") && calendar.ends_with("END:VCALENDAR\r\n"), "{calendar}");
    let posts = folder.table("plan/posts.csv");
    let live = posts.rows.iter().filter(|row| posts.cell(row, "status") != "blocked").count();
    assert!(live > 0 && live < posts.rows.len());
    assert_eq!(calendar.matches("BEGIN:VEVENT").count(), posts.rows.len());
    assert_eq!(calendar.matches("STATUS:CANCELLED").count(), posts.rows.len() - live);
    assert!(calendar.lines().all(|line| line.trim_end_matches('\r').len() <= 75), "calendar lines fold at 75 bytes");
}

#[test]
fn the_plan_is_the_same_on_one_thread_and_on_four() {
    let folder = TestFolder::new();
    folder.copy_scenario("agency");
    let plan = |threads: u32| {
        let line = format!(
            "plan agency --out plan --force --calendar --tables csv --export-instances instances --threads {threads}"
        );
        folder.mcoe(&line).succeeds();
        (folder.files_in("plan"), folder.files_in("instances"))
    };
    assert!(plan(1) == plan(4), "the files differ");
}

fn number(instance: &Value, key: &str) -> f64 {
    instance[key].as_f64().unwrap_or_else(|| panic!("{key}: {instance}"))
}

fn numbers(instance: &Value, key: &str) -> Vec<f64> {
    instance[key].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn hours(instance: &Value, key: &str) -> Vec<usize> {
    let hours = instance[key].as_array().into_iter().flatten();
    hours.map(|hour| usize::try_from(hour.as_u64().unwrap()).unwrap()).collect()
}

/// The response of an exported instance: piecewise linear in format 1, saturating in format 2, either in format 3.
fn read_response(json: &Value) -> FatigueResponse {
    let intercept = |piece: usize| json["response"][piece][0].as_f64().unwrap();
    let slope = |piece: usize| json["response"][piece][1].as_f64().unwrap();
    let is_linear = json["response"].is_array();
    match json["format"].as_u64().unwrap() {
        1 | 3 if is_linear => FatigueResponse::Linear(LinearResponse {
            warn_at: (intercept(1) - intercept(0)) / (slope(1) - slope(0)),
            slope_below: slope(0),
            slope_above: slope(1),
        }),
        2 | 3 => {
            assert_eq!(json["response"]["shape"], "saturating");
            FatigueResponse::Saturating(SaturatingResponse {
                fatigue_per_post: number(json, "fatigue_per_post"),
                strength: number(&json["response"], "strength"),
            })
        }
        1 => {
            assert_eq!(json["response_kind"], "power");
            FatigueResponse::Saturating(SaturatingResponse {
                fatigue_per_post: number(&json["response"], "scale"),
                strength: number(&json["response"], "exponent"),
            })
        }
        format => panic!("format {format}"),
    }
}

/// The exported instance as an outside solver would read it.
fn read_instance(json: &Value) -> Instance {
    Instance {
        value: numbers(json, "value"),
        allowed: json["allowed"].as_array().unwrap().iter().map(|allowed| allowed.as_bool().unwrap()).collect(),
        posts_max: number(json, "posts_max") as usize,
        spacing_hours: number(json, "spacing_hours") as usize,
        next_after: hours(json, "next_after"),
        hours_since_last_post: json["hours_since_last_post"].as_i64(),
        fatigue_start: number(json, "fatigue_start"),
        fatigue_per_post: number(json, "fatigue_per_post"),
        decay_per_hour: number(json, "decay_per_hour"),
        response: read_response(json),
        block_at: number(json, "block_at"),
        cost: json["cost"].as_f64().unwrap_or(0.0),
        end_weight: number(json, "end_weight"),
        committed: hours(json, "committed"),
    }
}

#[test]
fn an_exported_instance_has_every_key_and_a_feasible_solution() {
    let folder = TestFolder::new();
    assert_exported_instances(&folder, 3);
    folder.replace("rules/assets.toml", "cost_per_hour = 20", "cost_per_hour = 0");
    let channels = folder.read("rules/channels.toml");
    folder.write("rules/channels.toml", &channels.replace("\nperson_worth = ", "\nperson_worth = 0 # "));
    assert_exported_instances(&folder, 2);
    let linear = "response = \"linear\"\nslope_below_warn = 0.6\nslope_above_warn = 1.4";
    folder.replace("rules/fatigue.toml", "response = \"saturating\"", linear);
    assert_exported_instances(&folder, 1);
}

fn assert_exported_instances(folder: &TestFolder, format: u64) {
    folder.mcoe("plan small --out plan --force --export-instances instances").succeeds();
    let files = folder.files_in("instances");
    let names: Vec<&str> = files.keys().map(String::as_str).filter(|name| *name != ".mcoe").collect();
    assert_eq!(
        names,
        [
            "kettle-lane-email.json",
            "kettle-lane-fb.json",
            "kettle-lane-ig.json",
            "kettle-lane-limits.json",
            "orbit-repair-fb.json",
            "orbit-repair-limits.json",
            "orbit-repair-x.json"
        ]
    );
    let (limits, names): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| name.ends_with("-limits.json"));
    for name in limits {
        let json = folder.json(&format!("instances/{name}"));
        assert_eq!((&json["format"], &json["kind"]), (&2.into(), &"client_week".into()));
        assert_eq!(name, format!("{}-limits.json", json["scope"].as_str().unwrap()));
        assert_eq!(json["limits"].as_array().unwrap().len(), 7, "the policy's maximum of each day");
        assert!(number(&json, "objective") <= number(&json, "upper_bound") + 1e-9, "{name}");
        assert_bound_follows_from_prices(&json);
    }
    for name in names {
        let json = folder.json(&format!("instances/{name}"));
        assert_eq!(json["format"], format);
        assert_eq!(format!("{}-{}.json", json["client_id"].as_str().unwrap(), json["channel"].as_str().unwrap()), name);
        let (hour_count, offset) = if name.starts_with("kettle") { (169, "+01:00") } else { (168, "-04:00") };
        assert_eq!(json["week_start"], format!("2026-10-19T00:00:00{offset}"));
        assert_eq!(json["hours"], hour_count, "London's week has a repeated hour");
        assert_eq!(json["optimal"], true);
        let instance = read_instance(&json);
        assert_eq!((instance.value.len(), instance.allowed.len()), (hour_count, hour_count));
        let counts_days = name == "kettle-lane-email.json";
        assert_eq!(json.get("next_after").is_some(), counts_days, "{name}: 24 hours are a day, and the clocks change");
        assert_eq!(instance.next_after.len(), if counts_days { 169 } else { 0 });
        let chosen = hours(&json, "chosen");
        assert!(instance.is_feasible(&chosen), "{name}");
        let objective = number(&json, "objective");
        assert!((instance.objective(&chosen) - objective).abs() <= 1e-9 * objective.abs(), "{name}");
        let solved = Solver::default().solve(&instance).objective;
        assert!((solved - objective).abs() <= 1e-9 * objective.abs(), "{name}: {solved} is not {objective}");
    }
}

/// The bound of an exported week under limits is derived again from its prices, by the fields alone.
fn assert_bound_follows_from_prices(week: &Value) {
    let channels = week["channels"].as_array().unwrap();
    let mut prices: Vec<Vec<f64>> =
        channels.iter().map(|channel| vec![0.0; channel["hours"].as_u64().unwrap() as usize]).collect();
    let mut bound = 0.0;
    for row in week["limits"].as_array().unwrap() {
        let price = number(row, "price");
        bound += price * number(row, "bound");
        for term in row["terms"].as_array().unwrap() {
            let [channel, hour] = [0, 1].map(|index| term[index].as_u64().unwrap() as usize);
            prices[channel][hour] += price * term[3].as_f64().unwrap();
        }
    }
    for (channel, prices) in channels.iter().zip(&prices) {
        let best = Solver::default().solve_with_prices(&read_instance(channel), prices);
        bound += best.objective - best.chosen.iter().map(|hour| prices[*hour]).sum::<f64>();
    }
    let stated = number(week, "upper_bound");
    assert!((bound - stated).abs() <= 1e-6 * stated.abs().max(1.0), "{bound} is not {stated}");
}

#[test]
fn the_week_of_a_workspace_with_shared_limits_is_exported() {
    let folder = TestFolder::new();
    folder.write(
        "rules/limits.toml",
        "[agency_day]\nat_most = 2\nper = [\"workspace\", \"day\"]\n[brand_week]\nat_most = 9\n",
    );
    folder.mcoe("plan small --out plan --export-instances instances").succeeds();
    let week = folder.json("instances/corner.workspace-limits.json");
    assert_eq!(
        (&week["format"], &week["kind"], &week["scope"]),
        (&2.into(), &"workspace_week".into(), &"corner".into())
    );
    assert_eq!(week["channels"].as_array().unwrap().len(), 5);
    let ids: Vec<&str> = week["limits"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"agency_day from 2026-10-19"), "{ids:?}");
    assert!(ids.contains(&"kettle-lane: brand_week from 2026-10-19T00:00:00"), "{ids:?}");
    assert!(number(&week, "objective") <= number(&week, "upper_bound") + 1e-9, "{week}");
    assert_bound_follows_from_prices(&week);
}

#[test]
fn instances_can_be_exported_into_the_plans_folder() {
    let folder = TestFolder::new();
    folder.mcoe("plan small --out plan --export-instances plan/instances").succeeds();
    let files = folder.files_in("plan");
    assert!(
        files.contains_key("plan.json") && files.contains_key("instances/orbit-repair-x.json"),
        "{:?}",
        files.keys()
    );
    assert_eq!(folder.entries(), ["plan", "rules", "small"]);
}

#[test]
fn paused_and_churned_clients_get_no_plan() {
    let folder = TestFolder::new();
    folder.replace("small/clients.csv", "America/New_York,active", "America/New_York,paused");
    folder.mcoe("plan small --out plan --tables csv").succeeds();
    assert_eq!(folder.json("plan/plan.json")["counts"]["clients"], 1);
    folder.replace("small/clients.csv", "Europe/London,active", "Europe/London,churned");
    let head = folder.mcoe("plan small --out empty --format json").succeeds().json();
    assert_eq!((&head["counts"]["clients"], &head["counts"]["posts"]), (&0.into(), &0.into()));
}

#[test]
fn limits_that_clients_share_are_printed_with_the_bound_of_all_clients() {
    let folder = TestFolder::new();
    folder.write("rules/limits.toml", "[agency_day]\nat_most = 2\nper = [\"workspace\", \"day\"]\n");
    folder.mcoe("plan small --out plan").succeeds().stdout_has(&[
        "the clients of workspace `corner` share limits: together they reach ",
        "in workspace `corner`, clients compete for the limit `agency_day` (at most 2 posts a day for all clients \
         together) in 6\u{a0}periods: one post more would earn up to ",
    ]);
    let plan = folder.json("plan/plan.json");
    let [cost] = plan["shared_limits"].as_array().unwrap().as_slice() else { panic!("{plan}") };
    assert_eq!((&cost["limit"], &cost["workspace_id"]), (&"agency_day".into(), &"corner".into()));
    assert!(cost["highest"]["price"].as_f64().unwrap() > 0.0, "{cost}");
}
