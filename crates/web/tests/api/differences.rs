//! Where the API answers otherwise than was recorded of the reference, and why. `docs/api/differences.md` is made of this table.

use std::fmt::Write as _;

/// A recorded pair that is answered otherwise.
pub(crate) struct Difference {
    /// The file of pairs.
    pub(crate) file: &'static str,
    /// The pair's number in it.
    pub(crate) n: u64,
    /// The status here.
    pub(crate) status: u16,
    /// What the answer says here, in the numbers of the recording.
    pub(crate) body: &'static str,
    /// Why.
    pub(crate) why: &'static str,
}

const fn provider(n: u64, status: u16, body: &'static str, why: &'static str) -> Difference {
    Difference {
        file: "email_providers",
        n,
        status,
        body,
        why,
    }
}

const fn parameter(n: u64, status: u16, body: &'static str, why: &'static str) -> Difference {
    Difference {
        file: "parameters",
        n,
        status,
        body,
        why,
    }
}

const IN_CLEAR: &str = "Where nothing is said of the connection, it is secured (port 993): in clear, passwords and mail can be read on \
                        the way, so that has to be said.";
const PORT: &str = "There is no such port.";
const HOST: &str =
    "It names no host; with a line end, it would have written lines into OfflineIMAP's configuration.";
const NAME: &str = "Providers are told apart by their names.";
const TAKEN: &str = "“OLD.example” and “old.example” are the same domain, and it has a provider.";
const JOBS: &str = "Four passes at a time are the default here. There it is one, whatever is set: the value is never written into \
                    OfflineIMAP's configuration.";
const BOUNDS: &str = "So many jobs cannot be.";
const HERE_ONLY: &str = "There are no other applications here.";
const EXPRESSION: &str = "What stays behind is told by patterns here. A regular expression that says more than they can is refused, \
                          since mail would stay behind, or come, for a misunderstanding.";

