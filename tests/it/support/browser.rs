//! A real Chromium for the tests: Debian's package, installed if missing, driven by its ChromeDriver on a
//! free port, and stopped with the tests' process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

use super::packages::installed_by;

/// Starts the driver, and ends it and its browsers once its input ends.
const SUPERVISE: &str = r#"
setsid chromedriver --port=0 2>&1 &
driver=$!
cat >/dev/null
kill -- -$driver 2>/dev/null
"#;

static DRIVER: Mutex<Option<Driver>> = Mutex::new(None);

/// The driver that tests share.
struct Driver {
    port: u16,
    _supervisor: Child,
}

impl Driver {
    fn start() -> Self {
        installed_by("chromedriver", &["chromium", "chromium-driver"]);
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
        let port = ports.next().expect("ChromeDriver says on which port it listens");
        // Its other output is discarded, so that the pipe does not fill up.
        std::thread::spawn(move || ports.count());
        Self { port, _supervisor: supervisor }
    }
}

/// The browser of one test.
pub struct Browser {
    pub page: Client,
    base: String,
}

impl Browser {
    /// Opens a browser of the given width on a server.
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
        Self { page, base: format!("http://{address}") }
    }

    pub async fn go(&self, path: &str) {
        self.page.goto(&format!("{}{path}", self.base)).await.unwrap();
    }

    /// Waits for the first element that matches a selector.
    pub async fn find(&self, selector: &str) -> fantoccini::elements::Element {
        let wait = self.page.wait().at_most(Duration::from_secs(20));
        let found = wait.for_element(Locator::Css(selector)).await;
        match found {
            Ok(found) => found,
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
    pub async fn says(&self, words: &str) {
        let start = std::time::Instant::now();
        loop {
            // While a page is being replaced, there may be none.
            let shown = self.page.execute("return document.body ? document.body.innerText : ''", Vec::new()).await;
            let shown = shown.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default();
            if shown.contains(words) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "`{words}` is not in:\n{shown}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a script returns true.
    pub async fn until(&self, script: &str) {
        let start = std::time::Instant::now();
        // While a page is being replaced, there may be none.
        while !self.page.execute(script, Vec::new()).await.is_ok_and(|answer| answer == true) {
            assert!(start.elapsed() < Duration::from_secs(30), "{script}\n{}", self.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Presses keys wherever the focus is.
    pub async fn press(&self, keys: &str) {
        self.page.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// The result of a script on the page.
    pub async fn ask(&self, script: &str) -> Value {
        self.page.execute(script, Vec::new()).await.unwrap()
    }

    /// Accessibility violations that axe finds, serious and critical ones only.
    pub async fn barriers(&self) -> Vec<String> {
        let axe = std::fs::read_to_string(super::project("tests/vendor/axe.min.js")).unwrap();
        self.page.execute(&axe, Vec::new()).await.unwrap();
        let script = "const done = arguments[arguments.length - 1];
            axe.run().then(found => done(found.violations
                .filter(one => ['serious', 'critical'].includes(one.impact))
                .map(one => `${one.id}: ${one.help}: ${one.nodes.map(node => node.html).slice(0, 3).join(' ')}`)));";
        let found = self.page.execute_async(script, Vec::new()).await.unwrap();
        found.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    /// By how many pixels the page is wider than its window.
    pub async fn overflow(&self) -> i64 {
        let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        self.ask(script).await.as_i64().unwrap()
    }

    /// Saves a screenshot if `MCOE_SCREENSHOTS` names a folder.
    pub async fn picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os("MCOE_SCREENSHOTS") {
            let picture = self.page.screenshot().await.unwrap();
            std::fs::write(Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
        }
    }

    pub async fn close(self) {
        self.page.close().await.unwrap();
    }
}
