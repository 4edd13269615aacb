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
struct Link;

impl Link {
    fn up() -> Option<Self> {
        if let Err(why) = ip(&format!("netns add {}", name("near"))) {
            println!("no network namespaces here: {why}");
            return None;
        }
        let link = Self;
        let (near, far) = (name("near"), name("far"));
        for line in [
            format!("netns add {far}"),
            format!("-n {near} link add wwlink type veth peer name wwlink netns {far}"),
            format!("-n {near} addr add {NEAR}/24 dev wwlink"),
            format!("-n {far} addr add {FAR}/24 dev wwlink"),
            format!("-n {near} link set wwlink up"),
            format!("-n {far} link set wwlink up"),
            format!("-n {near} link set lo up"),
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
        command.args(["netns", "exec", &name(end)]).arg(own);
        command.args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env("WW_LINK", std::process::id().to_string());
        command.stdout(output).spawn().unwrap()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for end in ["near", "far"] {
            let _ = ip(&format!("netns del {}", name(end)));
        }
    }
}

/// The name of a namespace: of this run, also in the processes that it starts.
#[allow(clippy::disallowed_methods, reason = "a test that starts itself tells itself so")]
fn name(end: &str) -> String {
    let run = std::env::var("WW_LINK").unwrap_or_else(|_| std::process::id().to_string());
    format!("wwtest-{run}-{end}")
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
const FAR: &str = "45.77.77.2";
const MARK: &str = "measured: ";
const FAR_TEST: &str = "test_namespaces::far_end_of_the_link";
const NEAR_TEST: &str = "test_namespaces::near_end_of_the_link";
