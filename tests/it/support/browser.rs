//! A real Chromium for the tests: Debian's package, installed if missing. ChromeDriver controls it on a free port
//! and stops with the tests' process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

use super::packages::find_or_install;

/// Starts ChromeDriver. When standard input ends, kills ChromeDriver and its browsers.
const SUPERVISE: &str = r#"
setsid chromedriver --port=0 2>&1 &
driver=$!
cat >/dev/null
kill -- -$driver 2>/dev/null
"#;

static DRIVER: Mutex<Option<Driver>> = Mutex::new(None);

/// The ChromeDriver that all tests share.
struct Driver {
    port: u16,
    _supervisor: Child,
}

impl Driver {
    fn start() -> Self {
        find_or_install("chromedriver", &["chromium", "chromium-driver"]);
        let mut supervisor = Command::new("sh")
            .args(["-c", SUPERVISE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(supervisor.stdout.take().unwrap()).lines();
        let mut ports = lines.map_while(Result::ok).filter_map(|line| {
            line.rsplit_once("successfully on port ").map(|(_, port)| port.trim_end_matches('.').parse().unwrap())
        });
        let port = ports.next().expect("ChromeDriver prints the port on which it listens");
        // The rest of its output is read and discarded, so that the pipe does not fill up.
        std::thread::spawn(move || ports.count());
        Self { port, _supervisor: supervisor }
    }
}

/// The browser of one test.
pub struct Browser {
    pub page: Client,
    base_url: String,
}

impl Browser {
    /// Opens a browser for the server at an address. A width below 500 pixels emulates a phone.
    pub async fn open(address: std::net::SocketAddr, width: u32, dark: bool) -> Self {
        let port = {
            let mut driver = DRIVER.lock().unwrap();
            driver.get_or_insert_with(Driver::start).port
        };
        let mut arguments: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--window-size={width},900"));
        if dark {
            arguments.push("--force-dark-mode".to_owned());
            arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        let mut capabilities = Capabilities::new();
        let mut chrome = json!({"args": arguments});
        if width < 500 {
            chrome["mobileEmulation"] = json!({"deviceMetrics": {"width": width, "height": 844, "pixelRatio": 1.0}});
        }
        capabilities.insert("goog:chromeOptions".to_owned(), chrome);
        let page = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://localhost:{port}"))
            .await
            .unwrap();
        Self { page, base_url: format!("http://{address}") }
    }

    pub async fn go_to(&self, path: &str) {
        self.page.goto(&format!("{}{path}", self.base_url)).await.unwrap();
    }

    /// The first element that matches a selector. Waits until there is one.
    pub async fn find(&self, selector: &str) -> fantoccini::elements::Element {
        let wait = self.page.wait().at_most(Duration::from_secs(20));
        match wait.for_element(Locator::Css(selector)).await {
            Ok(element) => element,
            Err(error) => panic!("{selector}: {error}\n{}", self.text().await),
        }
    }

    pub async fn click(&self, selector: &str) {
        self.find(selector).await.click().await.unwrap();
    }

    /// The visible text of the page.
    pub async fn text(&self) -> String {
        let body = self.page.find(Locator::Css("body")).await.unwrap();
        body.text().await.unwrap()
    }

    /// Waits until the page contains a text.
    pub async fn wait_for_text(&self, expected: &str) {
        let start = std::time::Instant::now();
        loop {
            // A page that is being replaced may have no body.
            let shown = self.page.execute("return document.body ? document.body.innerText : ''", Vec::new()).await;
            let shown = shown.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default();
            if shown.contains(expected) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "`{expected}` is not in:\n{shown}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a script returns true.
    pub async fn wait_until(&self, script: &str) {
        let start = std::time::Instant::now();
        // A script may fail while the page is being replaced.
        while !self.page.execute(script, Vec::new()).await.is_ok_and(|result| result == true) {
            assert!(start.elapsed() < Duration::from_secs(30), "{script}\n{}", self.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends keys to the element that has the focus.
    pub async fn press(&self, keys: &str) {
        self.page.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// The result of a script on the page.
    pub async fn evaluate(&self, script: &str) -> Value {
        self.page.execute(script, Vec::new()).await.unwrap()
    }

    /// Serious and critical accessibility violations that axe finds.
    pub async fn accessibility_violations(&self) -> Vec<String> {
        let axe = std::fs::read_to_string(super::project("tests/vendor/axe.min.js")).unwrap();
        self.page.execute(&axe, Vec::new()).await.unwrap();
        let script = "const done = arguments[arguments.length - 1];
            axe.run().then(result => done(result.violations
                .filter(rule => ['serious', 'critical'].includes(rule.impact))
                .map(rule => `${rule.id}: ${rule.help}: ` +
                    rule.nodes.map(node => node.html).slice(0, 3).join(' '))));";
        let violations = self.page.execute_async(script, Vec::new()).await.unwrap();
        violations.as_array().unwrap().iter().map(|violation| violation.as_str().unwrap().to_owned()).collect()
    }

    /// How many pixels the page is wider than its window.
    pub async fn overflow(&self) -> i64 {
        let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        self.evaluate(script).await.as_i64().unwrap()
    }

    /// Saves a screenshot if `MCOE_SCREENSHOTS` names a folder.
    pub async fn save_screenshot(&self, name: &str) {
        if let Some(folder) = std::env::var_os("MCOE_SCREENSHOTS") {
            let image = self.page.screenshot().await.unwrap();
            std::fs::write(Path::new(&folder).join(format!("{name}.png")), image).unwrap();
        }
    }

    pub async fn close(self) {
        self.page.close().await.unwrap();
    }
}
