//! A person before the console: a real Chromium drives the whole story, from the first start on, against the binary and a real
//! old server. Each page is looked at by day, by night and on a telephone, and by axe-core.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "console/browser.rs"]
mod browser;
#[path = "console/gallery.rs"]
mod gallery;
#[path = "console/site.rs"]
mod site;

use browser::Browser;
use gallery::Gallery;
use site::Site;
use transhume_e2e::PASSWORD;

const BOSS: &str = "boss";
const BOSS_PASSWORD: &str = "a horse, a battery & a staple";

#[test]
fn the_whole_story() {
    let site = Site::start(&["ida@old.example", "joe@old.example", "kim@old.example"]);
    let browser = Browser::start(&site.address());
    let gallery = Gallery::new();
    first_start(&site, &browser, &gallery);
    wizard(&site, &browser, &gallery);
    migrations(&site, &browser, &gallery);
    import(&site, &browser, &gallery);
    directory(&site, &browser, &gallery);
    conversion(&site, &browser, &gallery);
    settings(&browser, &gallery);
    profile(&browser, &gallery);
    without_script(&site);
    owner(&site, &browser, &gallery);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    // I10: no password in the log.
    let log = site.log();
    assert!(!log.contains(PASSWORD) && !log.contains(BOSS_PASSWORD), "{log}");
}

/// Nobody is there yet; the code from the log makes the `SuperAdmin`, who signs in.
fn first_start(site: &Site, browser: &Browser, gallery: &Gallery) {
    browser.open("/");
    assert!(browser.path().starts_with("/first-start"), "{}", browser.path());
    gallery.show(browser, "first-start");
    let fill = |code: &str, password: &str| {
        browser.fill("code", code);
        browser.fill("login", BOSS);
        browser.fill("password", password);
        browser.fill("again", password);
        browser.press("Create the SuperAdmin");
    };
    fill("0000-0000", BOSS_PASSWORD);
    assert!(
        browser.text("#code-said").contains("not the code"),
        "{}",
        browser.text("main")
    );
    fill(&site.code(), "short");
    assert!(
        browser.text("#password-said").contains("at least 12"),
        "{}",
        browser.text("main")
    );
    fill(&site.code(), BOSS_PASSWORD);
    browser.wait_for("main", "The SuperAdmin is there");
    gallery.show(browser, "sign-in");
    // The way in is closed from now on.
    browser.open("/first-start");
    assert!(browser.path().starts_with("/sign-in"));
    browser.open("/migrations");
    assert_eq!(browser.path(), "/sign-in?next=%2Fmigrations");
    sign_in(browser, BOSS, "wrong");
    assert_eq!(browser.count("[role=alert]"), 1, "{}", browser.text("main"));
    sign_in(browser, BOSS, BOSS_PASSWORD);
    assert_eq!(browser.path(), "/migrations");
}

fn sign_in(browser: &Browser, login: &str, password: &str) {
    browser.fill("login", login);
    browser.fill("password", password);
    browser.press("Sign in");
}

/// A provider is made in three steps, and its server looked at on the way.
fn wizard(site: &Site, browser: &Browser, gallery: &Gallery) {
    browser.open("/providers");
    browser.press("New provider");
    // What is known of a platform goes into the fields.
    browser.fill("preset", "Posteo");
    let script =
        "return ['address', 'port', 'security'].map((name) => document.forms[1].elements[name].value).join()";
    assert_eq!(browser.script(script), "posteo.de,993,tls");
    browser.fill("name", "Old");
    browser.fill("address", "no host!");
    browser.press("Next");
    assert!(browser.text("#address-said").contains("neither a host name"));
    browser.fill("address", "127.0.0.1");
    browser.fill("port", "1");
    browser.press("Check connection");
    assert!(
        browser.text("#check").contains("127.0.0.1"),
        "{}",
        browser.text("main")
    );
    assert_eq!(browser.count("#check.bad"), 1);
    browser.fill("port", &site.old.imap_port().to_string());
    browser.fill("security", "clear");
    browser.press("Check connection");
    assert!(
        browser.text("#check").contains("answers as it should"),
        "{}",
        browser.text("#check")
    );
    gallery.show(browser, "provider-general");
    browser.press("Next");
    browser.press("Next");
    assert!(
        browser
            .text("main")
            .contains("You need to bind at least one domain")
    );
    browser.fill("new_domain", "Old.example");
    browser.press("Add domain");
    browser.fill("new_domain", "was.example");
    browser.fill("local_domain", "is.example");
    browser.press("Add domain");
    browser.fill("new_domain", "mistake.example");
    browser.press("Add domain");
    browser.press("Remove mistake.example");
    assert_eq!(browser.count(".chips li"), 2);
    gallery.show(browser, "provider-domains");
    browser.press("Next");
    let summary = browser.text("main");
    for said in [
        "old.example (the domain will be created locally)",
        "was.example → is.example",
        "127.0.0.1",
        "passwords and mail can be read on the way",
    ] {
        assert!(summary.contains(said), "{said}: {summary}");
    }
    gallery.show(browser, "provider-summary");
    browser.press("Confirm and create");
    browser.wait_for("main", "Provider created");
    gallery.show(browser, "providers");
    browser.click("tbody td a");
    browser.fill("connections", "3");
    browser.press("Save");
    browser.wait_for("main", "Provider updated");
    assert_eq!(site.sql("SELECT connections FROM provider"), "3");
    browser.click("tbody td a");
    gallery.show(browser, "provider");
}

