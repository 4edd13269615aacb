//! The prober and real servers in two network namespaces: kernel TCP over a link, between addresses that are no loopback.
//!
//! The test starts itself twice by `ip netns exec`: the far end with its servers, and the near end with the probe. The
//! addresses look public, since what is private is no site's; the two namespaces have no way out, so that nobody else
//! is reached.

use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use wirewitness_net::{Clock, Listen};
use wirewitness_probe::kernel::KernelNet;
use wirewitness_probe::{FollowUp, Helpers, Session, Trust, Vantage, web};

use crate::servers::{page, serve};

#[test]
fn a_page_a_closed_port_and_a_black_hole_over_a_real_link() {
    let Some(link) = Link::up() else { return };
    let mut far = link.run("far", FAR_TEST, Stdio::null());
    let near = link.run("near", NEAR_TEST, Stdio::piped()).wait_with_output().unwrap();
    far.kill().unwrap();
    far.wait().unwrap();
    drop(link);
    let said = String::from_utf8_lossy(&near.stdout);
    let measured: Vec<Value> = said
        .lines()
        .filter_map(|line| line.split_once(MARK).and_then(|it| serde_json::from_str(it.1).ok()))
        .collect();
    assert_eq!(measured.len(), 3, "{said}");
    let failure = |of: usize| &measured[of]["test_keys"]["tcp_connect"][0]["status"]["failure"];
    let request = &measured[0]["test_keys"]["requests"][0];
    assert_eq!((failure(0), &request["failure"]), (&Value::Null, &Value::Null));
    assert!(request["response"]["body"].as_str().unwrap().contains("Nothing of note"));
    assert_eq!(failure(1), "connection_refused");
    assert_eq!(failure(2), "generic_timeout_error");
    for measured in &measured {
        assert_eq!(measured["test_keys"]["tcp_connect"][0]["ip"], FAR);
    }
}

/// The far end: a page on one port. A black hole for what would go back is not ours to set: see [`Link::up`].
#[tokio::test]
#[ignore = "one end of the test above"]
async fn far_end_of_the_link() {
    let listener = KernelNet::new().listen(SocketAddr::new(FAR.parse().unwrap(), 80)).await;
    serve(listener.unwrap(), None, page("Far", &[])).await;
}

/// The near end: prints what it measures.
#[tokio::test]
#[ignore = "one end of the test above"]
async fn near_end_of_the_link() {
    let net = KernelNet::new();
    // Until the far end listens.
    let there = SocketAddr::new(FAR.parse::<IpAddr>().unwrap(), 80);
    for _ in 0..100 {
        if wirewitness_net::Net::connect(&net, there).await.is_ok() {
            break;
        }
        net.sleep(Duration::from_millis(50)).await;
    }
    for url in [format!("http://{FAR}:80/"), format!("http://{FAR}:81/")] {
        measure(&net, &url).await;
    }
    // From here on, what the far end sends back goes nowhere.
    let hole = Command::new("ip")
        .args([
            "netns",
            "exec",
            &name("far"),
            "ip",
            "route",
            "add",
            "blackhole",
            &format!("{NEAR}/32"),
        ])
        .status();
    assert!(hole.unwrap().success());
    measure(&net, &format!("http://{FAR}:80/")).await;
}

async fn measure(net: &KernelNet, url: &str) {
    let (roots, whom) = (Trust::mozilla(), Helpers::default());
    let session = Session::new(net.clone(), roots, Vantage::default(), whom).unwrap();
    let session = session.with_follow_up(FollowUp::Never);
    println!("{MARK}{}", web::measure(&session, url).await.unwrap());
}

/// Two namespaces and the link between them; gone when dropped.
pub(crate) struct Link(String);

impl Link {
    fn up() -> Option<Self> {
        Self::up_as("page")
    }

    /// The link of a test of this name; tests run side by side.
    pub(crate) fn up_as(test: &str) -> Option<Self> {
        let link = Self(format!("{}-{test}", std::process::id()));
        if let Err(why) = ip(&format!("netns add {}", link.name("near"))) {
            println!("no network namespaces here: {why}");
            return None;
        }
        let (near, far) = (link.name("near"), link.name("far"));
        for line in [
            format!("netns add {far}"),
            format!("-n {near} link add wwlink type veth peer name wwlink netns {far}"),
            format!("-n {near} addr add {NEAR}/24 dev wwlink"),
            format!("-n {far} addr add {FAR}/24 dev wwlink"),
            format!("-n {near} link set wwlink up"),
            format!("-n {far} link set wwlink up"),
            format!("-n {near} link set lo up"),
            format!("-n {far} link set lo up"),
        ] {
            if let Err(why) = ip(&line) {
                println!("no network namespaces here: {line}: {why}");
                return None;
            }
        }
        Some(link)
    }

    fn run(&self, end: &str, test: &str, output: Stdio) -> Child {
        let own = std::env::current_exe().unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(end)]).arg(own);
        self.spawn(command, test, output)
    }

    /// The same as another user; none where there is no way to.
    pub(crate) fn start(&self, end: &str, test: &str, user: &str) -> Option<Child> {
        let own = std::env::current_exe().unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(end)]);
        if user != "root" {
            let known = Command::new("setpriv").args(["--reuid", user, "true"]).status();
            if !known.is_ok_and(|it| it.success()) {
                return None;
            }
            command.args(["setpriv", "--reuid", user, "--clear-groups", "--inh-caps=-all"]);
        }
        command.arg(own);
        Some(self.spawn(command, test, Stdio::piped()))
    }

    fn spawn(&self, mut command: Command, test: &str, output: Stdio) -> Child {
        command.args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env("WW_LINK", &self.0);
        command.stdout(output).spawn().unwrap()
    }

    fn name(&self, end: &str) -> String {
        format!("wwtest-{}-{end}", self.0)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for end in ["near", "far"] {
            let _ = ip(&format!("netns del {}", self.name(end)));
        }
    }
}

/// The name of a namespace, in the processes that a test starts.
#[allow(clippy::disallowed_methods, reason = "a test that starts itself tells itself so")]
fn name(end: &str) -> String {
    format!("wwtest-{}-{end}", std::env::var("WW_LINK").unwrap())
}

fn ip(words: &str) -> Result<(), String> {
    let output = Command::new("ip").args(words.split(' ')).output();
    let output = output.map_err(|error| format!("ip cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

const NEAR: &str = "45.77.77.1";
pub(crate) const FAR: &str = "45.77.77.2";
const MARK: &str = "measured: ";
const FAR_TEST: &str = "test_namespaces::far_end_of_the_link";
const NEAR_TEST: &str = "test_namespaces::near_end_of_the_link";
