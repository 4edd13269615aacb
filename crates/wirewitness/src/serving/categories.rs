//! Which category a name is of, from lists of the Citizen Lab's form: `url,category_code,category_description,..`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::PathBuf;

use url::Url;
use wirewitness_probe::targets::csv;

use crate::command_error::CommandError;
use crate::output::{clean, complain};

/// Reads lists, one after the other: host name to category. The first line that has a name counts. Lines that say nothing are told, the first
/// few of each file.
///
/// # Errors
/// A file cannot be read, is no such list, or all of them have more than [`MOST_NAMES`] names.
pub(crate) fn read(lists: &[PathBuf]) -> Result<BTreeMap<String, String>, CommandError> {
    let mut categories = BTreeMap::new();
    for path in lists {
        let name = path.display().to_string();
        let file = File::open(path)
            .map_err(|source| CommandError::Unreadable { path: name.clone(), source })?;
        let problems = one(BufReader::new(file), &name, &mut categories)?;
        for problem in problems.iter().take(MOST_COMPLAINTS) {
            complain(&format!("{}\n", clean(problem, 300)));
        }
        if problems.len() > MOST_COMPLAINTS {
            let more = problems.len() - MOST_COMPLAINTS;
            complain(&format!("{}: {more} more lines without category\n", clean(&name, 200)));
        }
    }
    Ok(categories)
}

/// Reads one list into what is known, and tells of lines that say nothing.
fn one(
    mut reader: impl BufRead,
    name: &str,
    known: &mut BTreeMap<String, String>,
) -> Result<Vec<String>, CommandError> {
    let bad = |message: String| CommandError::BadFile {
        path: name.to_owned(),
        message,
        hint: "expected a list of the Citizen Lab's form: url,category_code,..".to_owned(),
    };
    let mut columns = None;
    let mut problems = Vec::new();
    for number in 1..=MOST_LINES {
        let mut bytes = Vec::new();
        let read = reader.by_ref().take(LONGEST_LINE_BYTES + 1).read_until(b'\n', &mut bytes);
        let read =
            read.map_err(|source| CommandError::Unreadable { path: name.to_owned(), source })?;
        if read == 0 {
            return columns.map(|_| problems).ok_or_else(|| bad("is empty".to_owned()));
        }
        if read as u64 > LONGEST_LINE_BYTES && !bytes.ends_with(b"\n") {
            return Err(bad(format!("line {number}: longer than {LONGEST_LINE_BYTES} bytes")));
        }
        let Ok(line) = std::str::from_utf8(&bytes) else {
            problems.push(format!("{name}:{number}: not UTF-8"));
            continue;
        };
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields = csv::fields(line);
        let Some((url, category)) = columns else {
            let head = fields.unwrap_or_default();
            let column = |name| head.iter().position(|it| it.trim().eq_ignore_ascii_case(name));
            let both = column("url").zip(column("category_code"));
            let why = || bad(format!("line {number}: names no columns url and category_code"));
            columns = Some(both.ok_or_else(why)?);
            continue;
        };
        match row(fields.as_deref(), (url, category)) {
            Ok((host, category)) => {
                if known.len() >= MOST_NAMES && !known.contains_key(&host) {
                    return Err(bad(format!("line {number}: more than {MOST_NAMES} names")));
                }
                known.entry(host).or_insert(category);
            }
            Err(why) => problems.push(format!("{name}:{number}: {why}")),
        }
    }
    Err(bad(format!("more than {MOST_LINES} lines")))
}

/// Host name and category of a row.
fn row(
    fields: Option<&[String]>,
    (url, category): (usize, usize),
) -> Result<(String, String), &'static str> {
    let fields = fields.ok_or("a quote is not closed on its line, or stands inside a field")?;
    let text = |at: usize| fields.get(at).map(|it| it.trim()).unwrap_or_default();
    let host = Url::parse(text(url)).ok().and_then(|it| it.host_str().map(str::to_lowercase));
    let host = host.ok_or("no address")?;
    let category = text(category).to_uppercase();
    let is_code = (1..=LONGEST_CODE).contains(&category.len())
        && category.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit());
    if is_code { Ok((host, category)) } else { Err("no category of letters and digits") }
}

/// Several times all lists of all countries.
const MOST_NAMES: usize = 1_000_000;
const MOST_LINES: u64 = 2_000_000;
const LONGEST_LINE_BYTES: u64 = 16 << 10;
const LONGEST_CODE: usize = 20;
const MOST_COMPLAINTS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &[u8]) -> Result<(BTreeMap<String, String>, Vec<String>), String> {
        let mut known = BTreeMap::new();
        let problems = one(text, "l.csv", &mut known).map_err(|it| it.to_string())?;
        Ok((known, problems))
    }

    #[test]
    fn names_have_the_first_category_and_bad_lines_are_told() {
        let text = "\u{feff}url,category_code,category_description\r\n\
            https://News.example/a,NEWS,News Media\n\
            http://news.example/,HUMR,Human Rights\n\
            \n# of ours\n\
            \"https://faith.example/?a=1,2\",rel,\"Religion, all\"\n\
            faith.example,REL,x\n\
            https://none.example/,,x\n\
            https://odd.example/,<b>,x\n\
            https://open.example/,\"NEWS,x\n\
            https://short.example/\n";
        let (known, problems) = of(text.as_bytes()).unwrap();
        let expected = [("faith.example", "REL"), ("news.example", "NEWS")];
        let known: Vec<(&str, &str)> = known.iter().map(|(a, b)| (&**a, &**b)).collect();
        assert_eq!(known, expected);
        let told: Vec<&str> = problems.iter().map(|it| it.split(": ").next().unwrap()).collect();
        assert_eq!(told, ["l.csv:7", "l.csv:8", "l.csv:9", "l.csv:10", "l.csv:11"]);
        let (_, problems) = of(b"url,category_code\n\xff\xfe,NEWS\n").unwrap();
        assert_eq!(problems, ["l.csv:2: not UTF-8"]);
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_line() {
        for (text, words) in [
            (&b""[..], "is empty"),
            (b"\n\n", "is empty"),
            (b"https://a.example/\n", "line 1: names no columns"),
            (b"\nurl,kind\n", "line 2: names no columns"),
        ] {
            assert!(of(text).unwrap_err().contains(words), "{words}");
        }
        let long = format!("url,category_code\n{}", "x".repeat(1 << 20));
        assert!(of(long.as_bytes()).unwrap_err().contains("line 2: longer than 16384 bytes"));
    }
}
