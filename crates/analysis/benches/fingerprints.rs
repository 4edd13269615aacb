//! How fast fingerprints are matched, on one core, and what the same lists cost otherwise.
//!
//! `cargo bench -p wirewitness-analysis --bench fingerprints`. Lists and bodies come from the shared data beside the
//! repository; where there is none, from the shipped list and made-up pages. Each figure is the median of several
//! runs. MB are 10^6 bytes. With `-- --ours` the comparison with `aho-corasick` is left out.
//!
//! The made-up pages are hard on purpose: they are written in the words that block pages use.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "no input but our own")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde_json::Value;
use wirewitness_analysis::fingerprints::{Fingerprints, Location, PatternKind, parse};
use wirewitness_model::lenient::{Headers, MaybeBinary};

fn main() {
    // Cargo says so; `cargo test --all-targets` runs benchmarks too, and has no use for figures of a debug build.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let made = made_up_pages(64 << 20);
    let bodies = bodies(&shared.join("ooni"));
    // What a judge has to do for one answer of usual size.
    let answers = made.iter().map(|page| page[..7_000].to_vec()).collect();
    let none = Headers::default;
    let mut corpora =
        vec![("made-up pages", made, none()), ("made-up answers, 7 kB", answers, usual_headers())];
    if !bodies.is_empty() {
        corpora.insert(0, ("OONI bodies", bodies, none()));
    }
    for (list, fingerprints) in lists(&shared.join("fingerprints")) {
        for (corpus, pages, headers) in &corpora {
            report(&format!("{list} / {corpus}"), pages, |page| {
                fingerprints.match_page(headers, page, None).all.len()
            });
            if std::env::args().any(|arg| arg == "--ours") {
                continue;
            }
            for (kind, name) in [
                (AhoCorasickKind::DFA, "aho-corasick DFA"),
                (AhoCorasickKind::ContiguousNFA, "aho-corasick contiguous NFA"),
            ] {
                let literals = body_literals(&fingerprints);
                let automaton = AhoCorasick::builder().kind(Some(kind)).build(literals).unwrap();
                report(&format!("  {name}, literals only"), pages, |page| {
                    automaton.find_overlapping_iter(page).count()
                });
            }
        }
    }
}

/// A dozen, with one that 400 rows look at.
fn usual_headers() -> Headers<'static> {
    let text = |value: &'static str| MaybeBinary::Text(value.into());
    let names = [
        ("Server", "nginx/1.24.0"),
        ("Location", "https://www.example.com/articles/index.html?from=home"),
        ("Content-Type", "text/html; charset=utf-8"),
        ("Date", "Sun, 01 Feb 2026 10:00:00 GMT"),
        ("Via", "1.1 varnish"),
        ("Cache-Control", "max-age=0, private, must-revalidate"),
        ("Set-Cookie", "session=0123456789abcdef; path=/; HttpOnly; Secure"),
        ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
        ("X-Frame-Options", "SAMEORIGIN"),
        ("X-Content-Type-Options", "nosniff"),
        ("Vary", "Accept-Encoding"),
        ("Etag", "\"65a1b2c3-1f40\""),
    ];
    Headers(names.map(|(name, value)| (name.into(), text(value))).to_vec())
}

/// Prints bytes a second, time a page, and how many matches there were.
fn report(name: &str, pages: &[Vec<u8>], mut count: impl FnMut(&[u8]) -> usize) {
    let bytes: usize = pages.iter().map(Vec::len).sum();
    // Small corpora are gone over several times, or the clock is what is measured.
    let rounds = (32 << 20) / bytes.max(1) + 1;
    let mut runs = Vec::new();
    let mut matches = 0;
    for _ in 0..RUNS {
        let start = now();
        for _ in 0..rounds {
            matches = black_box(pages.iter().map(|page| count(page)).sum());
        }
        runs.push(start.elapsed().as_secs_f64() / rounds as f64);
    }
    runs.sort_by(f64::total_cmp);
    let secs = runs[runs.len() / 2];
    println!(
        "{name:<60} {:>8.0} MB/s {:>10.2} us/page {:>9} pages {matches:>7} matches",
        bytes as f64 / secs / 1e6,
        secs * 1e6 / pages.len() as f64,
        pages.len(),
    );
}

#[allow(clippy::disallowed_methods, reason = "a benchmark is about time")]
fn now() -> Instant {
    Instant::now()
}

