//! OONI's lists: CSV with a header row (`ooni/blocking-fingerprints`).
//!
//! The `csv` crate is not used: it takes a quote that is never closed as the start of one field that swallows the
//! rest of the file, and says nothing. Here such a row is an error and reading goes on at its next line.

use std::borrow::Cow;

use memchr::memchr;

use super::load::Loading;
use super::{Fingerprint, Location, MAX_PATTERN_BYTES, PatternKind, Place, Reason, Scope};

/// Reads every row of `text` into `loading`.
pub(super) fn read(text: &[u8], loading: &mut Loading) {
    let mut records = Records { text, at: 0, line: 1 };
    let Some(header) = records.next() else { return };
    let place = loading.place(header.line, header.offset);
    let columns = match header.fields.and_then(|fields| Columns::find(&fields)) {
        Ok(columns) => columns,
        Err(reason) => {
            loading.take(place, Err(reason));
            return;
        }
    };
    for record in records {
        let place = loading.place(record.line, record.offset);
        let row = record.fields.and_then(|fields| columns.row(&fields, place.clone()));
        if !loading.take(place, row) {
            return;
        }
    }
}

/// The position of each column we read, from the header row.
struct Columns {
    name: usize,
    location: usize,
    kind: usize,
    pattern: usize,
    scope: Option<usize>,
    confidence: Option<usize>,
    countries: Option<usize>,
    source: Option<usize>,
    exp_url: Option<usize>,
    notes: Option<usize>,
}

impl Columns {
    fn find(header: &[Cow<'_, [u8]>]) -> Result<Self, Reason> {
        let find = |name: &str| header.iter().position(|f| f.trim_ascii() == name.as_bytes());
        let need = |name: &'static str| find(name).ok_or(Reason::MissingColumn(name));
        Ok(Self {
            name: need("name")?,
            location: need("location_found")?,
            kind: need("pattern_type")?,
            pattern: need("pattern")?,
            scope: find("scope"),
            confidence: find("confidence_no_fp"),
            countries: find("expected_countries"),
            source: find("source"),
            exp_url: find("exp_url"),
            notes: find("notes"),
        })
    }

    fn row(&self, fields: &[Cow<'_, [u8]>], place: Place) -> Result<Fingerprint, Reason> {
        let need = |at: usize, name| text(fields.get(at).ok_or(Reason::MissingColumn(name))?, name);
        let have = |at: Option<usize>, name| match at.and_then(|at| fields.get(at)) {
            Some(field) => text(field, name),
            None => Ok(""),
        };
        Ok(Fingerprint {
            name: need(self.name, "name")?.to_owned(),
            location: location(need(self.location, "location_found")?)?,
            kind: kind(need(self.kind, "pattern_type")?)?,
            pattern: need(self.pattern, "pattern")?.to_owned(),
            scope: Scope::from_word(have(self.scope, "scope")?.trim()),
            confidence: confidence(have(self.confidence, "confidence_no_fp")?)?,
            expected_countries: countries(have(self.countries, "expected_countries")?),
            source: have(self.source, "source")?.to_owned(),
            exp_url: have(self.exp_url, "exp_url")?.to_owned(),
            notes: have(self.notes, "notes")?.to_owned(),
            place,
        })
    }
}

fn text<'a>(field: &'a [u8], name: &'static str) -> Result<&'a str, Reason> {
    std::str::from_utf8(field).map_err(|_| Reason::NotUtf8(name))
}

fn location(word: &str) -> Result<Location, Reason> {
    let word = word.trim();
    match (word, word.strip_prefix("header.")) {
        ("body", _) => Ok(Location::Body),
        ("dns", _) => Ok(Location::Dns),
        (_, Some(name)) if !name.is_empty() => Ok(Location::Header(name.to_ascii_lowercase())),
        _ => Err(Reason::Location(word.to_owned())),
    }
}

fn kind(word: &str) -> Result<PatternKind, Reason> {
    match word.trim() {
        "full" => Ok(PatternKind::Full),
        "prefix" => Ok(PatternKind::Prefix),
        "contains" => Ok(PatternKind::Contains),
        "regexp" => Ok(PatternKind::Regexp),
        other => Err(Reason::PatternType(other.to_owned())),
    }
}

fn confidence(word: &str) -> Result<u8, Reason> {
    match word.trim() {
        "" => Ok(0),
        word => match word.parse() {
            Ok(number @ 0..=10) => Ok(number),
            _ => Err(Reason::Confidence(word.to_owned())),
        },
    }
}

fn countries(list: &str) -> Vec<String> {
    list.split(',').map(|c| c.trim().to_ascii_uppercase()).filter(|c| !c.is_empty()).collect()
}

/// I walk the records of a CSV file (RFC 4180, with bare line feeds allowed). Empty lines are no records.
struct Records<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

/// One record, with its first line and byte.
struct Record<'a> {
    line: u64,
    offset: usize,
    fields: Result<Vec<Cow<'a, [u8]>>, Reason>,
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        self.skip_empty_lines();
        let (line, offset) = (self.line, self.at);
        let rest = self.text.get(offset..).filter(|rest| !rest.is_empty())?;
        let mut fields = Fields { rest, ended: false };
        let read: Result<Vec<_>, Reason> = fields
            .by_ref()
            .enumerate()
            .map(|(i, field)| field.filter(|_| i < MAX_COLUMNS).ok_or(bad_quoting(i)))
            .collect();
        let length = match read {
            Ok(_) => rest.len().saturating_sub(fields.rest.len()),
            Err(_) => memchr(b'\n', rest).map_or(rest.len(), |end| end.saturating_add(1)),
        };
        self.advance(length);
        Some(Record { line, offset, fields: read })
    }
}

