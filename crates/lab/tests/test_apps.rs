//! Applications in the lab: each technique, each harmless twin, over many seeds; what is measured is judged as a file is.

use std::sync::Arc;

use serde_json::Value;
use wirewitness_analysis::judge::functions;
use wirewitness_lab::Scenario;
use wirewitness_model::ooni::Measurement;
use wirewitness_probe::FollowUp;
use wirewitness_probe::apps::{self, Apps};

use crate::field::{Field, scenario, verdict};

/// So many seeds a case.
const SEEDS: u64 = 20;

/// The applications' scenario with something changed in it, and something added.
fn network(changes: &[(&str, &str)], more: &str) -> Scenario {
    let folder = crate::field::folder();
    let mut text = std::fs::read_to_string(folder.join("apps.toml")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    Scenario::parse("apps", &format!("{text}\n{more}")).unwrap_or_else(|error| panic!("{error}"))
}

/// One measurement of an application.
fn measure(network: &Scenario, app: &str, seed: u64) -> Value {
    let apps = Apps::shipped().unwrap();
    let app = apps.find(app).unwrap().clone();
    let measured = network.run(Some(seed), |running| async move {
        let field = Field::new(Arc::new(running), FollowUp::Never).await;
        apps::measure(&field.session("home"), &app).await.unwrap()
    });
    measured.unwrap()
}

/// `messages blocked tcp.timeout`, a line a function.
fn by_function(measurement: &Value) -> Vec<String> {
    let text = measurement.to_string();
    let measurement = Measurement::from_json(&text).unwrap();
    let line = |(name, it): &(String, wirewitness_model::verdict::Verdict)| {
        let mechanism = it.mechanism.map_or("-", |it| it.word());
        format!("{name} {} {mechanism}", it.status.word())
    };
    functions(&measurement).iter().map(line).collect()
}

/// Every seed gives the same verdict, and these of its functions.
fn every_seed(network: &Scenario, app: &str, expected: &str, of_functions: &[&str]) {
    for seed in 1..=SEEDS {
        let measurement = measure(network, app, seed);
        assert_eq!(verdict(&measurement), expected, "{app}, seed {seed}");
        assert_eq!(by_function(&measurement), of_functions, "{app}, seed {seed}");
    }
}

fn dropped(addresses: &str) -> String {
    format!(
        "[[middlebox]]\ngateway = \"isp\"\nplacement = \"in-path\"\nsource = \"invented\"\n\
         endpoint = {{ addresses = [{addresses}], action = \"drop\" }}\n"
    )
}

fn reset(names: &str) -> String {
    format!(
        "[[middlebox]]\ngateway = \"isp\"\nplacement = \"in-path\"\nsource = \"invented\"\n\
         tls_sni = {{ names = [{names}], action = \"reset\" }}\n"
    )
}

fn forged(names: &str) -> String {
    format!(
        "[[middlebox]]\ngateway = \"isp\"\nplacement = \"in-path\"\nsource = \"invented\"\n\
         dns_injection = {{ names = [{names}], answer = \"bogon\" }}\n"
    )
}

const CENTRES: &str = "\"149.154.175.50\", \"149.154.167.51\", \"149.154.175.100\", \"149.154.167.91\", \"149.154.171.5\"";

#[test]
fn telegram() {
    let open = ["messages ok -", "web ok -"];
    every_seed(&network(&[], ""), "telegram", "ok -", &open);
    let denied = ["messages blocked tcp.timeout", "web ok -"];
    let by_address = network(&[], &dropped(CENTRES));
    every_seed(&by_address, "telegram", "blocked app.blocked", &denied);
    let by_name = network(&[], &reset("\"web.telegram.org\""));
    let denied = ["messages ok -", "web blocked tls.reset.other"];
    every_seed(&by_name, "telegram", "blocked tls.reset.other", &denied);
    let by_dns = network(&[], &forged("\"web.telegram.org\""));
    let denied = ["messages ok -", "web blocked dns.injection.bogon"];
    every_seed(&by_dns, "telegram", "blocked dns.injection.bogon", &denied);
}

#[test]
fn telegram_out_of_order_is_not_blocked() {
    let silent =
        |name: &str| (format!("[\"{name}\"]"), format!("[\"{name}\"]\nstate = \"silent\""));
    let (from, to) = silent("dc1.example");
    every_seed(&network(&[(&from, &to)], ""), "telegram", "ok -", &["messages ok -", "web ok -"]);
    let (from, to) = silent("web.telegram.org");
    let web_down = ["messages ok -", "web down server.down"];
    every_seed(&network(&[(&from, &to)], ""), "telegram", "ok -", &web_down);
    let all: Vec<_> = (1..=5).map(|n| silent(&format!("dc{n}.example"))).collect();
    let all: Vec<_> = all.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    let down = ["messages down server.down", "web ok -"];
    every_seed(&network(&all, ""), "telegram", "down server.down", &down);
    // The name is given up.
    let gone = network(&[("\"web.telegram.org\"", "\"web2.telegram.org\"")], "");
    every_seed(&gone, "telegram", "ok -", &web_down);
}

const CHATS: &str = "\"192.88.99.30\", \"192.88.99.31\", \"192.88.99.32\"";

#[test]
fn whatsapp() {
    let open = ["messages ok -", "sign-up ok -", "web ok -"];
    every_seed(&network(&[], ""), "whatsapp", "ok -", &open);
    let denied = ["messages blocked tcp.timeout", "sign-up ok -", "web ok -"];
    every_seed(&network(&[], &dropped(CHATS)), "whatsapp", "blocked app.blocked", &denied);
    let by_name = network(&[], &reset("\"v.whatsapp.net\""));
    let denied = ["messages ok -", "sign-up blocked tls.reset.sni", "web ok -"];
    every_seed(&by_name, "whatsapp", "blocked tls.reset.sni", &denied);
    let by_dns = network(&[], &forged("\"*.whatsapp.net\""));
    let denied =
        ["messages blocked dns.injection.bogon", "sign-up blocked dns.injection.bogon", "web ok -"];
    every_seed(&by_dns, "whatsapp", "blocked app.blocked", &denied);
}

#[test]
fn whatsapp_out_of_order_is_not_blocked() {
    let one = network(&[("[\"192.88.99.30\"]", "[\"192.88.99.30\"]\nstate = \"silent\"")], "");
    let open = ["messages ok -", "sign-up ok -", "web ok -"];
    every_seed(&one, "whatsapp", "ok -", &open);
    let silent: Vec<_> = (30..33)
        .map(|n| format!("[\"192.88.99.{n}\"]"))
        .map(|it| (it.clone(), format!("{it}\nstate = \"silent\"")))
        .collect();
    let silent: Vec<_> = silent.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    let down = ["messages down server.down", "sign-up ok -", "web ok -"];
    every_seed(&network(&silent, ""), "whatsapp", "down server.down", &down);
    let gone = network(&[("\"v.whatsapp.net\"", "\"v2.whatsapp.net\"")], "");
    let retired = ["messages ok -", "sign-up down server.down", "web ok -"];
    every_seed(&gone, "whatsapp", "ok -", &retired);
}

#[test]
fn facebook_messenger() {
    let open = ["messages ok -", "media ok -", "calls ok -"];
    every_seed(&network(&[], ""), "facebook_messenger", "ok -", &open);
    let names = "\"192.88.99.40\", \"192.88.99.41\", \"192.88.99.42\", \"192.88.99.43\"";
    let denied = ["messages blocked tcp.timeout", "media ok -", "calls ok -"];
    let by_address = network(&[], &dropped(names));
    every_seed(&by_address, "facebook_messenger", "blocked app.blocked", &denied);
    let by_dns = network(&[], &forged("\"*.facebook.com\""));
    let denied = ["messages blocked dns.injection.bogon", "media ok -", "calls ok -"];
    every_seed(&by_dns, "facebook_messenger", "blocked app.blocked", &denied);
    let one = network(&[("[\"192.88.99.40\"]", "[\"192.88.99.40\"]\nstate = \"closed\"")], "");
    every_seed(&one, "facebook_messenger", "ok -", &open);
    let gone = network(&[("\"stun.fbsbx.com\"", "\"stun2.fbsbx.com\"")], "");
    let retired = ["messages ok -", "media ok -", "calls down server.down"];
    every_seed(&gone, "facebook_messenger", "ok -", &retired);
}

#[test]
fn signal() {
    let open = ["messages ok -", "media ok -", "profiles ok -", "calls ok -"];
    every_seed(&network(&[], ""), "signal", "ok -", &open);
    let by_name = network(&[], &reset("\"chat.signal.org\""));
    let denied = ["messages blocked tls.reset.sni", "media ok -", "profiles ok -", "calls ok -"];
    every_seed(&by_name, "signal", "blocked app.blocked", &denied);
    let by_address = network(&[], &dropped("\"192.88.99.50\""));
    let denied = ["messages blocked tcp.timeout", "media ok -", "profiles ok -", "calls ok -"];
    every_seed(&by_address, "signal", "blocked app.blocked", &denied);
    let by_dns = network(&[], &forged("\"chat.signal.org\""));
    let denied =
        ["messages blocked dns.injection.bogon", "media ok -", "profiles ok -", "calls ok -"];
    every_seed(&by_dns, "signal", "blocked app.blocked", &denied);
    let down = network(&[("[\"192.88.99.50\"]", "[\"192.88.99.50\"]\nstate = \"silent\"")], "");
    let down_is = ["messages down server.down", "media ok -", "profiles ok -", "calls ok -"];
    every_seed(&down, "signal", "down server.down", &down_is);
    let gone = network(&[("\"sfu.voip.signal.org\"", "\"sfu2.voip.signal.org\"")], "");
    let retired = ["messages ok -", "media ok -", "profiles ok -", "calls down server.down"];
    every_seed(&gone, "signal", "ok -", &retired);
}

/// An application that anybody describes: each function by itself.
#[test]
fn youtube_as_described() {
    let open = ["videos ok -", "media ok -"];
    every_seed(&network(&[], ""), "youtube", "ok -", &open);
    let by_name = network(&[], &reset("\"www.youtube.com\""));
    let denied = ["videos blocked tls.reset.sni", "media ok -"];
    every_seed(&by_name, "youtube", "blocked tls.reset.sni", &denied);
    let by_address = network(&[], &dropped("\"192.88.99.102\", \"192.88.99.103\""));
    let denied = ["videos ok -", "media blocked tcp.timeout"];
    every_seed(&by_address, "youtube", "blocked tcp.timeout", &denied);
    let by_dns = network(&[], &forged("\"*.youtube.com\""));
    let denied = ["videos blocked dns.injection.bogon", "media ok -"];
    every_seed(&by_dns, "youtube", "blocked dns.injection.bogon", &denied);
    let one = network(&[("[\"192.88.99.102\"]", "[\"192.88.99.102\"]\nstate = \"silent\"")], "");
    every_seed(&one, "youtube", "ok -", &open);
    let gone = network(&[("\"youtubei.googleapis.com\"", "\"i2.googleapis.com\"")], "");
    let retired = ["videos down server.down", "media ok -"];
    every_seed(&gone, "youtube", "down server.down", &retired);
}

/// What is told before is no less than what it costs.
#[test]
fn the_cost_told_before_is_kept() {
    let open = network(&[], "");
    let apps = Apps::shipped().unwrap();
    for app in apps.iter() {
        let told = apps::cost::Estimate::of(app);
        let spent = measure(&open, &app.name, 1)["test_keys"]["x_cost"].clone();
        let of = |key: &str| spent[key].as_u64().unwrap();
        assert_eq!((of("lookups"), of("connections")), (told.lookups, told.connections));
        let bytes = of("bytes_sent") + of("bytes_received");
        assert!(bytes <= told.bytes && told.bytes <= told.bytes_at_most, "{}: {bytes}", app.name);
        let nobody = network(&[("[[site]]\n", "[[site]]\nstate = \"silent\"\n")], "");
        let measurement = measure(&nobody, &app.name, 1);
        let seconds = measurement["test_runtime"].as_f64().unwrap();
        assert!(seconds > 10.0 && seconds <= told.seconds_at_most as f64, "{seconds}");
        assert_ne!(verdict(&measurement).split(' ').next(), Some("blocked"), "{}", app.name);
    }
}

#[test]
fn a_scenario_without_changes_is_the_shipped_one() {
    assert_eq!(scenario("apps", "").name(), network(&[], "").name());
}
