//! Parameters: what they may be, and a request's own, checked by that.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::form_urlencoded::parse;
use wirewitness_store::rollup::day_number;

use crate::facts::Filter;
use crate::server::problem::Problem;

/// One parameter of a route: read, checked and described by the same words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) says: &'static str,
    pub(crate) is_in_path: bool,
    /// Several, between commas.
    pub(crate) is_list: bool,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// At most so many bytes of text, one at least.
    Text(usize),
    /// Two letters.
    Country,
    /// `AS17557` or `17557`.
    Network,
    /// `2025-11-23`; what follows the day is not read where it is a time.
    Day,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A number: least, most, and what it is where it is not said.
    Count(u64, u64, u64),
    /// Hexadecimal digits.
    Id,
    /// `true` or `false`.
    Flag,
}

/// What was asked for, checked.
#[derive(Debug, Default)]
pub(crate) struct Asked(BTreeMap<&'static str, String>);

impl Parameter {
    pub(crate) const fn new(name: &'static str, kind: Kind, says: &'static str) -> Self {
        Self { name, kind, says, is_in_path: false, is_list: false }
    }

    pub(crate) const fn list(name: &'static str, kind: Kind, says: &'static str) -> Self {
        Self { is_list: true, ..Self::new(name, kind, says) }
    }

    pub(crate) const fn in_path(name: &'static str, kind: Kind, says: &'static str) -> Self {
        Self { is_in_path: true, ..Self::new(name, kind, says) }
    }

    fn check(&self, text: &str) -> Result<(), Problem> {
        let count = if self.is_list { text.split(',').count() } else { 1 };
        if count > MOST_IN_A_LIST {
            let detail = format!("{}: {count} values; at most {MOST_IN_A_LIST}", self.name);
            return Err(Problem::parameter(self.name, detail));
        }
        let mut values = text.split(',').take(if self.is_list { count } else { 0 });
        let is_good = match self.is_list {
            true => values.all(|value| self.kind.takes(value)),
            false => self.kind.takes(text),
        };
        let detail = || format!("{} has to be {}", self.name, self.kind.words());
        if is_good { Ok(()) } else { Err(Problem::parameter(self.name, detail())) }
    }

    /// As OpenAPI describes it.
    pub(crate) fn described(&self) -> Value {
        let mut schema = self.kind.schema();
        if self.is_list {
            // A comma ends a value, so no value of the list has one.
            schema = json!({ "type": "string", "maxLength": 2_000, "pattern": self.kind.list_pattern() });
        }
        json!({
            "name": self.name,
            "in": if self.is_in_path { "path" } else { "query" },
            "required": self.is_in_path,
            "description": self.says,
            "schema": schema,
        })
    }
}

impl Kind {
    fn takes(self, text: &str) -> bool {
        match self {
            Self::Text(most) => !text.is_empty() && text.len() <= most && !text.contains('\0'),
            Self::Country => text.len() == 2 && text.bytes().all(|it| it.is_ascii_alphabetic()),
            Self::Network => network(text).is_some(),
            Self::Day => day(text).is_some(),
            Self::Word(words) => words.contains(&text),
            Self::Count(least, most, _) => {
                text.parse::<u64>().is_ok_and(|count| (least..=most).contains(&count))
            }
            Self::Id => {
                (1..=64).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_hexdigit())
            }
            Self::Flag => matches!(text, "true" | "false"),
        }
    }

    fn words(self) -> String {
        match self {
            Self::Text(most) => format!("text of 1 to {most} bytes"),
            Self::Country => "two letters, PK say".to_owned(),
            Self::Network => "the number of a network, AS17557 or 17557".to_owned(),
            Self::Day => "a day, 2025-11-23 say".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Count(least, most, _) => format!("a number from {least} to {most}"),
            Self::Id => "1 to 64 hexadecimal digits".to_owned(),
            Self::Flag => "true or false".to_owned(),
        }
    }

    fn schema(self) -> Value {
        match self {
            Self::Text(most) => json!({ "type": "string", "minLength": 1, "maxLength": most }),
            Self::Country => json!({ "type": "string", "pattern": "^[A-Za-z]{2}$" }),
            Self::Network => json!({ "type": "string", "pattern": format!("^{NETWORK}$") }),
            Self::Day => json!({ "type": "string", "format": "date" }),
            Self::Word(words) => json!({ "type": "string", "enum": words }),
            Self::Count(least, most, usual) => {
                json!({ "type": "integer", "minimum": least, "maximum": most, "default": usual })
            }
            Self::Id => json!({ "type": "string", "pattern": "^[0-9a-fA-F]{1,64}$" }),
            Self::Flag => json!({ "type": "boolean" }),
        }
    }

    fn list_pattern(self) -> String {
        let one = match self {
            Self::Country => "[A-Za-z]{2}".to_owned(),
            Self::Network => NETWORK.to_owned(),
            Self::Word(words) => format!("({})", words.join("|")),
            Self::Id => "[0-9a-fA-F]{1,64}".to_owned(),
            _ => "[^,]{1,300}".to_owned(),
        };
        format!("^{one}(,{one}){{0,{}}}$", MOST_IN_A_LIST - 1)
    }
}