impl Records<'_> {
    fn skip_empty_lines(&mut self) {
        while let Some(b'\r' | b'\n') = self.text.get(self.at) {
            self.advance(1);
        }
    }

    fn advance(&mut self, bytes: usize) {
        let end = self.at.saturating_add(bytes);
        let passed = self.text.get(self.at..end).unwrap_or_default();
        self.line = self.line.saturating_add(memchr::memchr_iter(b'\n', passed).count() as u64);
        self.at = end;
    }
}

/// I walk the fields of one record. A field that cannot be read is `None`, and the last.
struct Fields<'a> {
    rest: &'a [u8],
    ended: bool,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<Cow<'a, [u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let field = match self.rest.split_first() {
            Some((b'"', after)) => self.quoted(after),
            _ => Some(Cow::Borrowed(self.bare())),
        };
        self.ended = field.is_none() || !self.comma();
        Some(field)
    }
}

impl<'a> Fields<'a> {
    /// Up to the next comma or line end; quotes inside are themselves.
    fn bare(&mut self) -> &'a [u8] {
        let end = memchr::memchr2(b',', b'\n', self.rest).unwrap_or(self.rest.len());
        let (field, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = rest;
        if rest.first() == Some(&b',') { field } else { field.strip_suffix(b"\r").unwrap_or(field) }
    }

    /// `after` is what follows the opening quote. None where the quote is not closed soon enough, or is followed by
    /// anything but a comma or a line end.
    fn quoted(&mut self, after: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let mut field = Cow::Borrowed(&[][..]);
        let mut rest = after;
        loop {
            let window = rest.get(..MAX_FIELD_BYTES).unwrap_or(rest);
            let (part, from_quote) = rest.split_at_checked(memchr(b'"', window)?)?;
            append(&mut field, part);
            rest = from_quote.get(1..)?;
            match rest.first() {
                Some(b'"') if field.len() < MAX_FIELD_BYTES => append(&mut field, b"\""),
                Some(b',' | b'\n' | b'\r') | None => break,
                Some(_) => return None,
            }
            rest = rest.get(1..)?;
        }
        self.rest = rest;
        Some(field)
    }

    /// Steps over the comma, or the line end, that follows a field. True for a comma.
    fn comma(&mut self) -> bool {
        let comma = self.rest.first() == Some(&b',');
        let end: &[u8] = match self.rest {
            [b',' | b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] | [b'\r', rest @ ..] => rest,
            rest => rest,
        };
        self.rest = end;
        comma
    }
}

/// Adds to a field, copying only when it has more than one part.
fn append<'a>(field: &mut Cow<'a, [u8]>, part: &'a [u8]) {
    if field.is_empty() {
        *field = Cow::Borrowed(part);
    } else {
        field.to_mut().extend_from_slice(part);
    }
}

fn bad_quoting(index: usize) -> Reason {
    Reason::Quoting { column: index.saturating_add(1) }
}

