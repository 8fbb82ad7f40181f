//! The console in a real Chromium.

use std::collections::BTreeSet;

use mcoe::model::Role;
use serde_json::json;

use super::{ESTIMATED_CLIENT, HARBOUR, add_estimates, plan_agency, plan_agency_under, schedules};
use crate::support::{Browser, TestDatabase, TestServer, block_on, rules_with_bands, token};

const BASE: &str = "/founder/orchestration";

/// The pages that exist before any run.
const PAGES: [&str; 6] = ["", "?view=week&from=2026-09-07", "/channels", "/conflicts?days=90", "/decisions", "/runs"];

async fn sign_in(server: &TestServer, token: &str, width: u32, dark: bool) -> Browser {
    let browser = Browser::open(server.address(), width, dark).await;
    browser.go_to(BASE).await;
    browser.find("input[name=token]").await.send_keys(token).await.unwrap();
    browser.press("\u{e007}").await;
    browser.wait_for_text("Need approval").await;
    browser
}

#[test]
fn a_founder_signs_in_approves_a_day_and_cancels_a_post() {
    let database = TestDatabase::sqlite();
    block_on(async {
        plan_agency(&database).await;
        let server = TestServer::start(&database);
        let secret = token(&database, HARBOUR, "founder", Role::Admin);
        let http = server.client_with(&secret);
        let browser = sign_in(&server, &secret, 1280, false).await;
        browser.go_to(&format!("{BASE}?status=pending&from=2026-09-07&to=2026-09-07")).await;
        let waiting = schedules(&http, HARBOUR, "status=pending&from=2026-09-07&to=2026-09-07").len();
        assert!(waiting > 0);
        browser.wait_for_text(&format!("{waiting} shown")).await;
        browser.save_screenshot("schedules").await;
        browser.click("[data-all]").await;
        browser.wait_for_text(&format!("{waiting} selected")).await;
        browser.click("button[name=action][value=approve]").await;
        let question = if waiting == 1 { "Approve 1 post?".to_owned() } else { format!("Approve {waiting} posts?") };
        browser.wait_for_text(&question).await;
        browser.save_screenshot("confirm").await;
        browser.click("main button[type=submit].primary").await;
        browser.wait_for_text("approved. Each becomes a draft at its scheduled time.").await;
        browser.wait_for_text("No post here needs approval.").await;
        assert!(schedules(&http, HARBOUR, "status=pending&from=2026-09-07&to=2026-09-07").is_empty());

        let before: BTreeSet<String> = ids(&schedules(&http, HARBOUR, "status=cancelled"));
        browser.go_to(&format!("{BASE}?status=pending")).await;
        browser.click("tbody input[name=ids]").await;
        browser.click("button[name=action][value=cancel]").await;
        browser.find("[name=reason]").await.send_keys("the shop is closed").await.unwrap();
        browser.click("main button[type=submit].danger").await;
        browser.wait_for_text("1 post cancelled.").await;
        let after = ids(&schedules(&http, HARBOUR, "status=cancelled"));
        let cancelled = after.difference(&before).next().unwrap();
        let record = http.get(&format!("/api/orchestration/schedules/{cancelled}")).ok_json();
        assert_eq!(record["schedule"]["blocked_reason"], "cancelled by founder: the shop is closed");
        browser.close().await;
    });
}

