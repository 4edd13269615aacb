//! The feed of events, by the rules of RFC 4287, over an archive with blocks and their ends and with hostile names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use url::Url;
use wirewitness_dashboard::server::Limits;
use wirewitness_lab::population::{Population, Settings};
use wirewitness_model::civil;
use wirewitness_store::archive::Writer;
use wirewitness_store::events::{self, insert_points, population, state_events};

use crate::made::{address, ingest_at_once, wait};
use crate::served::Running;

/// An element with its attributes, its own text and what is in it.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
    inside: Vec<Element>,
}

impl Element {
    fn begin(start: &BytesStart<'_>) -> Self {
        let name = String::from_utf8(start.name().as_ref().to_vec()).unwrap();
        // Attributes that are there twice, or not quoted, are an error of this iterator.
        let attributes = start.attributes().map(|it| {
            let it = it.unwrap();
            let value = it.unescape_value().unwrap().into_owned();
            (String::from_utf8(it.key.as_ref().to_vec()).unwrap(), value)
        });
        Self { name, attributes: attributes.collect(), ..Self::default() }
    }

    fn all(&self, name: &str) -> Vec<&Self> {
        self.inside.iter().filter(|it| it.name == name).collect()
    }

    /// The one element of a name.
    fn one(&self, name: &str) -> &Self {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} in {self:?}");
        all[0]
    }
}

/// Reads a document: well-formed, with one root, and without what no feed needs.
fn read(xml: &str) -> Element {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => open.push(Element::begin(&start)),
            Event::Empty(start) => open.last_mut().unwrap().inside.push(Element::begin(&start)),
            Event::End(_) => {
                let closed = open.pop().unwrap();
                open.last_mut().unwrap().inside.push(closed);
            }
            Event::Text(text) => open.last_mut().unwrap().text.push_str(&text.decode().unwrap()),
            Event::GeneralRef(named) => {
                let known = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];
                let name = named.decode().unwrap();
                let by_name = known.iter().find(|it| it.0 == name).map(|it| it.1);
                let letter = named.resolve_char_ref().unwrap().or(by_name);
                open.last_mut()
                    .unwrap()
                    .text
                    .push(letter.expect("an entity that XML does not have"));
            }
            Event::Decl(_) => {}
            Event::Eof => break,
            other => panic!("{other:?} has no place in the feed"),
        }
    }
    assert_eq!(open.len(), 1, "not closed");
    let root = open.pop().unwrap();
    assert_eq!((root.inside.len(), root.text.trim()), (1, ""));
    root.inside.into_iter().next().unwrap()
}

