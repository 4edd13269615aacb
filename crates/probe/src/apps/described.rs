//! Applications that OONI has no test for: the steps that all have, in a format of our own (`docs/apps.md`).

use serde_json::{Map, Value};

use super::Test;

pub(super) const TEST: Test =
    Test { name: "app_reachability", version: "0.1.0", is_its_own_target: false, keys };

fn keys() -> Value {
    Value::Object(Map::new())
}