fn ids(rows: &[serde_json::Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn one_click_plans_the_week_and_shows_its_progress() {
    let database = TestDatabase::sqlite();
    block_on(async {
        plan_agency(&database).await;
        let server = TestServer::start(&database);
        let browser = sign_in(&server, &token(&database, HARBOUR, "founder", Role::Admin), 1280, false).await;
        browser.click("button[name=action][value=weekly], form:has([value=weekly]) button").await;
        browser.wait_for_text("committed:").await;
        browser.save_screenshot("job").await;
        assert!(browser.text().await.contains("planned for 20"), "{}", browser.text().await);
        browser.click("nav a[href*='/runs']").await;
        browser.wait_for_text("Weekly planning").await;
        browser.find("[name=weeks]").await.clear().await.unwrap();
        browser.find("[name=weeks]").await.send_keys("2").await.unwrap();
        browser.find("[name=set]").await.send_keys("channels.fb.weekly_posts=2").await.unwrap();
        browser.click("form[action$='/what-if'] button[type=submit]").await;
        browser.wait_for_text("Full report").await;
        browser.save_screenshot("comparison").await;
        let has_images = "const images = [...document.images];
            return images.length > 0 && images.every(image => image.naturalWidth > 0)";
        browser.wait_until(has_images).await;
        browser.close().await;
    });
}

#[test]
fn filters_and_explanations_work() {
    let database = TestDatabase::sqlite();
    block_on(async {
        plan_agency(&database).await;
        let server = TestServer::start(&database);
        let browser = sign_in(&server, &token(&database, HARBOUR, "founder", Role::Viewer), 1280, false).await;
        browser.evaluate("document.querySelector('select[name=channel]').value = 'fb'").await;
        browser.evaluate("document.querySelector('select[name=status]').value = 'pending'").await;
        browser.click("form.filter button[type=submit]").await;
        browser.wait_until("return location.search.includes('channel=fb')").await;
        let cells = "return [...document.querySelectorAll('td[data-label=Channel]')].map(td => td.innerText.trim())";
        let channels = browser.evaluate(cells).await;
        assert!(channels.as_array().unwrap().iter().all(|channel| channel == "fb"), "{channels}");
        browser.click("tbody th a").await;
        for words in ["Why this hour", "Why this content", "Guardrails", "Confidence", "History", "channels.toml:"] {
            browser.wait_for_text(words).await;
        }
        browser.save_screenshot("explanation").await;
        browser.close().await;
    });
}

#[test]
fn estimates_are_shown_beside_the_factors_of_an_hour_and_on_demand_for_a_channel() {
    let database = TestDatabase::sqlite();
    block_on(async {
        plan_agency(&database).await;
        add_estimates(&database).await;
        let server = TestServer::start(&database);
        let secret = token(&database, HARBOUR, "founder", Role::Viewer);
        let of_client = format!("channel=fb&clientId={ESTIMATED_CLIENT}");
        let post = schedules(&server.client_with(&secret), HARBOUR, &of_client)[0].clone();
        let browser = sign_in(&server, &secret, 1280, false).await;
        browser.go_to(&format!("{BASE}/schedules/{}", post["id"].as_str().unwrap())).await;
        browser.wait_for_text("Estimate from past posts, 90 % interval").await;
        browser.wait_for_text("from the client's posts").await;
        browser.save_screenshot("estimates-of-an-hour").await;
        browser.go_to(&format!("{BASE}/channels?client={ESTIMATED_CLIENT}")).await;
        browser.wait_for_text("Estimates from past posts").await;
        browser.wait_until("return !document.querySelector('.all-estimates').open").await;
        browser.click(".all-estimates summary").await;
        browser.wait_until("return document.querySelector('.all-estimates[open] table').offsetHeight > 0").await;
        browser.wait_for_text("12:00 to 15:00").await;
        browser.save_screenshot("estimates").await;
        browser.close().await;
    });
}

#[test]
fn the_console_works_with_the_keyboard_alone() {
    let database = TestDatabase::sqlite();
    block_on(async {
        plan_agency(&database).await;
        let server = TestServer::start(&database);
        let secret = token(&database, HARBOUR, "founder", Role::Admin);
        let http = server.client_with(&secret);
        let browser = sign_in(&server, &secret, 1280, false).await;
        browser.go_to(&format!("{BASE}?status=pending&risk=low")).await;
        browser.wait_for_text("shown").await;
        let before = schedules(&http, HARBOUR, "status=pending").len();
        tab_to(&browser, "input[name=ids]").await;
        browser.press(" ").await;
        browser.wait_for_text("1 selected").await;
        // Back to the buttons before the table.
        browser.evaluate("document.querySelector('[data-all]').focus()").await;
        tab_to(&browser, "button[value=approve]").await;
        browser.press("\u{e007}").await;
        browser.wait_for_text("Approve 1 post?").await;
        tab_to(&browser, "main button[type=submit]").await;
        browser.press("\u{e007}").await;
        browser.wait_for_text("1 post approved.").await;
        assert_eq!(schedules(&http, HARBOUR, "status=pending").len(), before - 1);
        // The first tab stop of a page is a link to its content.
        browser.go_to(BASE).await;
        browser.press("\u{e004}").await;
        let first = browser.evaluate("return document.activeElement.getAttribute('href')").await;
        assert!(first.as_str().unwrap_or_default().starts_with('#'), "{first}");
        browser.close().await;
    });
}

fn button_says(action: &str, words: &str) -> String {
    format!("return document.querySelector('button[value={action}]').textContent === '{words}'")
}

#[test]
fn select_all_selects_what_the_action_can_change() {
    let database = TestDatabase::sqlite();
    block_on(async {
        plan_agency_under(&rules_with_bands("0.88", "0.95"), &database).await;
        let server = TestServer::start(&database);
        // Whoever planned the week may cancel high-risk posts, but not approve them.
        let secret = token(&database, HARBOUR, "ann", Role::Admin);
        let waiting = schedules(&server.client_with(&secret), HARBOUR, "status=pending");
        let shown = waiting.len().min(50);
        let high = waiting.iter().take(50).filter(|row| row["risk_level"] == "high").count();
        assert!(high > 0 && high < shown, "{high} of {shown}");
        let browser = sign_in(&server, &secret, 1280, false).await;
        browser.go_to(&format!("{BASE}?status=pending")).await;
        browser.click("[data-all=approve]").await;
        browser.wait_for_text(&format!("{} selected", shown - high)).await;
        browser.wait_until(&button_says("approve", &format!("Approve\u{a0}{}", shown - high))).await;
        browser.save_screenshot("select-all").await;
        browser.click("[data-all=cancel]").await;
        browser.wait_for_text(&format!("{shown} selected")).await;
        browser.wait_until(&button_says("cancel", &format!("Cancel posts\u{a0}{shown}"))).await;
        browser.wait_until(&button_says("approve", &format!("Approve\u{a0}{}", shown - high))).await;
        browser.click("[data-all=approve]").await;
        browser.click("button[name=action][value=approve]").await;
        browser.wait_for_text(&format!("Approve {} posts?", shown - high)).await;
        assert!(!browser.text().await.contains("Not changed"));
        browser.close().await;
    });
}

/// A script that returns the numbers of each table with a footer: those of its rows, and the one in its footer.
const TABLE_NUMBERS: &str = "return [...document.querySelectorAll('table:has(tfoot)')].map(table => ({
    parts: [...table.tBodies[0].rows].map(row => Number(row.cells[1].innerText.replace('x ', ''))),
    product: Number(table.tFoot.rows[0].cells[1].innerText),
}))";

