//! Functions that SQL has beyond DataFusion's own.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::TimestampMicrosecondArray;
use arrow::array::{ArrayRef, AsArray as _, Date32Array, StringViewArray};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

/// Names of networks, by number.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct NetworkNames {
    names: HashMap<i64, String>,
}

impl NetworkNames {
    /// These.
    pub fn new(names: impl IntoIterator<Item = (i64, String)>) -> Self {
        Self { names: names.into_iter().collect() }
    }

    /// Lines of `number,name` or `number<tab>name`, with `AS` before the number or not, or of `first,last,number,name`, as tables of
    /// networks have them. Other lines are left out.
    pub fn read(text: &str) -> Self {
        let line = |line: &str| {
            let mut rest = line;
            let is_address = |it: &str| it.trim_matches('"').parse::<std::net::IpAddr>().is_ok();
            while let Some((field, after)) = rest.split_once([',', '\t']) {
                if !is_address(field) {
                    break;
                }
                rest = after;
            }
            let (number, name) = rest.split_once([',', '\t'])?;
            let number = number.trim().trim_matches('"');
            let number = number.strip_prefix("AS").unwrap_or(number).parse().ok()?;
            let name = name.trim().trim_matches('"');
            (!name.is_empty()).then(|| (number, name.replace("\"\"", "\"")))
        };
        Self::new(text.lines().filter_map(line))
    }
}

/// All functions. Without names of networks, `asn_name` is null.
pub(crate) fn functions(names: &Arc<NetworkNames>) -> Vec<ScalarUDF> {
    let kinds = [Kind::RegisteredDomain, Kind::AsnName, Kind::Week, Kind::Hour];
    kinds.into_iter().map(|kind| ScalarUDF::new_from_impl(Function::new(kind, names))).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    RegisteredDomain,
    AsnName,
    Week,
    Hour,
}

/// One of them.
struct Function {
    kind: Kind,
    signature: Signature,
    names: Arc<NetworkNames>,
}

impl Function {
    fn new(kind: Kind, names: &Arc<NetworkNames>) -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { kind, signature, names: Arc::clone(names) }
    }
}

/// The table of names is the same within a session: the kind alone tells functions apart.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Function {}

impl std::hash::Hash for Function {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        match self.kind {
            Kind::RegisteredDomain => "registered_domain",
            Kind::AsnName => "asn_name",
            Kind::Week => "week",
            Kind::Hour => "hour",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [_] = given else {
            return plan_err!("{} takes one argument, not {}", self.name(), given.len());
        };
        Ok(vec![match self.kind {
            Kind::RegisteredDomain => DataType::Utf8View,
            Kind::AsnName => DataType::Int64,
            Kind::Week | Kind::Hour => time(),
        }])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            Kind::RegisteredDomain | Kind::AsnName => DataType::Utf8View,
            Kind::Week => DataType::Date32,
            Kind::Hour => time(),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = matches!(args.args.as_slice(), [ColumnarValue::Scalar(_)]);
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [values] = arrays.as_slice() else {
            return plan_err!("{} takes one argument", self.name());
        };
        let rows: ArrayRef = match self.kind {
            Kind::RegisteredDomain => Arc::new(registered_domains(values.as_string_view())),
            Kind::AsnName => {
                let numbers = values.as_primitive::<Int64Type>();
                let name = |number: Option<i64>| self.names.names.get(&number?);
                Arc::new(numbers.iter().map(name).collect::<StringViewArray>())
            }
            Kind::Week => {
                let times = values.as_primitive::<TimestampMicrosecondType>();
                Arc::new(times.iter().map(|at| at.and_then(monday)).collect::<Date32Array>())
            }
            Kind::Hour => {
                let times = values.as_primitive::<TimestampMicrosecondType>();
                let hours = times.iter().map(|at| at.map(|at| at.div_euclid(HOUR) * HOUR));
                Arc::new(hours.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
        };
        match is_scalar {
            true => {
                let value = datafusion::common::ScalarValue::try_from_array(&rows, 0)?;
                Ok(ColumnarValue::Scalar(value))
            }
            false => Ok(ColumnarValue::Array(rows)),
        }
    }
}

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The Monday on or before a moment, in days since 1970 (a Thursday).
fn monday(at: i64) -> Option<i32> {
    let day = at.div_euclid(24 * HOUR);
    let since_monday = (day + 3).rem_euclid(7);
    i32::try_from(day - since_monday).ok()
}

fn registered_domains(names: &StringViewArray) -> StringViewArray {
    // Rows come sorted by name: the same one many times over.
    let mut last = ("", None);
    let mut of = |name| {
        if name != last.0 {
            last = (name, registered_domain(name));
        }
        last.1
    };
    names.iter().map(|name| name.and_then(&mut of)).collect()
}

/// The name that somebody registered: one label more than the public suffix (publicsuffix.org). None for an address, for a
/// suffix itself and for what is no name. The name is to be in lower case, as in the column `domain`.
pub fn registered_domain(name: &str) -> Option<&str> {
    let name = name.trim_end_matches('.');
    let is_address = name.parse::<std::net::IpAddr>().is_ok() || name.starts_with('[');
    if is_address || !name.contains('.') {
        return None;
    }
    let found = psl::domain_str(name)?;
    (!found.starts_with('.')).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_domains_follow_the_public_suffix_list() {
        let cases = [
            ("www.example.com", Some("example.com")),
            ("a.b.example.co.uk", Some("example.co.uk")),
            ("example.com.", Some("example.com")),
            // Exception `!www.ck` and wildcard `*.ck` of the list.
            ("a.www.ck", Some("www.ck")),
            ("a.b.co.ck", Some("b.co.ck")),
            // A private section: each user of github.io is another one.
            ("someone.github.io", Some("someone.github.io")),
            ("com", None),
            ("co.uk", None),
            ("192.0.2.1", None),
            ("[2001:db8::1]", None),
            ("", None),
            ("localhost", None),
        ];
        for (name, expected) in cases {
            assert_eq!(registered_domain(name), expected, "{name}");
        }
    }

    #[test]
    fn weeks_begin_on_monday() {
        let day = |days: i64| days * 24 * HOUR;
        // 1970-01-01 was a Thursday, 1969-12-29 a Monday, 1970-01-05 the next.
        assert_eq!(monday(day(0)), Some(-3));
        assert_eq!(monday(day(-3)), Some(-3));
        assert_eq!(monday(day(-3) - 1), Some(-10));
        assert_eq!(monday(day(4) - 1), Some(-3));
        assert_eq!(monday(day(4)), Some(4));
    }

    #[test]
    fn names_of_networks_are_read_line_by_line() {
        let names = NetworkNames::read(
            "asn,name\nAS64496,One\n64497\t\"Two, Ltd\"\n64498,\n192.0.2.0,192.0.2.9,64499,\"A \"\"B\"\", C\"\n",
        );
        let expected = [(64496, "One"), (64497, "Two, Ltd"), (64499, "A \"B\", C")];
        let expected = expected.map(|(number, name)| (number, name.to_owned()));
        assert_eq!(names, NetworkNames::new(expected));
    }
}
