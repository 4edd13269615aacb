//! A report as one HTML file that needs nothing else: no script, nothing fetched.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::blocks::{Block, Cell, Chart, Mark, Span, Table};
use super::{Told, blocks, style, timeline};

/// The page.
pub fn page(told: &Told<'_>) -> String {
    let words = told.words;
    let language = words.language();
    let all = blocks(told);
    let (sheet, policy) = style::sheet(language);
    let first_heading = all.iter().position(|it| matches!(it, Block::Heading(..)));
    let (head, body) = all.split_at(first_heading.unwrap_or(0));
    let is_rtl = language.direction() == "rtl";
    let page = html! {
        (DOCTYPE)
        html lang=(language.code()) dir=(language.direction()) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (words.say("report-title")) }
                // The hash in the policy is of these very bytes.
                style { (PreEscaped(sheet)) }
            }
            body {
                a.skip href="#summary" { (words.say("report-skip")) }
                header { @for one in head { (block(one, is_rtl)) } }
                nav aria-label=(words.say("report-contents")) {
                    p {
                        @for (at, (name, heading)) in headings(body).enumerate() {
                            @if at > 0 { " · " }
                            a href={ "#" (name) } { (heading) }
                        }
                    }
                }
                main { @for one in body { (block(one, is_rtl)) } }
            }
        }
    };
    page.into_string()
}

fn headings(body: &[Block]) -> impl Iterator<Item = (&'static str, &str)> {
    body.iter().filter_map(|one| match one {
        Block::Heading(name, heading) => Some((*name, heading.as_str())),
        _ => None,
    })
}

fn block(block: &Block, is_rtl: bool) -> Markup {
    match block {
        Block::Title(text) => html! { h1 { (text) } },
        Block::Heading(name, text) => html! { h2 id=(name) { (text) } },
        Block::Text(text) => html! { p { (spans(text)) } },
        Block::Note(text) => html! { p.note { (spans(text)) } },
        Block::List(lines) => html! { ul { @for line in lines { li { (spans(line)) } } } },
        Block::Pairs(pairs) => html! {
            dl { @for (name, value) in pairs { dt { (name) } dd { (spans(value)) } } }
        },
        Block::Table(one) => table(one),
        Block::Chart(one) => chart(one, is_rtl),
        Block::NewPage => html! { div.newpage {} },
    }
}

fn spans(spans: &[Span]) -> Markup {
    html! {
        @for span in spans {
            @match span {
                Span::Words(text) => (text),
                Span::English(text) => span lang="en" dir="ltr" { (text) },
                Span::Foreign(text) => bdi translate="no" dir="auto" { (text) },
            }
        }
    }
}

fn table(table: &Table) -> Markup {
    html! {
        // What is wider than a phone is moved within itself; the keyboard can do that, too.
        div.wide tabindex="0" role="group" aria-label=(table.caption) {
            table {
                caption { (table.caption) }
                thead {
                    tr {
                        @for column in &table.head {
                            th scope="col" class=[column.is_number.then_some("n")] { (column.title) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (cell, column) in row.iter().zip(&table.head) {
                                td class=[column.is_number.then_some("n")] { (self::cell(cell)) }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(after) = &table.after { p.after { (after) } }
    }
}

fn cell(cell: &Cell) -> Markup {
    html! {
        @if let Some(mark) = cell.mark { (sign(mark)) }
        (spans(&cell.spans))
    }
}

/// A mark beside words that say the same: hidden from who does not see it.
fn sign(mark: Mark) -> Markup {
    html! {
        svg.mark viewBox="0 0 10 10" aria-hidden="true" {
            @match mark {
                Mark::Blocked | Mark::Ok | Mark::Insufficient => {
                    rect class={ "m-" (mark.word()) } x="1" y="1" width="8" height="8" {}
                }
                Mark::Down => path class="m-down" d="M1 9V1L9 9Z" {},
            }
        }
    }
}

fn chart(chart: &Chart, is_rtl: bool) -> Markup {
    let size = format!("0 0 {} {}", timeline::WIDTH, timeline::HEIGHT);
    html! {
        figure {
            figcaption { (chart.says) }
            ul.legend { @for (mark, says) in &chart.legend { li { (sign(*mark)) (says) } } }
            p.soft { (chart.most.1) }
            svg.chart viewBox=(size) preserveAspectRatio="none" role="img" aria-label=(chart.says) {
                (PreEscaped(timeline::svg(chart, is_rtl)))
            }
            // In the page's own direction, as the bars.
            div.ends {
                span { (chart.ends[0]) }
                @if chart.ends[1] != chart.ends[0] { span { (chart.ends[1]) } }
            }
        }
    }
}