/// People log in; their mail comes while somebody watches; it is paused, resumed, stopped, deleted.
fn migrations(site: &Site, browser: &Browser, gallery: &Gallery) {
    site.hold_passes();
    browser.open("/migrations");
    assert!(browser.text("main").contains("No migrations yet"));
    for user in ["ida@old.example", "joe@old.example"] {
        assert_eq!(site.log_in(user, PASSWORD), 200, "{}", site.log());
    }
    // One is begun for somebody who does not log in.
    browser.open("/migrations/new");
    gallery.show(browser, "migration-new");
    browser.fill("old_address", "kim@strange.example");
    browser.press("Begin");
    assert_eq!(
        browser.count("[role=alert], [aria-invalid=true]"),
        1,
        "{}",
        browser.text("main")
    );
    browser.fill("old_address", "kim@old.example");
    browser.fill("old_password", PASSWORD);
    browser.press("Begin");
    browser.wait_for("main", "Migration created");
    browser.press("Pause");
    browser.wait_for("[data-shows=state]", "Paused");
    assert!(browser.text("[data-shows=trouble]").contains("Paused by boss"));
    browser.press("Resume");
    browser.wait_for("main", "Migration resumed");
    browser.wait_for("[data-shows=state]", "Following");
    browser.press("Pause");

    // What moves is seen without asking anew.
    browser.open("/migrations?text=IDA");
    assert_eq!(browser.count("tbody tr"), 1);
    browser.script("window.here = true");
    browser.wait_for("[data-shows=state]", "Pending");
    site.let_passes();
    browser.wait_for("[data-shows=state]", "Following");
    browser.wait_for("[data-shows=messages]", "320 of 320 messages");
    assert_eq!(
        browser.script("return document.querySelector('progress').value"),
        100
    );
    assert_eq!(browser.script("return window.here"), true);
    browser.open("/overview");
    browser.wait_for("[data-shows=following]", "3");
    gallery.show(browser, "overview");

    browser.open("/migrations");
    gallery.show(browser, "migrations");
    browser.press("ida@old.example");
    let page = browser.text("main");
    for said in ["Archive / 2019", "300", "Complete", "320 messages"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    gallery.show(browser, "migration");

    // Stop asks first, and takes no for an answer.
    browser.press_and_be_asked("Stop");
    browser.touch("dialog [value=no]");
    assert_eq!(
        site.sql("SELECT phase FROM migration WHERE login = 'ida@old.example'"),
        "following"
    );
    browser.press_and_be_asked("Stop");
    gallery.show_as_it_is(browser, "question");
    browser.click("dialog [value=yes]");
    browser.wait_for("[data-shows=state]", "Stopped");

    // Two are deleted at once.
    browser.open("/migrations?hold=none");
    browser.touch("[data-picks]");
    assert_eq!(browser.count("[name=id]:checked"), 2);
    browser.touch("[value=delete]");
    browser.wait_for("dialog[open]", "Delete 2 migrations");
    browser.click("dialog [value=yes]");
    browser.wait_for("main", "Done for 2 migrations");
    assert_eq!(site.sql("SELECT count(*) FROM migration"), "1");
    assert_eq!(
        site.sql("SELECT count(*) FROM account WHERE login LIKE '%@old.example'"),
        "3"
    );
}

/// A file with errors is told line by line, and does nothing; mended, it is imported as it was shown.
fn import(site: &Site, browser: &Browser, gallery: &Gallery) {
    browser.open("/domains");
    browser.press("Import domains and aliases from CSV file");
    gallery.show(browser, "import");
    let bad = "domain; second.example; 10; 5; true\ndomain; not a domain; 0; 0; true\nnonsense; x\n";
    let look = |name: &str, text: &str| {
        browser.fill("sourcefile", site.file(name, text).to_str().unwrap());
        browser.press("Preview");
    };
    look("bad.csv", bad);
    let lines = browser.text("main table");
    assert_eq!(browser.count("tbody tr"), 2, "{lines}");
    assert!(
        lines.contains("not a domain") && lines.contains("does not say what the line is"),
        "{lines}"
    );
    assert_eq!(browser.text("tbody tr:nth-child(2) td"), "3");
    gallery.show(browser, "import-errors");
    assert_eq!(
        site.sql("SELECT count(*) FROM domain WHERE name = 'second.example'"),
        "0"
    );
    browser.press("Another file");
    look(
        "good.csv",
        "domain; second.example; 10; 5; true\ndomainalias; other.example; second.example; true\n",
    );
    assert_eq!(
        site.sql("SELECT count(*) FROM domain WHERE name = 'second.example'"),
        "0"
    );
    browser.press("Import 2 objects");
    browser.wait_for("main", "2 objects imported successfully");
    assert_eq!(
        site.sql("SELECT count(*) FROM domain WHERE name = 'second.example'"),
        "1"
    );
    browser.open("/identities/import");
    browser.switch("crypt_passwords", true);
    let people = "account; ann@second.example; wonder land; Ann; Example; true; SimpleUsers; ann@second.example; 0\n\
                  alias; all@second.example; true; ann@second.example\n";
    look("people.csv", people);
    gallery.show(browser, "import-preview");
    browser.press("Import 2 objects");
    browser.wait_for("main", "2 objects imported successfully");
    assert_eq!(
        site.sql("SELECT password LIKE '{ARGON2ID}%' FROM account WHERE login = 'ann@second.example'"),
        "1"
    );
}

/// Domains, accounts, aliases: added, changed, removed.
fn directory(site: &Site, browser: &Browser, gallery: &Gallery) {
    browser.open("/domains/new");
    browser.fill("name", "third.example");
    browser.fill("quota", "-1");
    browser.script("document.querySelector('form.sheet').noValidate = true");
    browser.press("Create");
    assert!(browser.text("#quota-said").contains("number of MB"));
    browser.fill("quota", "100");
    browser.press("Create");
    browser.wait_for("main", "Domain created");
    gallery.show(browser, "domains");
    browser.press("second.example");
    gallery.show(browser, "domain");
    browser.press_and_be_asked("Delete");
    browser.click("dialog [value=yes]");
    browser.wait("why not", |browser| browser.count("[role=alert]") == 1);
    browser.open("/domain-aliases");
    gallery.show(browser, "domain-aliases");

    browser.open("/accounts/new");
    browser.fill("login", "<b>bob</b>@second.example");
    browser.fill("password", "a good password");
    browser.press("Create");
    browser.wait("the page", |browser| browser.path().starts_with("/accounts"));
    assert_eq!(browser.count("main b"), 0, "markup is text");
    browser.open("/accounts/new");
    browser.fill("login", "bob@second.example");
    browser.fill("password", "a good password");
    browser.fill("role", "DomainAdmins");
    browser.fill("administers", "second.example");
    browser.press("Create");
    browser.wait_for("main", "Account created");
    gallery.show(browser, "accounts");
    browser.press("bob@second.example");
    gallery.show(browser, "account");
    browser.switch("enabled", false);
    browser.press("Save");
    browser.wait_for("main", "Account updated");
    assert_eq!(
        site.sql("SELECT enabled FROM account WHERE login = 'bob@second.example'"),
        "0"
    );

    browser.open("/aliases/new");
    browser.fill("address", "info@second.example");
    browser.fill("recipients", "ann@second.example\nbob@second.example");
    browser.press("Create");
    browser.wait_for("main", "Alias created");
    gallery.show(browser, "aliases");
    browser.press("info@second.example");
    gallery.show(browser, "alias");
    browser.press_and_be_asked("Delete");
    browser.click("dialog [value=yes]");
    browser.wait_for("main", "Alias deleted");
    assert_eq!(
        site.sql("SELECT count(*) FROM alias WHERE address = 'info@second.example'"),
        "0"
    );
}

/// A PostfixAdmin database is looked at, then taken over.
fn conversion(site: &Site, browser: &Browser, gallery: &Gallery) {
    browser.open("/convert");
    gallery.show(browser, "convert");
    browser.fill("from", "mysql://postfix:geheim@db.old.example/postfix");
    browser.press("Preview");
    assert!(browser.text("#from-said").contains("Leave the password out"));
    assert!(!browser.source().contains("geheim"), "a password is shown");
    browser.fill("from", &format!("sqlite:{}", site.postfixadmin().display()));
    browser.press("Preview");
    browser.wait_for("main", "What would come of it");
    let page = browser.text("main");
    assert!(
        page.contains("Skipped, and why") && page.contains("not an address"),
        "{page}"
    );
    gallery.show(browser, "convert-preview");
    assert_eq!(
        site.sql("SELECT count(*) FROM account WHERE login = 'max@third.example'"),
        "0"
    );
    browser.press("Convert");
    browser.wait_for("main", "Converted");
    assert_eq!(
        site.sql("SELECT count(*) FROM account WHERE login = 'max@third.example'"),
        "1"
    );
}

fn settings(browser: &Browser, gallery: &Gallery) {
    browser.open("/settings");
    gallery.show(browser, "settings");
    browser.fill("jobs", "7");
    browser.fill("exclude", "Trash\nLists/%");
    browser.press("Save");
    browser.wait_for("main", "Settings updated");
    let shown = browser.script("return document.querySelector('[name=jobs]').value");
    assert_eq!(shown, "7");
    browser.open("/audit");
    let page = browser.text("main");
    for did in [
        "signed in",
        "added provider",
        "paused",
        "stopped",
        "imported",
        "converted",
        "changed settings",
    ] {
        assert!(page.contains(did), "{did}: {page}");
    }
    assert!(!page.contains(PASSWORD), "{page}");
    gallery.show(browser, "audit");
}

/// Tokens are shown once; another password ends the old one.
fn profile(browser: &Browser, gallery: &Gallery) {
    browser.open("/profile");
    browser.fill("label", "Backup script");
    browser.press("New token");
    let token = browser.text("#token");
    assert_eq!(token.len(), 64, "{token}");
    browser.open("/profile");
    let page = browser.text("main");
    assert!(page.contains("Backup script") && !page.contains(&token), "{page}");
    gallery.show(browser, "profile");
    browser.fill("old_password", "wrong");
    browser.fill("new_password", "another good password");
    browser.fill("again", "another good password");
    browser.press("Change password");
    assert!(browser.text("#old_password-said").contains("not your password"));
    browser.press_and_be_asked("Delete Backup script");
    browser.click("dialog [value=yes]");
    browser.wait_for("main", "Token deleted");
}

/// What asks first does so without script, too: the server does.
fn without_script(site: &Site) {
    let browser = Browser::start(&site.address());
    browser.without_script();
    browser.open("/sign-in");
    browser.type_into("login", BOSS);
    browser.type_into("password", BOSS_PASSWORD);
    browser.follow("main .first", "Sign out");
    browser.open("/migrations");
    browser.follow("tbody td:nth-child(2) a", "How far it is");
    browser.follow("form[action$='/stop'] button", "Are you sure?");
    browser.follow("main form button", "Migration stopped");
    assert_eq!(
        site.sql("SELECT phase FROM migration WHERE login = 'kim@old.example'"),
        "cancelled"
    );
}

/// Somebody whose mail is moved sees that, and nothing else.
fn owner(site: &Site, browser: &Browser, gallery: &Gallery) {
    site.sql("DELETE FROM migration");
    browser.press("Sign out");
    browser.wait_for("main", "You are signed out");
    // They are known here; whoever moves them anew is the administrator.
    site.sql(
        "INSERT INTO migration (login, address, old_address, provider, phase, created, due) \
         VALUES ('joe@old.example', 'joe@old.example', 'joe@old.example', 'Old', 'pending', strftime('%s', 'now') - 600, strftime('%s', 'now') + 3600)",
    );
    sign_in(browser, "joe@old.example", PASSWORD);
    assert_eq!(browser.path(), "/progress");
    browser.wait_for("[data-shows=state]", "Pending");
    gallery.show(browser, "progress");
    for path in ["/overview", "/migrations", "/accounts", "/settings", "/audit"] {
        browser.open(path);
        assert!(browser.text("main").contains("Your role, SimpleUsers"), "{path}");
    }
    gallery.show(browser, "forbidden");
}
