//! What was measured of an application (keys `x_app`, `x_elsewhere` of this project's own prober; no format of OONI's).

use super::control::Control;
use super::record::record;
use crate::lenient::{Int, List, Text};

record! {
    /// I am an application: its functions, and what each needs.
    pub struct Described {
        /// Its short name.
        name: Text<'a> = "name",
        /// What people do with it, in order of weight.
        functions: List<Function<'a>> = "functions",
    }
}

record! {
    /// I am something that people do with an application.
    pub struct Function {
        /// `messages`, `media`, `sign-up`, `calls`, ..
        name: Text<'a> = "name",
        /// `any` of its endpoints, or `all`.
        needs: Text<'a> = "needs",
        /// Where it goes.
        endpoints: List<Endpoint<'a>> = "endpoints",
    }
}

record! {
    /// I am one host that an application goes to.
    pub struct Endpoint {
        /// A name or an address.
        host: Text<'a> = "host",
        /// Ports, each of which was tried; none where the name was only looked up.
        ports: List<Int> = "ports",
    }
}

record! {
    /// I am a host that failed, as a test helper saw it.
    pub struct Elsewhere {
        /// A name or an address.
        host: Text<'a> = "host",
        /// What the helper answered; absent where it could not be reached.
        control: Option<Control<'a>> = "control",
    }
}