impl Asked {
    /// Checks path and query. With `Strange::Refused`, what no parameter is called is refused; OONI's scripts send what only OONI knows.
    pub(crate) fn check(
        parameters: &[Parameter],
        (path, query): (&BTreeMap<String, String>, &str),
        strange: Strange,
    ) -> Result<Self, Problem> {
        let mut asked = Self::default();
        let given = parse(query.as_bytes()).take(MOST_PARAMETERS);
        let given = given.map(|(name, value)| (name.into_owned(), value.into_owned(), false));
        let in_path = path.iter().map(|(name, value)| (name.clone(), value.clone(), true));
        for (name, value, is_in_path) in in_path.chain(given) {
            let of_route = |it: &&Parameter| it.name == name && it.is_in_path == is_in_path;
            let Some(parameter) = parameters.iter().find(of_route) else {
                if strange == Strange::Ignored {
                    continue;
                }
                let known: Vec<&str> = parameters.iter().map(|it| it.name).collect();
                let detail =
                    format!("there is no such parameter here; there are {}", known.join(", "));
                return Err(Problem::parameter(
                    &name.chars().take(100).collect::<String>(),
                    detail,
                ));
            };
            // A form sends its empty fields too.
            if value.is_empty() && !is_in_path {
                continue;
            }
            parameter.check(&value)?;
            asked.0.insert(parameter.name, value);
        }
        Ok(asked)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The values of a list; none where it is not given.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.text(name).map(|it| it.split(',').map(str::to_owned).collect()).unwrap_or_default()
    }

    pub(crate) fn networks(&self, name: &str) -> Vec<u32> {
        self.list(name).iter().filter_map(|it| network(it)).collect()
    }

    pub(crate) fn day(&self, name: &str) -> Option<i32> {
        self.text(name).and_then(day)
    }

    pub(crate) fn count(&self, name: &str, usual: u64) -> u64 {
        self.text(name).and_then(|it| it.parse().ok()).unwrap_or(usual)
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|it| it == "true")
    }

    /// Which verdicts, by the names that `FILTER` has and by OONI's.
    pub(crate) fn filter(&self) -> Filter {
        let upper = |texts: Vec<String>| texts.iter().map(|it| it.to_ascii_uppercase()).collect();
        Filter {
            countries: upper(self.list("probe_cc")),
            asns: self.networks("probe_asn"),
            targets: self.text("input").map(str::to_owned).into_iter().collect(),
            domains: self.list("domain").iter().map(|it| it.to_ascii_lowercase()).collect(),
            categories: self.list("category_code"),
            tests: self.list("test_name"),
            statuses: self.list("status"),
            mechanisms: self.list("mechanism"),
            origins: self.list("origin"),
            since: self.day("since"),
            until: self.day("until"),
        }
    }
}

/// What is done with parameters that no route knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strange {
    Refused,
    Ignored,
}

