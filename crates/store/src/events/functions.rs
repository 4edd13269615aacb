//! The search as functions of SQL, for executors: a row as a point, a part surveyed, a part searched.
//!
//! Points of a part come together by `array_agg`; what is found goes on as the JSON of `wirewitness_analysis::events`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, FixedSizeBinaryBuilder, Int32Array, LargeBinaryArray,
    ListArray, StringArray,
};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use wirewitness_analysis::events::{Climate, Finder, Settings, Survey};

use super::names;
use super::packed::{BYTES, Packed, Said, all, pack, put, unpack};
use super::read::{INSUFFICIENT, mechanism, number, status};
use crate::schema::Kind;

/// All of them.
pub(crate) fn functions() -> Vec<ScalarUDF> {
    vec![part(), point(), surveyed(), searched()]
}

/// The part of a target, and how many parts there are.
pub(super) fn part() -> ScalarUDF {
    let work = |given: &[ColumnarValue]| {
        let [targets, ColumnarValue::Scalar(ScalarValue::Int64(Some(parts)))] = given else {
            return exec_err!("events_part takes targets and a number");
        };
        let parts = usize::try_from(*parts).unwrap_or(1);
        let targets = targets.to_array(1)?;
        let part = |name| i32::try_from(names::part(name, parts)).unwrap_or(0);
        let parts = targets.as_string::<i32>().iter().map(|name| name.map(part));
        Ok(ColumnarValue::Array(Arc::new(parts.collect::<Int32Array>())))
    };
    let takes = vec![DataType::Utf8, DataType::Int64];
    create_udf("events_part", takes, DataType::Int32, Volatility::Immutable, Arc::new(work))
}

/// A row as a point: target, country, network, resolver, time, vantage, status and mechanism; and the numbers, as JSON, of those
/// targets that have not the usual one.
pub(super) fn point() -> ScalarUDF {
    let work = |given: &[ColumnarValue]| {
        let [columns @ .., ColumnarValue::Scalar(ScalarValue::Utf8(Some(moved)))] = given else {
            return exec_err!("events_point takes columns and a text");
        };
        let moved: BTreeMap<&str, u32> =
            serde_json::from_str(moved).map_err(|error| exec_datafusion_err!("{error}"))?;
        let columns = ColumnarValue::values_to_arrays(columns)?;
        Ok(ColumnarValue::Array(points(&columns, &moved)?))
    };
    let (text, long) = (DataType::Utf8, DataType::Int64);
    let time = Kind::Time.arrow();
    let takes = [&text, &text, &long, &long, &time, &long, &text, &text, &text];
    let takes = takes.into_iter().cloned().collect();
    create_udf("events_point", takes, point_type(), Volatility::Immutable, Arc::new(work))
}

fn point_type() -> DataType {
    DataType::FixedSizeBinary(BYTES as i32)
}

/// Points of one part, as `array_agg` gives them.
fn points_type() -> DataType {
    DataType::new_list(point_type(), true)
}

fn points(columns: &[ArrayRef], moved: &BTreeMap<&str, u32>) -> Result<ArrayRef> {
    let [targets, countries, asns, resolvers, times, vantages, statuses, mechanisms] = columns
    else {
        return exec_err!("events_point takes nine arguments");
    };
    let text = |column: &ArrayRef| column.as_string::<i32>().clone();
    let [targets, countries, statuses, mechanisms]: [StringArray; 4] =
        [targets, countries, statuses, mechanisms].map(text);
    let [asns, resolvers, vantages] =
        [asns, resolvers, vantages].map(|column| column.as_primitive::<Int64Type>());
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let word = |words: &StringArray, row, none, of: fn(&str) -> u32| match words.is_null(row) {
        true => none,
        false => of(words.value(row)),
    };
    let mut points = FixedSizeBinaryBuilder::with_capacity(targets.len(), BYTES as i32);
    let mut bytes = Vec::with_capacity(BYTES);
    for (row, target) in targets.iter().enumerate() {
        let name = target.unwrap_or_default();
        let number_of_it = moved.get(name).copied().unwrap_or_else(|| names::usual(name));
        let said = Said {
            country: countries.value(row).as_bytes().try_into().unwrap_or(*b"ZZ"),
            asn: number(asns, row),
            at_s: times.value(row).div_euclid(1_000_000),
            vantage: vantages.value(row).cast_unsigned(),
            resolver: number(resolvers, row),
            status: word(&statuses, row, INSUFFICIENT, status),
            mechanism: word(&mechanisms, row, 0, mechanism),
        };
        bytes.clear();
        put(&pack(number_of_it, &said), &mut bytes);
        points.append_value(&bytes)?;
    }
    Ok(Arc::new(points.finish()))
}

/// What is counted in the points of a part.
pub(super) fn surveyed() -> ScalarUDF {
    let work = |given: &[ColumnarValue]| {
        let [parts] = given else { return exec_err!("events_surveyed takes points") };
        each(parts, |points| {
            let mut survey = Survey::default();
            points.iter().for_each(|point| survey.add(&unpack(point)));
            serde_json::to_vec(&survey)
        })
    };
    let takes = vec![points_type()];
    let gives = DataType::LargeBinary;
    create_udf("events_surveyed", takes, gives, Volatility::Immutable, Arc::new(work))
}

/// What is found in the points of a part, under a climate and with some settings, both as JSON.
pub(super) fn searched() -> ScalarUDF {
    let work = |given: &[ColumnarValue]| {
        let [
            parts,
            ColumnarValue::Scalar(ScalarValue::LargeBinary(Some(climate))),
            ColumnarValue::Scalar(ScalarValue::Utf8(Some(settings))),
        ] = given
        else {
            return exec_err!("events_searched takes points, a climate and settings");
        };
        let wrong = |error: serde_json::Error| exec_datafusion_err!("{error}");
        let climate: Climate = serde_json::from_slice(climate).map_err(wrong)?;
        let settings: Settings = serde_json::from_str(settings).map_err(wrong)?;
        each(parts, |points| {
            let mut finder = Finder::new(&climate, &settings);
            points.iter().for_each(|point| finder.add(&unpack(point)));
            serde_json::to_vec(&finder.finish())
        })
    };
    let takes = vec![points_type(), DataType::LargeBinary, DataType::Utf8];
    let gives = DataType::LargeBinary;
    create_udf("events_searched", takes, gives, Volatility::Immutable, Arc::new(work))
}

/// Something of the points of each part, sorted.
fn each(
    parts: &ColumnarValue,
    of: impl Fn(&[Packed]) -> serde_json::Result<Vec<u8>>,
) -> Result<ColumnarValue> {
    let parts = parts.to_array(1)?;
    let parts: &ListArray = parts.as_list();
    let one = |part: Option<ArrayRef>| {
        let Some(part) = part else { return Ok(None) };
        let mut points: Vec<Packed> =
            part.as_fixed_size_binary().iter().flatten().flat_map(all).collect();
        points.sort_unstable();
        of(&points).map(Some).map_err(|error| exec_datafusion_err!("{error}"))
    };
    let done: Vec<Option<Vec<u8>>> = parts.iter().map(one).collect::<Result<_>>()?;
    Ok(ColumnarValue::Array(Arc::new(done.into_iter().collect::<LargeBinaryArray>())))
}
