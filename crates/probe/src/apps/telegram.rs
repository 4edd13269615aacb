//! Telegram (ts-020): its data centres, by address, over plain HTTP on ports 80 and 443, and its web client.
//!
//! The keys `telegram_http_blocking`, `telegram_tcp_blocking`, `telegram_web_failure` and `telegram_web_status` are a probe's
//! conclusions; a reader who needs them computes them from the steps, as OONI's specification says. Ours are null.

use serde_json::{Value, json};

use super::Test;

pub(super) const TEST: Test =
    Test { name: "telegram", version: "0.3.1", is_its_own_target: true, keys };

fn keys() -> Value {
    json!({
        "telegram_http_blocking": null,
        "telegram_tcp_blocking": null,
        "telegram_web_failure": null,
        "telegram_web_status": null,
    })
}
