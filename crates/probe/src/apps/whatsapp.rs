//! WhatsApp (ts-018): the chat endpoints `e1` to `e16`, the registration service and the web client.
//!
//! What of OONI's keys is a probe's conclusion is null, as in [`super::telegram`].

use serde_json::{Value, json};

use super::Test;

pub(super) const TEST: Test =
    Test { name: "whatsapp", version: "0.11.0", is_its_own_target: true, keys };

fn keys() -> Value {
    json!({
        "registration_server_failure": null,
        "registration_server_status": null,
        "whatsapp_endpoints_blocked": null,
        "whatsapp_endpoints_dns_inconsistent": null,
        "whatsapp_endpoints_status": null,
        "whatsapp_web_failure": null,
        "whatsapp_web_status": null,
    })
}