/// All of them.
pub(crate) const ALL: &[Difference] = &[
    provider(4, 201, r#"{"id": 3, "port": 993, "secured": true}"#, IN_CLEAR),
    provider(
        8,
        400,
        r#"{"port": ["Ensure this value is greater than or equal to 1."]}"#,
        PORT,
    ),
    provider(
        9,
        400,
        r#"{"port": ["Ensure this value is greater than or equal to 1."]}"#,
        PORT,
    ),
    provider(
        10,
        400,
        r#"{"port": ["Ensure this value is less than or equal to 65535."]}"#,
        PORT,
    ),
    provider(
        11,
        400,
        r#"{"port": ["Ensure this value is less than or equal to 65535."]}"#,
        PORT,
    ),
    provider(
        14,
        400,
        r#"{"address": ["“not a host name!” is neither a host name (like mail.example.org) nor an IP address"]}"#,
        HOST,
    ),
    provider(
        15,
        400,
        r#"{"address": ["“http://imap.example.net” is more than a host: write only its name (like mail.example.org) or IP address; the port stands apart"]}"#,
        HOST,
    ),
    provider(
        16,
        400,
        r#"{"address": ["“hostssl = no” is neither a host name (like mail.example.org) nor an IP address"]}"#,
        HOST,
    ),
    provider(
        19,
        400,
        r#"{"name": ["there is a provider “addr” already; choose another name, or change that one"]}"#,
        NAME,
    ),
    provider(
        20,
        400,
        r#"{"name": ["there is a provider “Old provider” already; choose another name, or change that one"]}"#,
        NAME,
    ),
    provider(
        23,
        400,
        r#"{"domains": {"1": {"name": ["x.example is named twice."]}}}"#,
        "The reference fails (500).",
    ),
    provider(
        24,
        400,
        r#"{"error": "Migrated domain with name old.example already exists"}"#,
        TAKEN,
    ),
    provider(
        25,
        400,
        r#"{"domains": {"0": {"name": ["“not a domain!” is not a domain name (like example.org)"]}}}"#,
        "It is no domain name.",
    ),
    provider(
        34,
        200,
        r#"[{"id": 1}, {"id": 2}, {"id": 17}, {"id": 16}, {"id": 15}]"#,
        "Servers and domains are searched too.",
    ),
    provider(
        35,
        200,
        r#"{"count": 7, "next": "/api/v2/email-providers/?page_size=1&page=3", "previous": "/api/v2/email-providers/?page_size=1&page=1", "results": [{"id": 1}]}"#,
        "There are pages, where one is asked for.",
    ),
    provider(
        37,
        200,
        r#"{"id": 2, "name": "Second provider renamed", "domains": [{"id": 1, "name": "old.example", "new_domain": null}, {"id": 2, "name": "renamed.example", "new_domain": 1}]}"#,
        "A change of the name does not take the domains away.",
    ),
    provider(
        43,
        400,
        r#"{"error": "Migrated domain with name added.example already exists"}"#,
        "The reference fails (500).",
    ),
    provider(
        44,
        400,
        r#"{"name": ["there is a provider “Second provider” already; choose another name, or change that one"]}"#,
        NAME,
    ),
    parameter(1, 200, r#"{"params": {"max_sync_accounts": 4}}"#, JOBS),
    parameter(2, 200, r#"{"params": {"max_sync_accounts": 4}}"#, JOBS),
    parameter(3, 200, r#"{"params": {"max_sync_accounts": 4}}"#, JOBS),
    parameter(4, 200, r#"{"params": {"max_sync_accounts": 4}}"#, JOBS),
    parameter(
        7,
        200,
        r#"[{"name": "admin", "label": "Administration", "is_extension": false}, {"name": "imap_migration", "label": "IMAP Migration", "is_extension": true}]"#,
        HERE_ONLY,
    ),
    parameter(
        8,
        200,
        r#"[{"label": "General"}, {"label": "OfflineIMAP"}, {"label": "OfflineIMAP Filter", "parameters": [{"label": "Create Folders"}, {"label": "Folder Filter Exclusions"}, {"label": "Folder Filter Inclusions"}]}, {"label": "Passes"}]"#,
        "The help of the exclusions says there that they include. There are settings besides.",
    ),
    parameter(
        12,
        200,
        r#"{"params": {"max_sync_accounts": 4, "create_folders": false, "folder_filter_exclude": "^Trash$|Del", "folder_filter_include": ""}}"#,
        "Folders that the exclusions do not name come in any case: naming them changes nothing, and is not kept.",
    ),
    parameter(
        16,
        200,
        r#"{"label": "IMAP Migration", "params": {"max_sync_accounts": 2}}"#,
        "What is sent can be changed without the rest.",
    ),
    parameter(
        17,
        400,
        r#"{"max_sync_accounts": ["Ensure this value is greater than or equal to 1."]}"#,
        BOUNDS,
    ),
    parameter(
        18,
        400,
        r#"{"max_sync_accounts": ["Ensure this value is greater than or equal to 1."]}"#,
        BOUNDS,
    ),
    parameter(
        22,
        400,
        r#"{"max_sync_accounts": ["Ensure this value is less than or equal to 1000."]}"#,
        BOUNDS,
    ),
    parameter(28, 400, r#"{"status": 400}"#, EXPRESSION),
    parameter(31, 400, r#"{"status": 400}"#, EXPRESSION),
    parameter(
        52,
        200,
        r#"{"label": "Administration", "params": {"auto_create_domain_and_mailbox": true}}"#,
        "The other settings of that application are about what is not done here.",
    ),
];

/// What the recordings do not show, since it is told of the reference in words only, or since it is more than one pair.
const OTHERS: [(&str, &str); 11] = [
    (
        "Errors",
        "are problem documents (`application/problem+json`); the members that scripts read are where they were.",
    ),
    (
        "`DELETE email-providers/{id}/`",
        "of one that has migrations is refused (409), unless `?with_migrations=true`: there they go silently.",
    ),
    (
        "`PUT` and `PATCH` of `email-providers/{id}/`",
        "keep the numbers of domains that stay, and all domains where none are sent. Numbers that are sent are not taken.",
    ),
    (
        "`check_connection`",
        "says why it failed (`reason`, `detail`), checks certificates, takes six seconds at most, logs out, and is for SuperAdmins alone: \
         others could scan networks with it.",
    ),
    (
        "`check_associated_domain`",
        "checks what its name says: a domain name, nobody else's, and a domain here that people can be moved into.",
    ),
    (
        "`migrations/?search=`",
        "finds whole addresses of the new side too, and each says how it stands.",
    ),
    (
        "A domain that people of a provider come into",
        "is not removed (409): there they would keep their old domain's name, silently.",
    ),
    (
        "`domains/import` and `identities/import`",
        "import a file whole or not at all, and tell what is wrong line by line. There, lines before the first wrong one stay, and \
         some mistakes are failures (500).",
    ),
    (
        "`domains/export`",
        "writes relay domains as such, with their way.",
    ),
    (
        "Exports",
        "have commas between fields, as there; the imports take what the first row has, unless `sepchar` says otherwise.",
    ),
    (
        "`identities/export`",
        "has the hashes of passwords of those accounts alone that whoever asks may change.",
    ),
];

/// What is otherwise with a pair.
pub(crate) fn of(file: &str, n: u64) -> Option<&'static Difference> {
    ALL.iter().find(|one| one.file == file && one.n == n)
}

fn document() -> String {
    let mut text = String::from(
        "# What the API does otherwise than Modoboa's\n\n\
         The paths, methods, fields, statuses and rights are those of Modoboa 2.12's REST API v2, as far as it is about migrations. The pairs of \
         request and answer that were recorded of its providers and its settings are all replayed against this program \
         (`crates/web/tests/api/conformance.rs`). An answer may say more than the recorded one. Where it says otherwise, the pair \
         is in this list, which the test writes. Of the rest of that API no pairs are kept here: its rights, its migrations, imports \
         and checks are followed as they are described in words (`stories.rs` beside it).\n\n## Recorded pairs\n",
    );
    for file in ["email_providers", "parameters"] {
        let pairs: Vec<serde_json::Value> = serde_json::from_str(match file {
            "parameters" => include_str!("parameters.json"),
            _ => include_str!("email_providers.json"),
        })
        .unwrap();
        let _ = write!(
            text,
            "\n`crates/web/tests/api/{file}.json`, {} pairs:\n\n| n | pair | there | here | why |\n|---|---|---|---|---|\n",
            pairs.len()
        );
        for one in ALL.iter().filter(|one| one.file == file) {
            let pair = pairs.iter().find(|pair| pair["n"] == one.n).unwrap();
            let title = pair["title"]
                .as_str()
                .unwrap()
                .replace('|', "\\|")
                .replace('\n', " ");
            let (there, here) = (&pair["response"]["status"], one.status);
            let role = pair["as_role"].as_str().unwrap();
            let _ = writeln!(
                text,
                "| {} | {title} ({role}) | {there} | {here} | {} |",
                one.n, one.why
            );
        }
    }
    text += "\n## What else is otherwise\n\n";
    for (what, how) in OTHERS {
        let _ = writeln!(text, "- {what} {how}");
    }
    text
}

#[test]
fn the_list_of_differences_is_the_one_that_is_kept() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api/differences.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, document()).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == document(),
        "docs/api/differences.md is another one; UPDATE_EXPECT=1 cargo test -p transhume-web differences writes it"
    );
}