/// The most columns of a row. With [`MAX_FIELD_BYTES`] it bounds what one lost quote can cost.
const MAX_COLUMNS: usize = 64;
/// The longest stretch of a quoted field without a quote.
const MAX_FIELD_BYTES: usize = 2 * MAX_PATTERN_BYTES;

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const HEADER: &str = "name,location_found,pattern_type,pattern,confidence_no_fp\n";

    /// Names of the good rows; line, byte (after the header row) and reason of the bad ones.
    fn read(rows: &[u8]) -> (Vec<String>, Vec<(u64, u64, Reason)>) {
        let parsed = parse("test.csv", &[HEADER.as_bytes(), rows].concat());
        let after = |offset: u64| offset - HEADER.len() as u64;
        (
            parsed.rows.into_iter().map(|row| row.name).collect(),
            parsed
                .errors
                .into_iter()
                .map(|e| (e.place.line, after(e.place.offset), e.reason))
                .collect(),
        )
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_bad_row_does_not_take_the_others_with_it() {
        let (names, errors) = read(
            b"a,body,full,x,5\n\
              b,body,wild,x,5\r\n\
              c,face,full,x,5\n\
              d,body,full,x,11\n\
              e,body,full,,5\n\
              f,body\n\
              g,body,full,\xFF,5\n\
              h,body,full,x,\n",
        );
        assert_eq!(names, texts(&["a", "h"]));
        assert_eq!(
            errors,
            [
                (3, 16, Reason::PatternType("wild".to_owned())),
                (4, 33, Reason::Location("face".to_owned())),
                (5, 49, Reason::Confidence("11".to_owned())),
                (6, 66, Reason::EmptyPattern),
                (7, 81, Reason::MissingColumn("pattern_type")),
                (8, 88, Reason::NotUtf8("pattern")),
            ]
        );
    }

    #[test]
    fn a_lost_quote_costs_one_row() {
        let (names, errors) = read(
            b"a,body,full,\"x\ny\",5\n\
              b,body,full,\"x,5\n\
              c,body,full,\"x\"\"y\",5\n\
              d,body,full,\"x\"y,5\n\
              e,body,full,x,5\n\
              f,body,full,\"x,5",
        );
        assert_eq!(names, texts(&["a", "c", "e"]));
        let quoting = Reason::Quoting { column: 4 };
        assert_eq!(errors, [(4, 20, quoting.clone()), (6, 58, quoting.clone()), (8, 93, quoting)]);
    }

    #[test]
    fn quoted_fields_keep_quotes_and_line_ends() {
        let text = format!("{HEADER}a,body,full,\"say \"\"no\"\",\r\nnever\",5\n");
        let parsed = parse("test.csv", text.as_bytes());
        assert_eq!(parsed.errors, []);
        assert_eq!(parsed.rows[0].pattern, "say \"no\",\r\nnever");
    }

    #[test]
    fn long_patterns_are_refused() {
        let pattern = "x".repeat(MAX_PATTERN_BYTES + 1);
        let (_, errors) = read(format!("a,body,full,{pattern},5\n").as_bytes());
        let reason = Reason::LongPattern { bytes: MAX_PATTERN_BYTES + 1 };
        assert_eq!(errors, [(2, 0, reason)]);
    }

    #[test]
    fn rows_and_errors_have_a_limit() {
        let (names, errors) = read("a,body,full,x,5\n".repeat(100_002).as_bytes());
        assert_eq!((names.len(), errors.len()), (100_000, 1));
        assert_eq!(errors[0].2, Reason::TooManyRows);
        let (_, errors) = read("a,body,full,,5\n".repeat(2_000).as_bytes());
        assert_eq!(errors.len(), 1_001);
        assert_eq!(errors[1_000].2, Reason::TooManyErrors);
    }

    #[test]
    fn columns_are_found_by_name() {
        let parsed = parse(
            "t",
            b"\xEF\xBB\xBFpattern,pattern_type,x,location_found,name\np,prefix,,header.Via,n\n",
        );
        assert_eq!(parsed.errors, []);
        assert_eq!(parsed.rows[0].location, Location::Header("via".to_owned()));
        assert_eq!((parsed.rows[0].confidence, parsed.rows[0].scope), (0, Scope::Unknown));
        assert_eq!((parsed.rows[0].place.line, parsed.rows[0].place.offset), (2, 46));
        let parsed = parse("t", b"name,pattern\n");
        assert_eq!(parsed.errors[0].reason, Reason::MissingColumn("location_found"));
    }

    /// Cutting a file anywhere loses the rows behind the cut and nothing else.
    #[test]
    fn truncation() {
        let text = format!("{HEADER}a,body,full,\"x\ny\",5\nb,dns,full,1.2.3.4,5\n");
        for end in 0..text.len() {
            let rows = parse("t", &text.as_bytes()[..end]).rows;
            assert!(rows.len() <= 2);
            assert_eq!(rows.is_empty(), end < HEADER.len() + 17, "{end}");
        }
    }
}