#[test]
fn why_this_hour_ends_with_its_product_and_links_to_the_expected_engagement() {
    let database = TestDatabase::sqlite();
    block_on(async {
        plan_agency(&database).await;
        let server = TestServer::start(&database);
        let secret = token(&database, HARBOUR, "founder", Role::Admin);
        let http = server.client_with(&secret);
        http.wait_for_job(&http.post("/api/orchestration/scheduler", &json!({"action": "weekly"})).ok_json(), HARBOUR);
        let post = schedules(&http, HARBOUR, "status=ready&sort=latest")[0].clone();
        let browser = sign_in(&server, &secret, 1280, false).await;
        browser.go_to(&format!("{BASE}/schedules/{}", post["id"].as_str().unwrap())).await;
        browser.wait_for_text("Product: value of this hour").await;
        browser.wait_for_text("Product: expected engagement").await;
        let tables = browser.evaluate(TABLE_NUMBERS).await;
        let tables = tables.as_array().unwrap();
        assert_eq!(tables.len(), 3, "{tables:?}");
        for table in &tables[..2] {
            let parts: f64 = table["parts"].as_array().unwrap().iter().map(|part| part.as_f64().unwrap()).product();
            let product = table["product"].as_f64().unwrap();
            assert!((parts / product - 1.0).abs() < 0.02, "{parts} is not {product}: {table}");
        }
        let expected = post["expected_engagement"].as_f64().unwrap();
        assert!((tables[1]["product"].as_f64().unwrap() / expected - 1.0).abs() < 0.01, "{expected}: {tables:?}");
        let [engagement, worth, cost] = [0_usize, 1, 2].map(|part| tables[2]["parts"][part].as_f64().unwrap());
        let net_worth = tables[2]["product"].as_f64().unwrap();
        assert!(((engagement * worth + cost) / net_worth - 1.0).abs() < 0.02 && cost < 0.0, "{tables:?}");
        let text = browser.text().await;
        assert!(text.contains(&format!(": {} risk", post["risk_level"].as_str().unwrap())), "{text}");
        browser.save_screenshot("why-this-hour").await;
        browser.close().await;
    });
}

