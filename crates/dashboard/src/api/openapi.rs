//! The description of all routes (OpenAPI 3.1), made of the table that handlers are called by.

use serde_json::{Map, Value, json};

use super::routes::{Gives, ROUTES, Route, What};

/// The whole description.
pub(crate) fn description() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let method = if route.is_post { "post" } else { "get" };
        paths.insert(route.path.to_owned(), json!({ method: operation(route) }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Wirewitness",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Blocking, throttling and tampering, as measured.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": { "Problem": {
                "type": "object",
                "description": "RFC 9457.",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    "type": { "type": "string" },
                    "title": { "type": "string" },
                    "status": { "type": "integer" },
                    "detail": { "type": "string" },
                    "parameter": { "type": "string" },
                },
            } },
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(route: &Route) -> Value {
    let parameters: Vec<Value> =
        route.parameters.iter().flat_map(|some| some.iter()).map(|it| it.described()).collect();
    let mut operation = json!({
        "operationId": format!("{:?}", route.what),
        "summary": route.says,
        "parameters": parameters,
        "responses": responses(route),
    });
    let body = match route.what {
        What::Sql => {
            json!({ "text/plain": { "schema": { "type": "string", "maxLength": 65_536 } } })
        }
        What::Submit => json!({
            "application/json": { "schema": { "type": "object", "description": "A measurement of OONI's format." } },
            "application/x-ndjson": { "schema": { "type": "string" } },
        }),
        _ => return operation,
    };
    if let Some(operation) = operation.as_object_mut() {
        operation.insert("requestBody".to_owned(), json!({ "required": true, "content": body }));
        operation.insert("security".to_owned(), json!([{ "token": [] }, {}]));
    }
    operation
}

fn responses(route: &Route) -> Value {
    let good = match route.gives {
        Gives::Table(columns) => {
            let properties: Map<String, Value> = columns
                .iter()
                .map(|column| {
                    let mut schema = column.kind.schema();
                    if let Some(schema) = schema.as_object_mut() {
                        schema.insert("description".to_owned(), json!(column.says));
                    }
                    (column.name.to_owned(), schema)
                })
                .collect();
            let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
            json!({
                "application/json": { "schema": {
                    "type": "object",
                    "required": ["commit", "rows", "next"],
                    "properties": {
                        "commit": { "type": "integer" },
                        "next": { "type": ["string", "null"] },
                        "rows": { "type": "array", "items": {
                            "type": "object", "required": names, "properties": properties,
                            "additionalProperties": false,
                        } },
                    },
                } },
                "text/csv": { "schema": { "type": "string" } },
                "application/vnd.apache.parquet": {},
                "application/vnd.apache.arrow.file": {},
            })
        }
        Gives::Object(keys) => {
            let mut content = json!({
                "application/json": { "schema": { "type": "object", "required": keys } },
            });
            if let (What::Aggregation, Some(content)) = (route.what, content.as_object_mut()) {
                content.insert("text/csv".to_owned(), json!({ "schema": { "type": "string" } }));
            }
            content
        }
        Gives::Atom => json!({ "application/atom+xml": { "schema": { "type": "string" } } }),
        Gives::Answer => json!({
            "application/x-ndjson": { "schema": { "type": "string" } },
            "text/csv": { "schema": { "type": "string" } },
            "application/vnd.apache.parquet": {},
            "application/vnd.apache.arrow.file": {},
        }),
    };
    let mut responses = Map::new();
    responses.insert("200".to_owned(), json!({ "description": "The answer.", "content": good }));
    let problem = json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    for (status, says) in REFUSALS {
        let is_of_posts = matches!(*status, "401" | "415" | "422" | "408");
        if route.is_post || !is_of_posts {
            responses
                .insert((*status).to_owned(), json!({ "description": says, "content": problem }));
        }
    }
    Value::Object(responses)
}

const REFUSALS: &[(&str, &str)] = &[
    ("400", "A parameter or a body is not as it has to be."),
    ("401", "A token is needed."),
    ("404", "There is no such thing."),
    ("405", "Another method is."),
    ("408", "The body did not come in time."),
    ("410", "The archive has changed since the cursor was given."),
    ("413", "Too long, or made of too many groups."),
    ("414", "Path and query are too long."),
    ("415", "Packed in an unknown way."),
    ("422", "No measurement could be used."),
    ("429", "Too often."),
    ("503", "Busy, or cut off by the limit of time or memory."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_with_each_of_its_parameters() {
        let whole = description();
        for route in ROUTES {
            let method = if route.is_post { "post" } else { "get" };
            let operation = &whole["paths"][route.path][method];
            let described: Vec<&str> = operation["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["name"].as_str().unwrap())
                .collect();
            let mut known: Vec<&str> =
                route.parameters.iter().flat_map(|it| it.iter()).map(|it| it.name).collect();
            assert_eq!(described, known, "{}", route.path);
            known.sort_unstable();
            known.dedup();
            assert_eq!(known.len(), described.len(), "{}: a name twice", route.path);
            for it in route.parameters.iter().flat_map(|it| it.iter()) {
                assert_eq!(it.is_in_path, route.path.contains(&format!("{{{}}}", it.name)));
            }
        }
    }
}
