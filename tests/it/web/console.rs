//! The console without a browser: sessions, forms and the text of pages.

use chrono::Utc;
use mcoe::model::{Role, Timestamp, Week, plus_days};
use serde_json::json;

use super::{HARBOUR, HUDSON, coming_week, pending_id, plan_agency, schedules};
use crate::support::{
    HttpClient, Response, TestDatabase, TestServer, at, compiled, default_pack, on_both, shipped_scenario, token,
};

const BASE: &str = "/founder/orchestration";

/// A session: the client, its cookie and the CSRF token of its forms.
struct Session {
    http: HttpClient,
    cookie: String,
    csrf: String,
}

fn cookie_of(answer: &Response) -> String {
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {}", answer.text));
    for word in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

fn csrf_of(page: &str) -> String {
    let rest = page.split("name=\"csrf\" value=\"").nth(1).unwrap_or_else(|| panic!("no form: {page}"));
    rest.split('"').next().unwrap().to_owned()
}

impl Session {
    fn sign_in(server: &TestServer, token: &str) -> Self {
        let http = server.anonymous_client();
        let form = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        let answer =
            http.send("POST", &format!("{BASE}/login"), &form, Some(&format!("token={token}&next={BASE}/channels")));
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some("/founder/orchestration/channels")),
            "{}",
            answer.text
        );
        let cookie = cookie_of(&answer);
        let mut session = Self { http, cookie, csrf: String::new() };
        session.csrf = csrf_of(&session.get("").text);
        session
    }

    fn get(&self, path: &str) -> Response {
        self.http.send("GET", &format!("{BASE}{path}"), &[("cookie", &self.cookie)], None)
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.post_as(&self.csrf, path, fields)
    }

    fn post_as(&self, csrf: &str, path: &str, fields: &[(&str, &str)]) -> Response {
        let mut all = vec![("csrf", csrf)];
        all.extend(fields);
        let body = serde_urlencoded::to_string(all).unwrap();
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("cookie", &*self.cookie)];
        self.http.send("POST", &format!("{BASE}{path}"), &headers, Some(&body))
    }
}

