//! The page of an audit: whole, safe and in order. What a check of accessibility looks at first, on the structure alone.

use wirewitness_analysis::exposure::compare::compare;
use wirewitness_analysis::exposure::mask::Values;
use wirewitness_analysis::exposure::{Audit, Report, Settings, Whose};
use wirewitness_report::exposure::{Told, lines, page, text};
use wirewitness_wire::file::{LinkType, Record, Way};
use wirewitness_wire::link::{Carried, innermost};

use crate::life::{self, Life};

fn audit(life: &Life, values: Values) -> Report {
    let named = Vec::new();
    let mut audit = Audit::new(Settings { salt: [5; 32], values, devices: Whose::One, named });
    for (number, (at_ns, bytes)) in life.frames.iter().enumerate() {
        let record = Record {
            number: number as u64 + 1,
            at_ns: *at_ns,
            link: LinkType::ETHERNET,
            bytes,
            original_len: bytes.len() as u32,
            interface: 0,
            way: Way::Unknown,
            offset: 0,
            comment: None,
        };
        if let Ok(Carried::Ip(packet)) = innermost(record.link, record.bytes) {
            audit.packet(&record, &packet);
        }
    }
    audit.finish().unwrap()
}

/// The largest page there is: a day, compared, with values.
fn whole_page() -> String {
    let (before, after) =
        (audit(&life::behind_vpn(), Values::Shown), audit(&life::whole_day(), Values::Shown));
    let comparison = compare(&before, &after);
    page(&Told {
        report: &after,
        comparison: Some(&comparison),
        file: "<b>day.pcapng",
        shows_values: true,
    })
}

#[test]
fn nothing_is_run_or_fetched_and_nothing_of_a_capture_is_markup() {
    let page = whole_page();
    for absent in
        ["<script", "onclick", "src=", "url(", "<b>day", "<img", "style=\"", "<link", "href=\"http"]
    {
        assert!(!page.contains(absent), "{absent}");
    }
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
    assert!(page.len() < 400_000, "{}", page.len());
}

#[test]
fn structure_for_everybody() {
    let page = whole_page();
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
    for present in [
        "<title>",
        "<header>",
        "<main>",
        "<footer>",
        "<nav aria-label=",
        "name=\"viewport\"",
        "<caption>",
    ] {
        assert!(page.contains(present), "{present}");
    }
    assert_eq!(page.matches("<h1>").count(), 1);
    // No level of headings is left out.
    let mut last = 0;
    for (at, _) in page.match_indices("<h") {
        if let Some(level @ 1..=6) = page[at + 2..].chars().next().and_then(|it| it.to_digit(10)) {
            assert!(level <= last + 1, "{}", &page[at..at + 40]);
            last = level;
        }
    }
    for (at, _) in page.match_indices("<th") {
        let tag = &page[at..at + 12];
        assert!(tag.starts_with("<thead") || tag.starts_with("<th scope="), "{tag}");
    }
    // Each link leads to a place on the page, and ids are unique.
    for (at, _) in page.match_indices("href=\"#") {
        let id = page[at + 7..].split('"').next().unwrap();
        assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
    }
    for tag in ["section", "article", "table", "ul", "dl", "div", "p", "main", "header"] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn text_page_and_lines_hide_the_same() {
    let report = audit(&life::whole_day(), Values::Masked);
    let told = Told { report: &report, comparison: None, file: "day.pcapng", shows_values: false };
    let all = lines(&told).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for output in [text(&told), page(&told), all.clone()] {
        for hidden in ["shop.example", "secretpass", "Alices-phone", "356938035643809"]
            .iter()
            .chain(&life::CORRESPONDENTS)
        {
            assert!(!output.contains(hidden), "{hidden}");
        }
        assert!(output.contains("cannot be detected") && output.contains("the phone number"));
    }
    assert_eq!(lines(&told).len(), 22 + 3 + report.tunnels.len() + 1);
    assert_eq!(lines(&told)[2]["severity"], "critical");
}

/// Writes two pages of a made-up day for a look in a browser: masked, and the largest there is.
#[test]
#[ignore = "writes files"]
fn pages_to_look_at() {
    let report = audit(&life::whole_day(), Values::Masked);
    let told = Told { report: &report, comparison: None, file: "day.pcapng", shows_values: false };
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, page) in [("exposure.html", page(&told)), ("exposure-compared.html", whole_page())] {
        std::fs::write(folder.join(name), page).unwrap();
    }
    println!("{}", folder.display());
}