/// The lists to measure: OONI's, OONI's with Censored Planet's, and ours.
fn lists(folder: &Path) -> Vec<(&'static str, Fingerprints)> {
    let ooni = ["fingerprints_http.csv", "fingerprints_dns.csv"];
    let planet = [
        "censoredplanet-blockpage_signatures.json",
        "censoredplanet-false_positive_signatures.json",
    ];
    let all: Vec<&str> = ooni.into_iter().chain(planet).collect();
    let mut lists = vec![("shipped", Fingerprints::shipped())];
    for (name, files) in [("OONI", &ooni[..]), ("OONI + Censored Planet", &all)] {
        let rows = files.iter().flat_map(|file| {
            let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
            parse(file, &bytes).rows
        });
        let start = now();
        let fingerprints = Fingerprints::compile(rows.collect()).0;
        if !fingerprints.is_empty() {
            println!("{name}: {} rows, compiled in {:.1?}", fingerprints.len(), start.elapsed());
            lists.push((name, fingerprints));
        }
    }
    lists
}

fn body_literals(fingerprints: &Fingerprints) -> Vec<String> {
    let in_body = |l: &Location| matches!(l, Location::Body | Location::HeadersAndBody);
    let rows = fingerprints.iter().filter(|r| in_body(&r.location));
    rows.filter(|r| r.kind != PatternKind::Regexp).map(|r| r.pattern.clone()).collect()
}

/// Every response body in the measurement files under a folder.
fn bodies(folder: &Path) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    for file in files(folder) {
        let text = std::fs::read(&file).unwrap_or_default();
        for value in serde_json::Deserializer::from_slice(&text).into_iter::<Value>() {
            let Ok(value) = value else { break };
            collect(&value, &mut bodies);
        }
    }
    bodies
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let nested = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    paths.into_iter().flat_map(nested).collect()
}

fn collect(value: &Value, bodies: &mut Vec<Vec<u8>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, bodies)),
        Value::Object(fields) => {
            let body = value["response"]["body"].as_str().unwrap_or_default();
            if !body.is_empty() {
                bodies.push(body.as_bytes().to_vec());
            }
            fields.values().for_each(|field| collect(field, bodies));
        }
        _ => {}
    }
}

/// Pages of 16 to 80 kB of tags and words in two alphabets, from a fixed seed.
fn made_up_pages(bytes: usize) -> Vec<Vec<u8>> {
    let (mut pages, mut made, mut random) = (Vec::new(), 0, Random(0x5EED));
    while made < bytes {
        let length = 16_384 + random.below(65_536);
        let mut page =
            b"<!DOCTYPE html><html><head><title>News of the day</title></head><body>".to_vec();
        while page.len() < length {
            paragraph(&mut page, &mut random);
        }
        made += page.len();
        pages.push(page);
    }
    pages
}

fn paragraph(page: &mut Vec<u8>, random: &mut Random) {
    page.extend_from_slice(TAGS[random.below(TAGS.len())].as_bytes());
    let words = [WORDS, SLOVA][usize::from(random.below(4) == 0)];
    for _ in 0..random.below(30) {
        page.extend_from_slice(words[random.below(words.len())].as_bytes());
        page.push(b' ');
        // A word nobody has: names, tokens, addresses.
        if random.below(6) == 0 {
            page.extend((0..random.below(12)).map(|_| b'a' + random.below(26) as u8));
        }
    }
}

/// Xorshift (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

/// Runs to take the median of.
const RUNS: usize = 7;
const TAGS: [&str; 10] = [
    "</p>\n<p class=\"text\">",
    "<div class=\"container\"><div id=\"main\">",
    "</div></div>\n",
    "<a href=\"https://www.example.com/archive/",
    "<img src=\"/images/photo.jpg\" alt=\"",
    "<script>window.location = \"",
    "<li><span>",
    "</span></li>",
    "<meta name=\"description\" content=\"",
    "<style>.body{margin:0;color:#fff}</style>",
];
const WORDS: &[&str] = &[
    "the",
    "page",
    "site",
    "access",
    "blocked",
    "website",
    "of",
    "and",
    "your",
    "network",
    "service",
    "provider",
    "government",
    "court",
    "law",
    "has",
    "been",
    "this",
    "information",
    "request",
    "error",
    "internet",
    "content",
    "domain",
    "to",
    "is",
    "you",
    "by",
    "content=\"",
    "http://",
    "not",
    "found",
];
const SLOVA: &[&str] = &[
    "доступ",
    "к",
    "ресурсу",
    "сайт",
    "закон",
    "новости",
    "заблокирован",
    "сегодня",
    "страница",
    "и",
    "информация",
    "по",
    "решению",
    "суда",
    "провайдер",
    "интернет",
    "запрещен",
    "в",
    "на",
    "года",
];