fn network(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
    let is_number =
        (1..=10).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

fn day(text: &str) -> Option<i32> {
    let (date, rest) = text.split_at_checked(10)?;
    let is_time = rest.is_empty() || rest.starts_with(['T', ' ']) && rest.len() <= 20;
    is_time.then(|| day_number(date))?
}

/// Numbers of networks have 32 bits (RFC 6793): up to 4294967295, and no leading zero before ten digits.
const NETWORK: &str = "(AS|as)?([0-9]{1,9}|[1-3][0-9]{9}|4[01][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}|42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[01][0-9]{2}|42949672[0-8][0-9]|429496729[0-5])";
const MOST_PARAMETERS: usize = 64;
const MOST_IN_A_LIST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Parameter; 4] = [
        Parameter::list("probe_cc", Kind::Country, ""),
        Parameter::new("since", Kind::Day, ""),
        Parameter::new("limit", Kind::Count(1, 10, 5), ""),
        Parameter::in_path("id", Kind::Id, ""),
    ];

    fn ask(query: &str, strange: Strange) -> Result<Asked, Problem> {
        let path = BTreeMap::from([("id".to_owned(), "ab".to_owned())]);
        Asked::check(&KNOWN, (&path, query), strange)
    }

    #[test]
    fn what_is_taken_is_what_is_said() {
        let asked =
            ask("probe_cc=pk,IR&since=2025-11-23T00:00:00&limit=", Strange::Refused).unwrap();
        assert_eq!(asked.filter().countries, ["PK", "IR"]);
        assert_eq!(asked.day("since"), day_number("2025-11-23"));
        assert_eq!((asked.count("limit", 5), asked.text("id")), (5, Some("ab")));
        for (query, name) in [
            ("probe_cc=PAK", "probe_cc"),
            ("since=2025-02-30", "since"),
            ("limit=11", "limit"),
            ("limit=-1", "limit"),
            ("odd=1", "odd"),
            ("id=ab", "id"),
        ] {
            let problem = ask(query, Strange::Refused).unwrap_err();
            assert_eq!(problem.parameter.as_deref(), Some(name), "{query}");
            assert_eq!(problem.status.as_u16(), 400);
        }
        assert!(ask("odd=1&id=zz", Strange::Ignored).is_ok());
        let many = vec!["PK"; 101].join(",");
        assert!(ask(&format!("probe_cc={many}"), Strange::Ignored).is_err());
    }

    #[test]
    fn numbers_of_networks_have_32_bits() {
        for (text, number) in [
            ("AS17557", Some(17_557)),
            ("as0", Some(0)),
            ("999999999", Some(999_999_999)),
            ("AS4200000000", Some(4_200_000_000)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("9999999999", None),
            ("10000000000", None),
            ("AS", None),
            ("+1", None),
        ] {
            assert_eq!(network(text), number, "{text}");
        }
    }

    /// What holds of every query that is taken, whatever it was.
    fn holds(asked: &Asked, parameters: &[Parameter]) {
        for (name, value) in &asked.0 {
            assert!(parameters.iter().any(|it| it.name == *name), "{name}");
            assert!(value.len() <= MOST_IN_A_LIST * 2_001, "{name}");
        }
        let filter = asked.filter();
        let is_code = |it: &String| it.len() == 2 && it.bytes().all(|it| it.is_ascii_uppercase());
        assert!(filter.countries.iter().all(is_code), "{filter:?}");
        assert_eq!(filter.asns.len(), asked.list("probe_asn").len());
        for parameter in parameters {
            match parameter.kind {
                Kind::Count(least, most, usual) => {
                    assert!((least..=most).contains(&asked.count(parameter.name, usual)));
                }
                Kind::Day if !parameter.is_list => {
                    let said = asked.text(parameter.name).is_some();
                    assert_eq!(asked.day(parameter.name).is_some(), said);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_hundred_thousand_queries_changed_by_chance() {
        let routes = super::super::routes::ROUTES;
        let queries: [&[u8]; 5] = [
            b"probe_cc=PK,IR&probe_asn=AS17557,45595&since=2025-11-01&until=2025-12-01T00:00:00&limit=50&format=csv",
            b"axis_x=measurement_start_day&axis_y=probe_asn&test_name=web_connectivity&domain=a.example&category_code=NEWS",
            b"country=PK&network=AS17557&name=a.example&only=ended&cursor=x&status=blocked",
            b"measurement_uid=20251123_PK_x&anomaly=true&failure=false&order=desc&offset=10&limit=100",
            b"input=https%3A%2F%2Fa.example%2F%3Fa%3Db&since=2025-11-23%2010%3A00%3A00&odd=1",
        ];
        let pieces: [&[u8]; 16] = [
            b"&",
            b"=",
            b"%00",
            b"%",
            b"%ff",
            b"+",
            b",",
            b",,,,,,,,",
            b"-1",
            b"18446744073709551616",
            b"AS",
            b"0000-00-00",
            b"2025-02-30",
            b"%E2%80%AE",
            b"&limit=0",
            b"\xd8\xd9",
        ];
        let mut chance = crate::mutation::Mutation::new(0xa5ced);
        let (mut taken, mut all) = (0_u32, 0_u32);
        while all < 100_000 {
            let seed = queries[chance.below(queries.len())];
            let query = chance.of(seed, &pieces);
            let query = String::from_utf8_lossy(&query);
            for route in routes {
                if chance.below(4) > 0 {
                    continue;
                }
                let parameters = route.parameters.concat();
                let path = BTreeMap::new();
                match Asked::check(&parameters, (&path, &query), route.strange) {
                    Ok(asked) => {
                        holds(&asked, &parameters);
                        taken += 1;
                    }
                    Err(problem) => {
                        assert_eq!(problem.status.as_u16(), 400);
                        assert!(problem.parameter.unwrap().chars().count() <= 100);
                    }
                }
                all += 1;
            }
        }
        assert!((1_000..99_000).contains(&taken), "{taken} of {all}");
    }
}