#[test]
fn the_first_post_is_near_the_top_on_a_phone() {
    let database = TestDatabase::sqlite();
    block_on(async {
        plan_agency(&database).await;
        let server = TestServer::start(&database);
        let secret = token(&database, HARBOUR, "founder", Role::Admin);
        let http = server.client_with(&secret);
        http.wait_for_job(&http.post("/api/orchestration/scheduler", &json!({"action": "weekly"})).ok_json(), HARBOUR);
        let browser = sign_in(&server, &secret, 390, false).await;
        for (page, first) in [("", "tbody tr"), ("?view=week", ".week summary"), ("?status=pending", "tbody tr")] {
            browser.go_to(&format!("{BASE}{page}")).await;
            browser.find(first).await;
            let top = browser
                .evaluate(&format!("return document.querySelector('{first}').getBoundingClientRect().top"))
                .await;
            assert!(top.as_f64().unwrap() < 2.0 * 844.0, "{page}: the first post is {top} pixels down");
            assert!(browser.overflow().await <= 0, "{page}");
            let barriers = browser.accessibility_violations().await;
            assert!(barriers.is_empty(), "{page}: {barriers:#?}");
            browser.save_screenshot(&format!("phone{}", page.replace(['?', '='], "-"))).await;
        }
        // Collapsed content opens.
        browser.go_to(BASE).await;
        browser.click(".filters summary").await;
        browser.find("select[name=channel]").await.click().await.unwrap();
        browser.go_to(&format!("{BASE}?view=week")).await;
        browser.click(".week summary").await;
        browser.wait_until("return document.querySelector('.week details[open] .post a').offsetHeight > 0").await;
        assert!(browser.overflow().await <= 0);
        browser.save_screenshot("phone-week-open").await;
        browser.close().await;
    });
}

#[test]
fn a_run_is_cancelled_with_a_click() {
    let database = TestDatabase::sqlite();
    block_on(async {
        plan_agency(&database).await;
        let server = TestServer::start(&database);
        let secret = token(&database, HARBOUR, "founder", Role::Admin);
        let long = json!({"weeks": 52, "replications": 200});
        let job = server.client_with(&secret).post("/api/orchestration/simulations", &long).ok_json();
        let browser = sign_in(&server, &secret, 1280, false).await;
        browser.go_to(&format!("{BASE}/jobs/{}", job["id"].as_str().unwrap())).await;
        browser.find("#cancel-job").await;
        // The part of the page with the button is replaced repeatedly.
        browser.evaluate("document.querySelector('#cancel-job').click()").await;
        browser.wait_for_text("Cancelled by founder.").await;
        browser.save_screenshot("cancelled-run").await;
        browser.close().await;
    });
}

/// Presses Tab until the focus is visibly on the element that matches a selector.
async fn tab_to(browser: &Browser, selector: &str) {
    for _ in 0..120 {
        browser.press("\u{e004}").await;
        let script = format!("return document.activeElement.matches(\"{selector}\")");
        if browser.evaluate(&script).await == true {
            let focus_style_script = "const style = getComputedStyle(document.activeElement);
                return style.outlineStyle !== 'none' || style.boxShadow !== 'none'";
            assert_eq!(browser.evaluate(focus_style_script).await, true, "the focus on {selector} cannot be seen");
            return;
        }
    }
    panic!("the keyboard does not reach {selector}");
}

#[test]
fn pages_fit_a_phone_and_are_accessible_in_light_and_dark() {
    let database = TestDatabase::sqlite();
    block_on(async {
        plan_agency(&database).await;
        add_estimates(&database).await;
        let server = TestServer::start(&database);
        let secret = token(&database, HARBOUR, "founder", Role::Admin);
        let schedule =
            schedules(&server.client_with(&secret), HARBOUR, "status=pending")[0]["id"].as_str().unwrap().to_owned();
        let schedule_page = format!("/schedules/{schedule}");
        let channels_page = format!("/channels?client={ESTIMATED_CLIENT}");
        let more_pages = [schedule_page.as_str(), channels_page.as_str(), "/schedules/nothing"];
        for (width, dark) in [(1280, false), (1280, true), (390, false), (390, true)] {
            let browser = sign_in(&server, &secret, width, dark).await;
            for page in PAGES.into_iter().chain(more_pages) {
                browser.go_to(&format!("{BASE}{page}")).await;
                assert!(browser.overflow().await <= 0, "{page} is wider than {width} pixels");
                let barriers = browser.accessibility_violations().await;
                assert!(barriers.is_empty(), "{page} at {width}, dark {dark}: {barriers:#?}");
                let name = page.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
                let name: String = name.chars().take(20).collect();
                browser.save_screenshot(&format!("page{name}-{width}-{}", if dark { "dark" } else { "light" })).await;
            }
            let is_dark = browser.evaluate("return matchMedia('(prefers-color-scheme: dark)').matches").await;
            assert_eq!(is_dark, dark);
            browser.close().await;
        }
    });
}
