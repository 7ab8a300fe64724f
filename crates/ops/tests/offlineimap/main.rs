//! OfflineIMAP's configuration beside Modoboa's: the cases were recorded there, with what Python read in its files. Where
//! these were right, ours reads the same; where they were not, what was meant.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::num::NonZeroU16;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use transhume_db::Sealer;
use transhume_db::directory::{DirectoryLocation, DirectoryPool};
use transhume_model::directory::{
    Address, DomainName, HostName, Provider, ProviderName, ProviderSecurity, Secret, Settings, StoredPassword,
};
use transhume_ops::add_migration::{AddMigrationError, Mover, add_migration};
use transhume_ops::offlineimap_config::{Filtered, Request, offlineimap_config};

/// What Python's `configparser` reads, as OfflineIMAP uses it.
fn parsed(text: &str, folder: &Path) -> Value {
    const PROGRAM: &str = "\
import configparser, json, sys
config = configparser.ConfigParser()
config.read(sys.argv[1], encoding='utf-8')
print(json.dumps({s: dict(config.items(s)) for s in config.sections()}))
";
    let file = folder.join("offlineimap.conf");
    std::fs::write(&file, text).unwrap();
    let output = Command::new("python3")
        .args(["-c", PROGRAM])
        .arg(file)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{text}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn provider(case: &Value) -> Provider {
    let said = &case["providers"][0];
    let mut provider = Provider::new(
        ProviderName::parse(text(&said["name"])).unwrap(),
        HostName::parse(text(&said["address"])).unwrap(),
    );
    if said["secured"] == false {
        provider.security = ProviderSecurity::Clear;
    }
    let port = said["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    provider.port = NonZeroU16::new(port.unwrap()).unwrap();
    for migration in case["migrations"].as_array().unwrap() {
        let domain = |address: &Value| {
            let (_, domain) = text(address).rsplit_once('@').unwrap();
            DomainName::parse(domain).unwrap()
        };
        let (old, new) = (domain(&migration["username"]), domain(&migration["mailbox"]));
        let new = (new != old).then_some(new);
        provider.domains.insert(old, new);
    }
    provider
}

/// What ours reads, and who is no address here.
async fn ours(case: &Value) -> (Value, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let at = format!("sqlite:{}", folder.path().join("directory.sqlite").display());
    let pool = DirectoryPool::open(&DirectoryLocation::parse(&at).unwrap())
        .await
        .unwrap();
    let sealer = Sealer::open(&folder.path().join("key")).unwrap();
    let said = &case["parameters"];
    let jobs = said["max_sync_accounts"]
        .as_u64()
        .and_then(|jobs| u32::try_from(jobs).ok());
    let mut transaction = pool.begin().await.unwrap();
    transaction.add_provider(&provider(case)).await.unwrap();
    let settings = Settings {
        imap_migration: said["enabled_imapmigration"] == true,
        create_folders: said["create_folders"] == true,
        jobs: Settings::jobs(jobs.unwrap()).unwrap(),
        ..Settings::default()
    };
    transaction.set_settings(&settings).await.unwrap();
    transaction.commit().await.unwrap();
    let mut refused = Vec::new();
    for migration in case["migrations"].as_array().unwrap() {
        let Ok(old_address) = Address::parse(text(&migration["username"])) else {
            refused.push(text(&migration["username"]).to_owned());
            continue;
        };
        let password = text(&migration["password"]);
        let stored = StoredPassword::from_stored(&format!("{{PLAIN}}{password}"));
        let secret = Secret::new(password.into());
        let mover = Mover {
            old_address: &old_address,
            password: Some(&secret),
            stored: stored.as_ref(),
            sealer: &sealer,
            now: 1,
        };
        let begun: Result<_, AddMigrationError> = add_migration(&pool, mover).await;
        assert_eq!(begun.unwrap().address.as_str(), text(&migration["mailbox"]));
    }
    let exclude = Some(text(&said["folder_filter_exclude"])).filter(|text| !text.is_empty());
    let include = text(&said["folder_filter_include"]);
    let include = include.split(',').map(str::trim).filter(|name| !name.is_empty());
    let request = Request {
        local_host: "localhost".to_owned(),
        local_port: None,
        authorities: "/etc/ssl/certs/ca-certificates.crt".to_owned(),
        local_master: None,
        filter: Some(Filtered {
            exclude: exclude.map(str::to_owned),
            include: include.map(str::to_owned).collect(),
        }),
    };
    let configuration = offlineimap_config(&pool, &sealer, &request).await.unwrap();
    pool.close().await;
    (parsed(&configuration.text, folder.path()), refused)
}

/// What Modoboa's file reads, with what was meant where it was wrong.
fn meant(slug: &str, case: &Value) -> Value {
    let mut meant = case["parsed"].clone();
    meant["general"]["maxsyncaccounts"] = case["parameters"]["max_sync_accounts"].to_string().into();
    match slug {
        // A percent sign that was not doubled made the whole file unreadable.
        "12-filter-percent" => {
            meant["Repository Remote_alice@old.example"]["folderfilter"] =
                r#"lambda folder: not re.search('(50%|"x")', folder)"#.into();
        }
        // The same in a name. (A comma, or a bracket, is in no address that needs no quotes.)
        "18-user-special" => {
            let said = case["parsed"]["Repository Remote_50%@old.example"].clone();
            let name = "50=25@old.example";
            let section = |kind: &str| format!("{kind}{name}");
            meant = json!({ "general": { "accounts": name, "maxsyncaccounts": "1" } });
            meant[section("Account ")] =
                json!({ "localrepository": section("Local_"), "remoterepository": section("Remote_") });
            meant[section("Repository Local_")] = case["parsed"]["Repository Local_50%@old.example"].clone();
            meant[section("Repository Remote_")] = said;
            for side in ["Repository Local_", "Repository Remote_"] {
                meant[section(side)]["remoteuser"] = "50%@old.example".into();
            }
        }
        // What is switched off is off.
        "20-disabled" => meant = json!({ "general": { "accounts": "", "maxsyncaccounts": "1" } }),
        _ => {}
    }
    meant
}

#[test]
fn what_python_reads_is_what_was_meant() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/offlineimap/cases");
    let mut cases: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    assert_eq!(cases.len(), 10);
    for path in cases {
        let slug = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let (ours, refused) = runtime.block_on(ours(&case));
        assert_eq!(ours, meant(&slug, &case), "{slug}");
        let expected: &[&str] = if slug == "18-user-special" {
            &["a,b@old.example", "a]b@old.example"]
        } else {
            &[]
        };
        assert_eq!(refused, expected, "{slug}");
    }
}
