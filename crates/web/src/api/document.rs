//! The API's document: OpenAPI 3.1, made of what is served.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::fields::Sent;
use super::operation::{Components, Operation, ROOT, Takes};
use super::problem::PROBLEM_JSON;

const ABOUT: &str = "\
The paths, methods, fields and statuses of the part of Modoboa's API that is about migrations, and what it lacks. What is done \
otherwise, and why, stands in docs/api/differences.md.

Every request says who asks: `Authorization: Token …` (or `Bearer …`) with a token from `transhume account token`, from the console's \
profile page or from this API; or with the session of the console, whose changes need its CSRF token in `X-CSRF-Token`. What is not \
within one's rights is refused (403); things of others are not found (404).

Errors are problem documents (RFC 9457). The errors of fields are members of it, each a list of sentences: \
`{\"name\": [\"This field is required.\"]}`.

Times are seconds since 1970 UTC. Quotas are MB of 1,048,576 octets.";

/// The document, as it is served.
pub(crate) static TEXT: LazyLock<String> = LazyLock::new(|| {
    let document = document();
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text + "\n"
});

/// `GET /api/v2/schema/`
pub(crate) async fn serve() -> Response {
    let kind = [(
        header::CONTENT_TYPE,
        "application/vnd.oai.openapi+json;version=3.1",
    )];
    (kind, TEXT.as_str()).into_response()
}

/// The document.
pub(crate) fn document() -> Value {
    let mut components = Components::new();
    let mut paths: Map<String, Value> = Map::new();
    for operation in super::operations() {
        let described = described(&operation, &mut components);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_ascii_lowercase()] = described;
    }
    components.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Transhume",
            "version": "2",
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, { "bearer": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`Token`, a blank, and the token.",
                },
                "bearer": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": "transhume_session" },
            },
        },
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "A problem document. Beside the members that are told here, each field with an error has its own.",
        "properties": {
            "title": { "type": "string", "description": "What the status means." },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What is wrong, for a person." },
            "error": { "type": "string", "description": "The same as detail, where scripts look for it here." },
        },
        "required": ["title", "status"],
        "additionalProperties": true,
    })
}

fn described(operation: &Operation, components: &mut Components) -> Value {
    let below = operation.path.strip_prefix(ROOT).unwrap_or(operation.path);
    let tag = below.split('/').find(|part| !part.is_empty()).unwrap_or_default();
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [tag],
        "responses": responses(operation, components),
    });
    if !operation.details.is_empty() {
        described["description"] = operation.details.into();
    }
    let mut parameters: Vec<Value> = below
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": path_schema(name) }))
        .collect();
    parameters.extend(operation.asks.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "description": parameter.help,
            "schema": parameter.schema(),
        })
    }));
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some(takes) = &operation.takes {
        described["requestBody"] = request_body(takes, components);
    }
    described
}

/// What stands in a path: numbers, but for what has a name.
fn path_schema(name: &str) -> Value {
    match name {
        "id" => json!({ "type": "integer" }),
        _ => json!({ "type": "string" }),
    }
}

fn request_body(takes: &Takes, components: &mut Components) -> Value {
    let name = match takes.sent {
        Sent::Whole => format!("{}Request", takes.shape.name),
        Sent::Changes => format!("Patched{}Request", takes.shape.name),
    };
    let mut schema = takes.shape.schema(takes.sent);
    if takes.is_upload {
        schema["properties"]["sourcefile"] = json!({
            "type": "string",
            "format": "binary",
            "contentMediaType": "text/csv",
            "description": "The file.",
        });
        schema["required"] = json!(["sourcefile"]);
    }
    components.insert(name.clone(), schema);
    let content = json!({ "schema": { "$ref": format!("#/components/schemas/{name}") } });
    let content = if takes.is_upload {
        json!({ "multipart/form-data": content })
    } else {
        json!({ "application/json": content })
    };
    json!({ "required": takes.sent == Sent::Whole, "content": content })
}

fn responses(operation: &Operation, components: &mut Components) -> Value {
    let mut responses = Map::new();
    let problem = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    for gives in &operation.gives {
        let mut response = json!({ "description": gives.means });
        if let Some((media, schema)) = gives.body {
            response["content"] = json!({ media: { "schema": schema(components) } });
        }
        if gives.status >= 400 {
            response["content"][PROBLEM_JSON] = problem.clone();
        }
        responses.insert(gives.status.to_string(), response);
    }
    let refused = json!({
        "description": "It was not done; the problem says why.",
        "content": { PROBLEM_JSON: problem },
    });
    responses.insert("default".to_owned(), refused);
    Value::Object(responses)
}
