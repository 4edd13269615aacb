//! All rows that look at one kind of text (bodies, or values of one header), matched together.

use std::collections::BTreeMap;

use regex::bytes::Regex;

use super::MAX_REGEXP_BYTES;
use super::literals::Literals;
use super::pattern::Pattern;

/// I find which rows match a text.
pub(super) struct Matcher {
    starts: Starts,
    literals: Literals,
    /// What each of the literals stands for; lists have many texts twice.
    targets: Vec<Vec<Target>>,
    regexps: Vec<Expression>,
    /// Expressions nothing is required of, by position: they are run on every text.
    always: Vec<u32>,
}

/// A row whose pattern is a regular expression.
struct Expression {
    regex: Regex,
    /// How many literals must have been found before it is run.
    required: usize,
    row: u32,
}

/// What it means that a literal was found.
#[derive(Clone, Copy)]
enum Target {
    /// The row matches.
    Row(u32),
    /// The expression at this position may match, if all its other literals are found too.
    Regexp(u32),
}

impl Matcher {
    /// Takes patterns, each with the row it stands for.
    pub(super) fn new(patterns: Vec<(Pattern, u32)>) -> Self {
        let (mut starts, mut regexps, mut always) = (Vec::new(), Vec::new(), Vec::new());
        let mut literals: BTreeMap<Vec<u8>, Vec<Target>> = BTreeMap::new();
        for (pattern, row) in patterns {
            match pattern {
                Pattern::Start { bytes, whole } => starts.push(Start { bytes, whole, row }),
                Pattern::Inside(bytes) => literals.entry(bytes).or_default().push(Target::Row(row)),
                Pattern::Regexp { regex, required } => {
                    let position = regexps.len() as u32;
                    regexps.push(Expression { regex, required: required.len(), row });
                    if required.is_empty() {
                        always.push(position);
                    }
                    for bytes in required {
                        literals.entry(bytes).or_default().push(Target::Regexp(position));
                    }
                }
            }
        }
        let (texts, targets) = literals.into_iter().unzip();
        let literals = Literals::new(texts);
        Self { starts: Starts::new(starts), literals, targets, regexps, always }
    }

    /// How many expressions are run on every text, for want of a literal to ask for first.
    pub(super) fn unfiltered(&self) -> usize {
        self.always.len()
    }

    /// Adds the rows that match `text` to `rows`, some more than once.
    pub(super) fn find(&self, text: &[u8], rows: &mut Vec<u32>) {
        self.starts.find(text, rows);
        let mut hints = Vec::new();
        self.literals.find(text, |literal| {
            for target in self.targets.get(literal as usize).into_iter().flatten() {
                match target {
                    Target::Row(row) => rows.push(*row),
                    Target::Regexp(position) => hints.push((*position, literal)),
                }
            }
        });
        hints.sort_unstable();
        hints.dedup();
        let hinted = hints.chunk_by(|a, b| a.0 == b.0);
        let hinted = hinted.filter_map(|hits| Some((hits.first()?.0, hits.len())));
        let always = self.always.iter().map(|position| (*position, 0));
        for (position, literals) in hinted.chain(always) {
            if let Some(expression) = self.regexps.get(position as usize) {
                expression.find(literals, text, rows);
            }
        }
    }
}

impl Expression {
    /// Runs it, if as many of its literals were found as it has.
    fn find(&self, literals: usize, text: &[u8], rows: &mut Vec<u32>) {
        let text = text.get(..MAX_REGEXP_BYTES).unwrap_or(text);
        if literals == self.required && self.regex.is_match(text) {
            rows.push(self.row);
        }
    }
}

/// A row whose pattern stands at the start of a text.
struct Start {
    bytes: Vec<u8>,
    whole: bool,
    row: u32,
}

/// I hold [`Start`]s in the order of their bytes.
///
/// Everything that sorts between a prefix of a text and the text begins with that prefix too. So the longest prefix
/// of a text is the greatest entry not above it, or a prefix of that entry; `parents` lead from each entry to the
/// longest other that is a prefix of it.
struct Starts {
    sorted: Vec<Start>,
    parents: Vec<Option<u32>>,
}

impl Starts {
    fn new(mut sorted: Vec<Start>) -> Self {
        sorted.sort_by(|a, b| a.bytes.cmp(&b.bytes));
        let mut parents: Vec<Option<u32>> = Vec::with_capacity(sorted.len());
        let mut open: Vec<(u32, &[u8])> = Vec::new();
        for (at, start) in sorted.iter().enumerate() {
            while open.last().is_some_and(|(_, bytes)| !start.bytes.starts_with(bytes)) {
                open.pop();
            }
            parents.push(open.last().map(|(parent, _)| *parent));
            open.push((at as u32, &start.bytes));
        }
        Self { sorted, parents }
    }

    fn find(&self, text: &[u8], rows: &mut Vec<u32>) {
        let above = self.sorted.partition_point(|start| start.bytes.as_slice() <= text);
        let mut at = above.checked_sub(1);
        while let Some(start) = at.and_then(|at| self.sorted.get(at)) {
            let fits =
                if start.whole { start.bytes == text } else { text.starts_with(&start.bytes) };
            if fits {
                rows.push(start.row);
            }
            at = at.and_then(|at| self.parents.get(at).copied().flatten()).map(|at| at as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_lead_from_the_longest_to_the_shortest() {
        let rows = ["http", "http://a", "http://a/b", "http://a/b", "http://b", "i", "http://a!"];
        let start = |(row, text): (usize, &&str)| Start {
            bytes: text.as_bytes().to_vec(),
            whole: row == 3,
            row: row as u32,
        };
        let starts = Starts::new(rows.iter().enumerate().map(start).collect());
        let find = |text: &[u8]| {
            let mut found = Vec::new();
            starts.find(text, &mut found);
            found.sort_unstable();
            found
        };
        assert_eq!(find(b"http://a/b/c"), [0, 1, 2]);
        assert_eq!(find(b"http://a/b"), [0, 1, 2, 3]);
        assert_eq!(find(b"http://a#"), [0, 1]);
        assert_eq!(find(b"http://c"), [0]);
        assert_eq!(find(b"htt"), [] as [u32; 0]);
        assert_eq!(find(b""), [] as [u32; 0]);
    }
}