on_both! {
    async fn visitors_are_redirected_to_sign_in_and_back(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let secret = token(database, HARBOUR, "ann", Role::Viewer);
        let http = server.anonymous_client();
        for path in ["", "/channels", "/conflicts", "/decisions", "/runs", "/schedules/x", "/jobs/x"] {
            let answer = http.get(&format!("{BASE}{path}"));
            assert_eq!(answer.status, 303, "{path}: {}", answer.text);
            assert!(answer.header("location").unwrap().starts_with("/founder/orchestration/login?next="), "{path}");
        }
        for path in ["/confirm", "/change", "/run", "/what-if", "/logout"] {
            let form = [("content-type", "application/x-www-form-urlencoded")];
            assert_eq!(http.send("POST", &format!("{BASE}{path}"), &form, Some("csrf=x")).status, 303, "{path}");
        }
        // A request for a part of a page gets the sign-in form itself.
        let part = http.send("GET", &format!("{BASE}/jobs/x"), &[("hx-request", "true")], None);
        assert!(part.status == 401 && part.text.contains("name=\"token\""));
        let session = Session::sign_in(&server, &secret);
        let page = session.get("");
        assert!(page.status == 200 && page.text.contains("ann"), "{}", page.text);
        assert_eq!(session.post("/logout", &[]).status, 303);
        assert_eq!(session.get("").status, 303);
    }

    async fn a_wrong_token_is_reported_and_refused(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        token(database, HARBOUR, "ann", Role::Viewer);
        let http = server.anonymous_client();
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let answer = http.send("POST", &format!("{BASE}/login"), &form, Some("token=mcoe_x&next=https://evil.example"));
        assert!(answer.status == 401 && answer.text.contains("role=\"alert\""), "{}", answer.text);
        assert!(!answer.text.contains("evil.example"));
        let cross_site = [form[0], ("sec-fetch-site", "cross-site")];
        assert_eq!(http.send("POST", &format!("{BASE}/login"), &cross_site, Some("token=x")).status, 403);
    }

    async fn a_form_of_another_session_changes_nothing(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let session = Session::sign_in(&server, &token(database, HARBOUR, "ada", Role::Admin));
        let other = Session::sign_in(&server, &token(database, HARBOUR, "eve", Role::Admin));
        let http = server.client_with(&token(database, HARBOUR, "vic", Role::Viewer));
        let id = pending_id(&http, HARBOUR);
        for csrf in ["", "x", &other.csrf, &session.cookie] {
            for (path, fields) in [
                ("/change", vec![("ids", id.as_str()), ("action", "approve")]),
                ("/run", vec![("action", "daily")]),
                ("/what-if", vec![("weeks", "1")]),
                ("/logout", vec![]),
            ] {
                let refused = session.post_as(csrf, path, &fields);
                assert!(refused.status == 403 && refused.text.contains("does not belong to this session"), "{path} {csrf}");
            }
        }
        assert_eq!(pending_id(&http, HARBOUR), id);
        assert_eq!(session.get("").status, 200);
    }

    async fn a_change_is_described_before_and_after_it_happens(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let session = Session::sign_in(&server, &token(database, HARBOUR, "amy", Role::Approver));
        let viewer = server.client_with(&token(database, HARBOUR, "vic", Role::Viewer));
        let id = pending_id(&viewer, HARBOUR);
        let back = format!("{BASE}?status=pending");
        let confirmation = session.post("/confirm", &[("ids", &id), ("action", "approve"), ("back", &back)]);
        for words in ["Approve 1 post?", "At its scheduled time", "Nothing is published"] {
            assert!(confirmation.text.contains(words), "{words}: {}", confirmation.text);
        }
        assert_eq!(pending_id(&viewer, HARBOUR), id);
        let done = session.post("/change", &[("ids", &id), ("action", "approve"), ("back", &back)]);
        assert_eq!(done.status, 303, "{}", done.text);
        let location = done.header("location").unwrap().to_owned();
        assert!(location.starts_with(&back) && location.contains("done=approve"), "{location}");
        let page = session.get(location.strip_prefix(BASE).unwrap());
        assert!(page.text.contains("1 post approved."), "{}", page.text);
        let record = viewer.get(&format!("/api/orchestration/schedules/{id}")).ok_json();
        let schedule = &record["schedule"];
        assert_eq!((&schedule["status"], &schedule["approved_by"]), (&"ready".into(), &"amy".into()));
        let none_selected = session.post("/confirm", &[("action", "approve"), ("back", "https://evil.example")]);
        let text = &none_selected.text;
        assert!(text.contains("No post is selected") && !text.contains("evil"), "{text}");
        let repeated = session.post("/confirm", &[("ids", &id), ("action", "approve")]);
        assert!(repeated.text.contains("None of these can be approved"), "{}", repeated.text);
    }

    async fn each_role_sees_only_buttons_that_it_may_use(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let viewer = Session::sign_in(&server, &token(database, HARBOUR, "vic", Role::Viewer));
        let page = viewer.get("?status=pending").text;
        assert!(!page.contains("value=\"approve\"") && !page.contains("value=\"weekly\""), "{page}");
        let id = pending_id(&server.client_with(&token(database, HARBOUR, "v2", Role::Viewer)), HARBOUR);
        assert_eq!(viewer.post("/change", &[("ids", &id), ("action", "approve")]).status, 403);
        assert_eq!(viewer.post("/run", &[("action", "daily")]).status, 403);
        let approver = Session::sign_in(&server, &token(database, HARBOUR, "amy", Role::Approver));
        let page = approver.get("?status=pending").text;
        assert!(page.contains("value=\"approve\"") && !page.contains("value=\"weekly\""), "{page}");
    }

    async fn pages_of_another_workspace_are_not_found(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let session = Session::sign_in(&server, &token(database, HARBOUR, "ada", Role::Admin));
        let stranger = server.client_with(&token(database, HUDSON, "hal", Role::Admin));
        let id = schedules(&stranger, HUDSON, "")[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(session.get(&format!("/schedules/{id}")).status, 404);
        assert_eq!(session.get(&format!("/schedules/{id}?workspace={HUDSON}")).status, 404);
        assert_eq!(session.get(&format!("?workspace={HUDSON}")).status, 404);
        assert_eq!(session.post("/confirm", &[("ids", &id), ("action", "approve")]).status, 404);
        assert_eq!(session.post("/change", &[("ids", &id), ("action", "approve"), ("workspace", HUDSON)]).status, 404);
    }

    async fn the_console_opens_on_pending_and_upcoming_posts(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let secret = token(database, HARBOUR, "ada", Role::Admin);
        let (session, http) = (Session::sign_in(&server, &secret), server.client_with(&secret));
        // The planned week is long past.
        let page = session.get("").text;
        assert!(page.contains("There are no upcoming posts.") && page.contains("sort=latest"), "{page}");
        assert!(!page.contains("type=\"checkbox\" name=\"ids\""), "{page}");
        http.wait_for_job(&http.post("/api/orchestration/scheduler", &json!({"action": "weekly"})).ok_json(), HARBOUR);
        let cancelled = schedules(&http, HARBOUR, "status=pending&sort=latest")[0]["id"].as_str().unwrap().to_owned();
        http.patch("/api/orchestration/schedules", &json!({"schedule_id": cancelled, "action": "cancel"})).ok_json();
        let page = session.get("").text;
        let (pending_part, ready_part) = page.split_once("Next to become drafts").unwrap();
        assert!(pending_part.contains(">Needs approval") && page.contains("Needs approval and up next"));
        let upcoming_ids = |status: &str| {
            let now = Timestamp::from(Utc::now()).to_string();
            let rows = schedules(&http, HARBOUR, &format!("status={status}&from={now}"));
            rows.iter().take(20).map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for (part, status) in [(pending_part, "pending"), (ready_part, "ready")] {
            let ids = upcoming_ids(status);
            assert!(!ids.is_empty());
            assert!(ids.iter().all(|id| part.contains(id.as_str())), "{status}: {part}");
        }
        assert!(!page.contains("is-cancelled"), "{page}");
        // The list of a client's posts also starts now.
        let client = schedules(&http, HARBOUR, "")[0]["client_id"].as_str().unwrap().to_owned();
        let page = session.get(&format!("?client={client}&sort=time")).text;
        assert!(page.contains("From now on") && !page.contains("6 Sep"), "{page}");
        let page = session.get(&format!("?client={client}&from=2026-09-07&to=2026-09-13")).text;
        assert!(!page.contains("From now on") && page.contains(" Sep, "), "{page}");
    }

    async fn the_week_view_opens_on_the_next_pending_week_with_all_posts(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let secret = token(database, HARBOUR, "ada", Role::Admin);
        let (session, http) = (Session::sign_in(&server, &secret), server.client_with(&secret));
        http.wait_for_job(&http.post("/api/orchestration/scheduler", &json!({"action": "weekly"})).ok_json(), HARBOUR);
        let week: Week = coming_week().parse().unwrap();
        let (monday, sunday) = (week.monday(), plus_days(week.monday(), 6));
        let page = session.get("?view=week").text;
        assert!(page.contains(&format!("{} to", monday.format("%-d %B"))), "{page}");
        let posts = schedules(&http, HARBOUR, &format!("from={monday}&to={sunday}"));
        assert!(posts.len() > 40, "{}", posts.len());
        assert_eq!(page.matches("<li class=\"post ").count(), posts.len());
        assert!(page.contains(" risk</span>") && !page.contains("<details open"), "{page}");
        let client = posts[0]["client_id"].as_str().unwrap();
        let page = session.get(&format!("?view=week&client={client}")).text;
        assert!(page.contains("<details open"), "{page}");
    }

    async fn the_page_of_a_post_shows_its_recorded_cost_and_net_worth(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let session = Session::sign_in(&server, &token(database, HARBOUR, "vic", Role::Viewer));
        let http = server.client_with(&token(database, HARBOUR, "api", Role::Viewer));
        let rows = schedules(&http, HARBOUR, "status=pending");
        let row = rows.iter().find(|row| row["metadata"]["cost"].as_f64() > Some(0.0)).expect("a post has a cost");
        let page = || session.get(&format!("/schedules/{}", row["id"].as_str().unwrap())).text;
        for words in ["Expected cost", "Expected net worth", "What it is worth", "Worth of an engagement"] {
            assert!(page().contains(words), "{words}: {}", page());
        }
        // A post that was committed before these were recorded.
        let older = "UPDATE campaign_orchestration_schedules SET metadata = '{\"local_time\": \"2026-09-07T09:00+01:00\"}'";
        database.run(older).await.unwrap();
        assert!(page().contains("Expected engagement") && !page().contains("Expected cost"), "{}", page());
        assert!(!page().contains("What it is worth"));
    }

    async fn an_empty_ledger_has_a_help_page(database: &TestDatabase) {
        let ledger = database.ledger().await;
        let server = TestServer::start(database);
        let page = server.anonymous_client().get(BASE);
        assert_eq!(page.status, 200, "{}", page.text);
        for words in ["No data loaded yet", "mcoe db load SCENARIO", "mcoe import", "mcoe serve --demo"] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        let rules = compiled(default_pack());
        ledger.load(&shipped_scenario("small", &rules), &rules, at("2026-09-04T08:00:00Z")).await.unwrap();
        let page = server.anonymous_client().get(BASE);
        for words in ["Nothing is planned yet in this workspace", "Plan the coming week", "Approve or cancel those posts"] {
            assert!(page.status == 200 && page.text.contains(words), "{words}: {}", page.text);
        }
        assert!(!page.text.contains("mcoe db load SCENARIO"), "{}", page.text);
    }

    async fn every_empty_page_shows_a_hint(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let session = Session::sign_in(&server, &token(database, HARBOUR, "ada", Role::Admin));
        for (path, words) in [
            ("?client=nobody", "No post matches the filter."),
            ("?status=failed", "No post matches the filter."),
            ("/channels?client=nobody", "This client has no channels."),
            ("/conflicts?client=nobody", "No conflict of the last"),
            ("/decisions?actor=nobody", "No decision matches the filter."),
            ("/runs", "There are no runs yet."),
        ] {
            let page = session.get(path);
            assert!(page.status == 200 && page.text.contains(words), "{path}: {}", page.text);
        }
        for (path, status) in [("/schedules/nothing", 404), ("/jobs/nothing", 404), ("?chanel=fb", 400), ("?from=soon", 400)] {
            let page = session.get(path);
            assert_eq!(page.status, status, "{path}");
            assert!(page.header("content-type").unwrap().starts_with("text/html") && page.text.contains("<h1"), "{path}");
        }
    }
}