/// RFC 3339 as RFC 4287 §3.3 has it, in UTC: seconds since 1970.
fn moment(text: &str) -> i64 {
    let shape: String = text.chars().map(|it| if it.is_ascii_digit() { '0' } else { it }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00Z", "{text}");
    civil::micros(text).unwrap() / 1_000_000
}

/// RFC 4287 §4.1.1, §4.1.2: what a feed and its entries must have, and have once. The ids of the entries.
fn check(xml: &str, path: &str) -> BTreeMap<String, String> {
    let feed = read(xml);
    assert_eq!(feed.name, "feed");
    assert_eq!(feed.attributes["xmlns"], "http://www.w3.org/2005/Atom");
    assert!(Url::parse(&feed.one("id").text).is_ok(), "an id is an IRI");
    assert!(!feed.one("title").text.is_empty());
    assert!(!feed.one("author").one("name").text.is_empty());
    let newest = moment(&feed.one("updated").text);
    let own: Vec<_> =
        feed.all("link").into_iter().filter(|it| it.attributes["rel"] == "self").collect();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].attributes["href"], path);
    assert_eq!(own[0].attributes["type"], "application/atom+xml");
    let known = ["id", "title", "updated", "author", "link", "entry"];
    assert!(feed.inside.iter().all(|it| known.contains(&&*it.name)));
    let mut ids = BTreeMap::new();
    let mut last = i64::MAX;
    for entry in feed.all("entry") {
        let id = &entry.one("id").text;
        assert!(Url::parse(id).is_ok(), "{id}");
        let title = entry.one("title").text.clone();
        assert!(!title.trim().is_empty());
        assert!(ids.insert(id.clone(), title.clone()).is_none(), "{id} is there twice");
        let (published, updated) =
            (moment(&entry.one("published").text), moment(&entry.one("updated").text));
        assert!(published <= updated && updated <= newest, "{id}");
        assert!(updated <= last, "the newest are first");
        last = updated;
        let link = entry.one("link");
        assert_eq!(link.attributes["rel"], "alternate");
        assert!(link.attributes["href"].starts_with("/event/"));
        assert_eq!(entry.one("summary").inside.len(), 0, "text and no markup");
        assert!(entry.all("category").iter().all(|it| !it.attributes["term"].is_empty()));
        let is_end = id.ends_with(":ended");
        assert!(is_end || id.ends_with(":begun"), "{id}");
        let says_end = title.starts_with("Unblocked in") || title.starts_with("Shutdown ended in");
        assert_eq!(says_end, is_end, "{title}");
        for text in [&title, &entry.one("summary").text] {
            let is_harmless = |it: char| !it.is_control() && it != '\u{202e}';
            assert!(text.chars().all(is_harmless), "{text:?}");
        }
    }
    ids
}

fn hostile(number: u32) -> String {
    format!(
        "https://n{number}.example/</title><script>alert(1)</script>]]>\u{202e}\u{1b}[31m&amp;\"'"
    )
}

/// A made-up country whose targets have hostile names, with its events.
fn fill(archive: &Path) {
    let made = Population::new(&Settings::sized(30, 12, 400)).unwrap();
    let source = population("made".to_owned(), "0".repeat(64), 1);
    wait(async {
        let mut writer = Writer::open(&address(archive)).await.unwrap();
        let points = made.rows().map(|row| row.point);
        insert_points(&mut writer, points, hostile, &source).await.unwrap();
        state_events(&mut writer, &events::Settings::default()).await.unwrap();
    });
}

const PATH: &str = "/feeds/events.atom";

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_is_atom_and_its_ids_stay() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let place = archive.clone();
    tokio::task::spawn_blocking(move || fill(&place)).await.unwrap();
    let before = {
        let server = Running::start(folder.path(), Limits::default(), None).await;
        let answer = server.get(PATH).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").unwrap().starts_with("application/atom+xml"));
        let before = check(answer.text(), PATH);
        let ended: BTreeSet<_> = before.keys().filter(|it| it.ends_with(":ended")).collect();
        assert!(!ended.is_empty() && ended.len() < before.len(), "{before:?}");
        assert!(before.values().any(|it| it.contains("<script>")), "shown as text: {before:?}");
        for only in ["begun", "ended"] {
            let path = format!("{PATH}?only={only}&country=XA");
            let some = check(server.get(&path).await.text(), &path);
            assert!(some.keys().all(|it| it.ends_with(only)), "{some:?}");
        }
        before
    };
    // Events stated again, and another commit.
    tokio::task::spawn_blocking(move || {
        wait(async {
            let mut writer = Writer::open(&address(&archive)).await.unwrap();
            state_events(&mut writer, &events::Settings::default()).await.unwrap();
        });
        ingest_at_once(&archive, 0..4);
    })
    .await
    .unwrap();
    let server = Running::start(folder.path(), Limits::default(), None).await;
    let after = check(server.get(PATH).await.text(), PATH);
    for (id, title) in &before {
        assert_eq!(after.get(id), Some(title), "{id} stays");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_without_entries_is_one_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), Limits::default(), None).await;
    let path = format!("{PATH}?country=XX");
    assert!(check(server.get(&path).await.text(), &path).is_empty());
}
