//! Estimates of a client's channels in the API and the console, and the limits that clients share in a preview.

use mcoe::model::{Channel, EstimateSource, Role, WorldEstimate, WorldParameter};
use serde_json::{Value, json};

use super::{ESTIMATED_CLIENT, HARBOUR, HUDSON, add_estimates, coming_week, plan_agency, schedules};
use crate::support::{HttpClient, TestDatabase, TestServer, compiled, on_both, options, pack_with_file, token};

/// The estimates that the tests load, sorted.
pub(super) fn estimates() -> Vec<WorldEstimate> {
    use EstimateSource::{Channel as OfChannel, Data, Pack, Prior};
    let estimate = |channel, parameter, value, standard_error, source| WorldEstimate {
        channel,
        parameter,
        value,
        standard_error,
        source,
    };
    vec![
        estimate(Channel::Fb, WorldParameter::Level, 400.0, 0.1, Data),
        estimate(Channel::Fb, WorldParameter::Hours(3), 1.125, 0.02, Data),
        estimate(Channel::Fb, WorldParameter::Hours(4), 0.95, 0.02, OfChannel),
        estimate(Channel::Fb, WorldParameter::Weekday(1), 1.0625, 0.25, Pack),
        estimate(Channel::Fb, WorldParameter::Weekday(2), 0.875, 0.25, Pack),
        estimate(Channel::Fb, WorldParameter::ContentType("photo".into()), 1.25, 0.1, Data),
        estimate(Channel::Ig, WorldParameter::HalfLifeHours, 20.0, 0.5, Prior),
    ]
}

/// The estimates that the API lists for a query.
fn listed(http: &HttpClient, query: &str) -> Vec<Value> {
    let path = format!("/api/orchestration/clients/{ESTIMATED_CLIENT}/estimates?{query}");
    http.get(&path).ok_json()["estimates"].as_array().unwrap().clone()
}

const PAGE: &str = "/founder/orchestration/channels";

on_both! {
    async fn a_clients_estimates_have_intervals_and_assumptions_are_marked(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let in_harbour = format!("workspaceId={HARBOUR}");
        assert_eq!(listed(&http, &in_harbour), [json!(null); 0]);
        let page = http.get(&format!("{PAGE}?workspace={HARBOUR}&client={ESTIMATED_CLIENT}"));
        assert!(page.text.contains("Nothing is estimated about this client’s channels."), "{}", page.text);
        add_estimates(database).await;
        let found = listed(&http, &in_harbour);
        let expected = estimates();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            let [low, high] = expected.interval();
            assert_eq!(found["parameter"], expected.parameter.to_string());
            for (field, number) in [("value", expected.value), ("low", low), ("high", high)] {
                assert!((found[field].as_f64().unwrap() - number).abs() < 1e-9, "{field}: {found}");
            }
            let is_assumed = ["prior", "pack"].contains(&expected.source.name());
            assert_eq!((&found["source"], &found["is_assumed"]), (&json!(expected.source), &json!(is_assumed)));
        }
        assert_eq!(listed(&http, &format!("{in_harbour}&channel=ig")).len(), 1);
        let page = http.get(&format!("{PAGE}?workspace={HARBOUR}&client={ESTIMATED_CLIENT}")).text;
        for words in ["Best hours: 09:00 to 12:00", "+12", "All 6 estimates of fb", "earlier studies", "assumed"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        let all_clients = http.get(&format!("{PAGE}?workspace={HARBOUR}")).text;
        assert!(!all_clients.contains("Best hours") && all_clients.contains("Choose a client"), "{all_clients}");
    }

    async fn nobody_sees_the_estimates_of_another_workspace(database: &TestDatabase) {
        plan_agency(database).await;
        add_estimates(database).await;
        let server = TestServer::start(database);
        let own = server.client_with(&token(database, HARBOUR, "ann", Role::Viewer));
        assert_eq!(listed(&own, "").len(), estimates().len());
        let path = format!("/api/orchestration/clients/{ESTIMATED_CLIENT}/estimates");
        let other = server.client_with(&token(database, HUDSON, "eve", Role::Admin));
        let refused = other.get(&path).refused(404);
        assert_eq!(refused["detail"], other.get("/api/orchestration/clients/nobody/estimates").refused(404)["detail"]);
        assert!([403, 404].contains(&other.get(&format!("{path}?workspaceId={HARBOUR}")).status));
        server.anonymous_client().get(&path).refused(401);
    }

    async fn a_preview_shows_the_limits_that_clients_share(database: &TestDatabase) {
        plan_agency(database).await;
        let limits = "[agency_day]\nat_most = 4\nper = [\"workspace\", \"day\"]\n";
        let server = TestServer::start_under(compiled(pack_with_file("limits.toml", limits)), database, options());
        let http = server.anonymous_client();
        let preview = |body: Value| {
            let job = http.post("/api/orchestration/plans", &body).ok_json();
            http.wait_for_job(&job, HARBOUR)
        };
        let job = preview(json!({"workspaceId": HARBOUR, "week": coming_week()}));
        let result = &job["result"];
        let [workspace] = result["workspaces"].as_array().unwrap().as_slice() else { panic!("{result}") };
        assert_eq!(workspace["workspace_id"], HARBOUR);
        let [value, bound, gap] = ["objective", "upper_bound", "gap"].map(|field| workspace[field].as_f64().unwrap());
        assert!(value > 0.0 && bound >= value && (gap - (1.0 - value / bound)).abs() < 1e-9, "{workspace}");
        let shared = result["shared_limits"].as_array().unwrap();
        let price = |limit: &Value| limit["price"].as_f64().unwrap();
        assert_eq!(shared.len(), 7, "{shared:?}");
        assert!(shared.windows(2).all(|pair| price(&pair[0]) >= price(&pair[1])), "{shared:?}");
        assert!(shared.iter().all(|limit| limit["allowed"] == 4.0 && limit["used"].as_f64().unwrap() <= 4.0));
        let [cost] = result["shared_limit_costs"].as_array().unwrap().as_slice() else { panic!("{result}") };
        assert_eq!((&cost["periods"], &cost["bounds"]), (&json!(7), &json!("at most 4 posts a day for all clients together")));
        assert_eq!(cost["highest"]["price"], shared[0]["price"]);
        assert!((price(cost) - shared.iter().map(price).sum::<f64>()).abs() < 1e-6, "{cost}");
        let page = http.get(&format!("/founder/orchestration/jobs/{}?workspace={HARBOUR}", job["id"].as_str().unwrap()));
        for words in ["Limits that clients share", "at most 4 posts a day for all clients together", "however the shared"] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        // The preview of one client has the same bound, since it is that of all clients.
        let client = schedules(&http, HARBOUR, "")[0]["client_id"].clone();
        let of_one = preview(json!({"workspaceId": HARBOUR, "week": coming_week(), "client_id": client}));
        assert_eq!(of_one["result"]["workspaces"], result["workspaces"]);
    }
}
