//! What the lab must never have: a way to a real network, a clock, chance, or an order that nobody decided.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::world::{BLOCKED, FINE, World};

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                // Unit tests may do what they like; they stand at the foot.
                let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
                found.push((path, code));
            }
        }
    }
    assert!(found.len() > 25);
    found
}

fn absent(words: &[&str], why: &str) {
    for (path, code) in sources() {
        for (number, line) in code.lines().enumerate() {
            let line = line.split("//").next().unwrap();
            let hit = words.iter().find(|word| line.contains(**word));
            assert!(hit.is_none(), "{}:{}: {hit:?}: {why}", path.display(), number + 1);
        }
    }
}

#[test]
fn no_way_to_a_socket_a_device_or_a_file() {
    let ways = [
        "tokio::net",
        "net::TcpStream",
        "net::TcpListener",
        "net::UdpSocket",
        "os::unix",
        "os::fd",
        "RawFd",
        "OwnedFd",
        "libc",
        "socket2",
        "nix::",
        "rustix",
        "RawSocket",
        "TunTap",
        "tuntap",
        "nfq",
        "pcap::",
        "std::fs",
        "tokio::fs",
        "File::",
        "std::process",
        "Command::",
        "enable_io",
        "enable_all",
        "extern \"C\"",
        "include_bytes",
    ];
    absent(&ways, "the lab has no way out");
}

#[test]
fn no_clock_no_chance_no_order_of_hashes() {
    absent(
        &["SystemTime::now", "std::time::Instant", "thread_rng", "rand::", "getrandom", "env::var"],
        "time and chance are the seed's",
    );
    absent(&["HashMap", "HashSet", "thread::"], "their order is nobody's");
    for (path, code) in sources() {
        let biased = code.matches("biased;").count();
        assert_eq!(code.matches("select! {").count(), biased, "{}", path.display());
    }
}

/// The features that would bring sockets or devices into the lab's dependencies are not asked for.
#[test]
fn dependencies_have_no_device() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lab = std::fs::read_to_string(here.join("Cargo.toml")).unwrap();
    assert!(lab.contains("publish = false"));
    assert!(!lab.contains("\"net\"") && !lab.contains("\"full\""));
    let workspace = std::fs::read_to_string(here.join("../../Cargo.toml")).unwrap();
    let smoltcp = workspace.lines().find(|line| line.starts_with("smoltcp")).unwrap();
    assert!(smoltcp.contains("default-features = false") && !smoltcp.contains("phy-"));
}

/// A frame has no public way in from bytes, and no public way out to bytes.
#[test]
fn frames_are_opaque() {
    let (_, code) = sources().into_iter().find(|(it, _)| it.ends_with("frame/mod.rs")).unwrap();
    let start = code.find("impl Frame {").unwrap();
    let body = &code[start..start + code[start..].find("\n}").unwrap()];
    let public: Vec<&str> = body.lines().filter(|line| line.contains("pub fn")).collect();
    let expected = ["pub fn len(&self) -> usize {", "pub fn packet(&self) -> Option<Packet<'_>> {"];
    assert_eq!(public.iter().map(|line| line.trim()).collect::<Vec<_>>(), expected);
    // Nor does any other public function of the crate take bytes and give a frame.
    for (path, code) in sources() {
        for line in code.lines().filter(|line| line.trim_start().starts_with("pub fn")) {
            let gives = line.split("->").nth(1).is_some_and(|it| it.contains("Frame"));
            assert!(!gives, "{}: {line}", path.display());
        }
    }
}

/// A run with DNS, TLS and HTTP opens no socket: the process has the same ones before, within and after.
#[test]
#[cfg(target_os = "linux")]
fn a_run_opens_no_socket() {
    let before = sockets();
    let within = World::new(1).run(|client| async move {
        assert!(client.https(FINE).await.is_ok() && client.http(BLOCKED).await.is_ok());
        sockets()
    });
    assert_eq!((&within, &sockets()), (&before, &before));
}

#[cfg(target_os = "linux")]
fn sockets() -> BTreeSet<PathBuf> {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = links.filter_map(|link| std::fs::read_link(link.unwrap().path()).ok());
    let odd = |target: &PathBuf| {
        let name = target.to_string_lossy().into_owned();
        name.starts_with("socket:") || name.starts_with("/dev/net") || name.contains("eventpoll")
    };
    targets.filter(odd).collect()
}

/// The same, as the kernel sees it: a whole fetch makes not one network call. Where there is no `strace`, or it may not
/// trace, there is nothing to see.
#[test]
#[cfg(target_os = "linux")]
fn a_run_makes_no_network_call() {
    let log = std::env::temp_dir().join(format!("lab-strace-{}", std::process::id()));
    let whole_fetch = "test_web::https_gives_the_page_over_both_families_and_versions";
    let status = std::process::Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=%network,epoll_create1,ioctl", "-o"])
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", whole_fetch])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    let calls = std::fs::read_to_string(&log).unwrap_or_default();
    let _ = std::fs::remove_file(&log);
    if !status.is_ok_and(|status| status.success()) {
        println!("SKIPPED: no strace that may trace");
        return;
    }
    // A test harness asks whether it writes to a terminal; that is not the lab, and no device.
    let ours = |line: &&str| !line.contains("TCGETS") && !line.contains("TIOCGWINSZ");
    let ours: Vec<&str> = calls.lines().filter(ours).filter(|line| line.contains('(')).collect();
    assert!(ours.is_empty(), "{ours:?}");
}
