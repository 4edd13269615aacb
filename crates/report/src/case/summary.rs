//! Title, question, and what came of it in plain words.

use super::blocks::{Block, Span, foreign, harmless};
use super::{Told, day, network};
use crate::words::Said;

pub(super) fn head(told: &Told<'_>) -> Vec<Block> {
    let words = told.words;
    let made = words.say_with(
        "report-made",
        &[
            ("program", format!("Wirewitness {}", told.version).into()),
            ("commit", words.numerals(&told.case.commit.to_string()).into()),
        ],
    );
    let mut blocks =
        vec![Block::Title(words.say("report-title")), Block::Text(vec![Span::Words(made)])];
    let made_up = told.case.origins.iter().find(|(origin, _)| origin == "population");
    if let Some((_, count)) = made_up {
        let says = words.say_with("report-made-up", &[("count", (*count).into())]);
        blocks.push(Block::Note(vec![Span::Words(says)]));
    }
    blocks
}

pub(super) fn question(told: &Told<'_>) -> Vec<Block> {
    let (words, question) = (told.words, &told.case.question);
    let say = |id: &str| Span::Words(words.say(id));
    let asked = match &question.text {
        Some(text) => Span::Foreign(harmless(text.trim(), MOST_ASKED)),
        None => say("report-asked-nothing"),
    };
    let country = question.country.as_ref().map_or_else(
        || say("report-country-all"),
        |country| foreign(&country.to_ascii_uppercase()),
    );
    let network = match question.network {
        Some(asn) => foreign(&network(words, Some(asn))),
        None => say("report-network-all"),
    };
    let name = question.name.as_ref().map_or_else(|| say("report-name-all"), |name| foreign(name));
    let ends = [("report-from", question.since), ("report-before", question.until)];
    let ends: Vec<String> = ends
        .into_iter()
        .filter_map(|(id, at)| Some(words.say_with(id, &[("day", day(words, at?).into())])))
        .collect();
    let period =
        if ends.is_empty() { say("report-period-all") } else { Span::Words(ends.join(" ")) };
    let pairs = [
        ("report-asked", asked),
        ("report-country", country),
        ("report-network", network),
        ("report-name", name),
        ("report-period", period),
    ];
    let pairs = pairs.into_iter().map(|(id, span)| (words.say(id), vec![span])).collect();
    vec![Block::Heading("question", words.say("report-question")), Block::Pairs(pairs)]
}

pub(super) fn summary(told: &Told<'_>) -> Vec<Block> {
    let words = told.words;
    let mut blocks = vec![Block::Heading("summary", words.say("report-summary"))];
    let Some((first, last)) = told.case.days else {
        blocks.push(Block::Note(vec![Span::Words(words.say("report-none"))]));
        return blocks;
    };
    let mut sentences = vec![measured(told, first, last)];
    sentences.extend(found(told));
    sentences.push(match told.case.events.all {
        0 => words.say("report-sum-no-events"),
        count => words.say_with("report-sum-events", &[("count", count.into())]),
    });
    if told.case.total.vantages < 3 {
        sentences.push(words.say("report-sum-few"));
    }
    blocks.push(Block::List(sentences.into_iter().map(|it| vec![Span::Words(it)]).collect()));
    let denying = told.case.mechanisms.iter().find(|it| it.status == "blocked");
    if let (Some(Block::List(list)), Some(mechanism)) = (blocks.last_mut(), denying) {
        let says = words.say_with("report-sum-mechanism", &[("count", mechanism.count.into())]);
        let says = Span::Words(format!("{says} "));
        let at = list.len().min(2);
        list.insert(at, vec![says, foreign(&mechanism.word)]);
    }
    blocks
}

fn measured(told: &Told<'_>, first: i64, last: i64) -> String {
    let (words, total) = (told.words, told.case.total);
    words.say_with(
        "report-sum-measured",
        &[
            ("count", total.all().into()),
            ("targets", told.case.targets.all.into()),
            ("vantages", total.vantages.into()),
            ("networks", told.case.networks.all.into()),
            ("first", day(words, first).into()),
            ("last", day(words, last).into()),
        ],
    )
}

fn found(told: &Told<'_>) -> Vec<String> {
    let (words, case) = (told.words, told.case);
    let total = case.total;
    let mut sentences = vec![match total.blocked {
        0 => words.say("report-sum-none-blocked"),
        count => words.say_with(
            "report-sum-blocked",
            &[
                ("count", count.into()),
                ("targets", case.blocked_targets.into()),
                ("networks", case.blocking_networks.into()),
            ],
        ),
    }];
    sentences.push(
        words.say_with("report-sum-rest", &[("ok", total.ok.into()), ("down", total.down.into())]),
    );
    if total.insufficient > 0 {
        #[expect(clippy::cast_precision_loss, reason = "a share in whole per cent")]
        let share = total.insufficient as f64 / total.all() as f64;
        let share = Said::from(words.percent(share));
        sentences.push(words.say_with(
            "report-sum-insufficient",
            &[("count", total.insufficient.into()), ("share", share)],
        ));
    }
    sentences
}

/// Letters of a question.
const MOST_ASKED: usize = 2_000;
