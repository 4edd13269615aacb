//! Which way a device looks: connections back, to whom they go, and what is said on them.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use wirewitness_lab::frame::{Frame, flags};
use wirewitness_lab::middlebox::device::{Device, DeviceSettings};
use wirewitness_lab::middlebox::names::Names;
use wirewitness_lab::middlebox::{Direction, Fate, Hop};
use wirewitness_lab::{Lab, LinkSpec, Middlebox, Placement, Topology};
use wirewitness_model::battery::{Battery, Counts};
use wirewitness_model::device::Profile;
use wirewitness_net::{Clock as _, Listen};
use wirewitness_probe::Trust;
use wirewitness_probe::battery::line::Line;
use wirewitness_probe::battery::protocol::{CallHello, Called};
use wirewitness_probe::battery::{Caps, FarEnd, Test};

use super::{BLOCKED, CLIENT, CONTROL, FAR, far_end, plan, run, token};

/// A device that resets, and looks this way.
fn device(direction: &str) -> Vec<(Placement, Box<dyn Middlebox>)> {
    let text = format!(
        "id = \"X\"\nname = \"X\"\nabout = \"a\"\n[source.S]\ntitle = \"t\"\ndate = \"2025\"\ngrade = \"A\"\n\
         [position]\nbehaviours = {{ is = [\"rst\"], source = \"S\" }}\n\
         direction = {{ is = [\"{direction}\"], source = \"S\" }}\n"
    );
    let profile = Profile::parse("x.toml", &text).unwrap();
    let settings = DeviceSettings { names: Names::new([BLOCKED]), ..DeviceSettings::default() };
    vec![(Placement::OnPath, Box::new(Device::new(&profile, &settings).unwrap()))]
}

fn ways(battery: &Battery) -> [u32; 4] {
    let location = battery.location.as_ref().unwrap_or_else(|| panic!("{:?}", battery.run));
    let (outward, inward) = (location.outward.unwrap(), location.inward.unwrap());
    let all = [outward.positive, outward.baseline, inward.positive, inward.baseline];
    assert!(all.iter().all(|it| it.trials == 20), "{all:?}");
    all.map(|it| it.hits)
}

#[test]
fn a_device_is_told_by_which_way_it_looks() {
    for (direction, expected) in
        [("both", [20, 0, 20, 0]), ("inside_out", [20, 0, 0, 0]), ("outside_in", [0, 0, 20, 0])]
    {
        let battery = run(device(direction), &plan(&[Test::Direction]));
        assert_eq!(ways(&battery), expected, "{direction}");
        assert_eq!(battery.location.unwrap().direction.as_deref(), Some(direction));
        let facts = battery.run.unwrap();
        assert_eq!((facts.ended, facts.skipped.len()), (None, 0));
        assert!(facts.seconds >= u64::from(facts.connections) - 1, "one a second");
    }
}

#[test]
fn where_nobody_looks_no_way_is_named() {
    let battery = run(Vec::new(), &plan(&[Test::Direction]));
    assert_eq!(ways(&battery), [0; 4]);
    assert_eq!(battery.location.unwrap().direction, None);
    let skipped = battery.run.unwrap().skipped;
    assert!(skipped[0].why.contains("was not acted upon reliably"), "{skipped:?}");
}

/// Lets nobody in, as address translation does.
struct NoWayIn;

impl Middlebox for NoWayIn {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        let opens = |it: wirewitness_lab::frame::Tcp<'_>| it.has(flags::SYN) && !it.has(flags::ACK);
        let is_opening = frame.packet().and_then(|it| it.tcp().map(opens)).unwrap_or(false);
        let comes_in = hop.direction() == Direction::Inbound;
        if is_opening && comes_in { Fate::Drop } else { Fate::Forward }
    }
}

#[test]
fn behind_address_translation_the_test_is_skipped_and_named() {
    let boxes: Vec<(_, Box<dyn Middlebox>)> = vec![(Placement::InPath, Box::new(NoWayIn))];
    let battery = run(boxes, &plan(&[Test::Direction]));
    assert!(battery.location.is_none());
    let facts = battery.run.unwrap();
    assert_eq!(facts.ended, None);
    assert!(facts.skipped[0].why.contains("cannot open a connection to this end"), "{facts:?}");
    assert!(facts.connections < 10, "{}", facts.connections);
}

#[test]
fn a_far_end_says_nothing_to_who_does_not_prove_to_be_the_client() {
    let mut topology = Topology::new(1);
    let ip = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
    let client = topology.host("client", &[ip(CLIENT)]);
    let far = topology.host("far", &[ip(FAR)]);
    let gateway = topology.router("gateway", &[ip("10.0.0.1")]);
    for host in [client, far] {
        topology.link(host, gateway, LinkSpec::delay(Duration::from_millis(5)));
    }
    let (said, heard) = Lab::run(topology, |lab| async move {
        far_end(&lab.net(far), token(FAR)).await;
        let net = lab.net(client);
        // A service of somebody's on the client's host, who knows nothing of batteries and answers as it likes.
        let listener = Listen::listen(&net, (ip(CLIENT), 5_000).into()).await.unwrap();
        let heard = tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap();
            let mut heard = vec![0; 400];
            let len = stream.read(&mut heard).await.unwrap();
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, &[b'0'; 64]).await;
            heard.truncate(len);
            heard
        });
        let trust = Trust::new(Trust::mozilla(), &net).unwrap();
        let url = format!("http://{FAR}:{CONTROL}/").parse().unwrap();
        let far_end = FarEnd { url, token: token(FAR), trust };
        let line = Line::open(&net, &far_end, (Caps::default(), Duration::ZERO)).await.unwrap();
        let proven = line.call(5_000, None).await.unwrap();
        let hello = CallHello { name: BLOCKED.to_owned(), mark: "00".repeat(32) };
        let told = line.call(5_000, Some(hello.clone())).await.unwrap();
        let low = line.call(443, None).await.unwrap();
        let bad = CallHello { name: "no name".to_owned(), ..hello };
        let bad = line.call(5_000, Some(bad)).await.unwrap();
        net.sleep(Duration::from_secs(1)).await;
        ([proven, told, low, bad], heard.await.unwrap())
    })
    .unwrap();
    assert_eq!(said, [Some(Called::NotProven), None, None, None]);
    assert!(heard.starts_with(b"wirewitness: who is there? "), "{heard:?}");
    assert!(!heard.windows(BLOCKED.len()).any(|it| it == BLOCKED.as_bytes()));
}

#[test]
fn a_line_that_is_cut_ends_the_way_back_too() {
    let after = Duration::from_secs(75);
    let cut = super::Cut { after, passes: CONTROL };
    let boxes: Vec<(_, Box<dyn Middlebox>)> = vec![(Placement::InPath, Box::new(cut))];
    let battery = run(boxes, &plan(&[Test::Direction]));
    let facts = battery.run.unwrap();
    assert!(facts.ended.unwrap().contains("three times in a row"));
    assert!(battery.location.is_none_or(|it| it.inward.is_none_or(|it| it != both_clear())));
}

fn both_clear() -> wirewitness_model::battery::Controls {
    let none = Counts::new(0, 20);
    wirewitness_model::battery::Controls { baseline: none, positive: none }
}
