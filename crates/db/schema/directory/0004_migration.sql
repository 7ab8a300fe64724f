-- Where people come from (providers), and the move of each account from there (migrations). Times are seconds since 1970 UTC.

CREATE TABLE provider (
    id                      {{id}},
    name                    TEXT NOT NULL UNIQUE,
    -- The name in lower case: two that differ in case alone are one.
    folded                  TEXT NOT NULL UNIQUE,
    host                    TEXT NOT NULL,
    port                    INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    security                TEXT NOT NULL CHECK (security IN ('tls', 'starttls', 'clear')),
    -- The SHA-256 digest of the only certificate that is believed, in hexadecimal digits; NULL is any that is vouched for.
    pin                     TEXT CHECK (length(pin) = 64),
    login_form              TEXT NOT NULL CHECK (login_form IN ('address', 'local-part')),
    master_login            TEXT,
    master_separator        TEXT CHECK ((master_separator IS NULL) = (master_login IS NULL)),
    connections             INTEGER NOT NULL CHECK (connections > 0),
    connections_per_account INTEGER NOT NULL CHECK (connections_per_account > 0),
    enabled                 BOOLEAN NOT NULL
);

CREATE TABLE provider_domain (
    -- A domain of the old platform; no two providers have the same.
    old_domain TEXT NOT NULL PRIMARY KEY,
    provider   TEXT NOT NULL REFERENCES provider (name) ON UPDATE CASCADE ON DELETE CASCADE,
    -- What it is called here; NULL keeps its name. It may be made by the first login only, so this refers to no table.
    new_domain TEXT
);
CREATE INDEX provider_domain_provider ON provider_domain (provider);
CREATE INDEX provider_domain_new_domain ON provider_domain (new_domain);

-- One row.
CREATE TABLE settings (
    id             INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    imap_migration BOOLEAN NOT NULL,
    auto_create    BOOLEAN NOT NULL,
    jobs           INTEGER NOT NULL CHECK (jobs > 0),
    create_folders BOOLEAN NOT NULL,
    -- Patterns over folder names, a line for each.
    include        TEXT NOT NULL,
    exclude        TEXT NOT NULL,
    -- Seconds from the end of one pass to the next.
    every          INTEGER NOT NULL CHECK (every > 0),
    until_complete TEXT NOT NULL CHECK (until_complete IN ('proxy', 'local', 'refuse'))
);
INSERT INTO settings (id, imap_migration, auto_create, jobs, create_folders, include, exclude, every, until_complete)
VALUES (1, TRUE, TRUE, 4, TRUE, '', '', 3600, 'proxy');

-- Phases and holds, and what may follow what: crates/model/src/migration.
CREATE TABLE migration (
    id              {{id}},
    login           TEXT NOT NULL UNIQUE REFERENCES account (login) ON UPDATE CASCADE ON DELETE CASCADE,
    address         TEXT NOT NULL UNIQUE REFERENCES mailbox (address) ON UPDATE CASCADE ON DELETE CASCADE,
    old_address     TEXT NOT NULL UNIQUE,
    provider        TEXT NOT NULL REFERENCES provider (name) ON UPDATE CASCADE,
    phase           TEXT NOT NULL CHECK (phase IN ('pending', 'seeding', 'following', 'finishing', 'finished', 'cancelled')),
    hold            TEXT CHECK (hold IN ('paused', 'credential-rejected', 'credential-unreadable', 'target-full',
                                         'target-unwritable', 'certificate-changed', 'too-many-refused')),
    paused_by       TEXT,
    created         BIGINT NOT NULL,
    -- When all of the old mailbox was here for the first time.
    seeded          BIGINT,

    -- The fence: counts the workers that have had this migration. What one writes says its own number, and is refused when
    -- another has come since.
    epoch           BIGINT NOT NULL DEFAULT 0,
    -- Who has it, and until when, unless that is said anew.
    leased_by       TEXT,
    leased_until    BIGINT,
    -- When the next pass is due.
    due             BIGINT NOT NULL,
    -- Passes in a row that came to nothing, and what was wrong with the last one.
    failures        INTEGER NOT NULL DEFAULT 0,
    last_error      TEXT,

    mailboxes_done  BIGINT NOT NULL DEFAULT 0,
    mailboxes_all   BIGINT,
    messages_done   BIGINT NOT NULL DEFAULT 0,
    messages_all    BIGINT,
    octets_done     BIGINT NOT NULL DEFAULT 0,
    octets_all      BIGINT,

    CHECK (hold IS NULL OR phase IN ('pending', 'seeding', 'following', 'finishing')),
    CHECK ((hold = 'paused') IS TRUE OR paused_by IS NULL),
    CHECK (phase = 'cancelled' OR (seeded IS NOT NULL) = (phase IN ('following', 'finishing', 'finished'))),
    CHECK ((leased_by IS NULL) = (leased_until IS NULL))
);
CREATE INDEX migration_due ON migration (due, provider);
CREATE INDEX migration_leased ON migration (leased_until);

-- What came of the passes, newest last. Those that say the same as the one before them are one row with it.
CREATE TABLE pass (
    id        {{id}},
    migration BIGINT NOT NULL REFERENCES migration (id) ON DELETE CASCADE,
    worker    TEXT NOT NULL,
    -- The beginning of the first, the end of the last, and how many.
    began     BIGINT NOT NULL,
    ended     BIGINT NOT NULL,
    times     INTEGER NOT NULL CHECK (times > 0),
    outcome   TEXT NOT NULL CHECK (outcome IN ('complete', 'partial', 'failed', 'interrupted')),
    messages  BIGINT NOT NULL,
    octets    BIGINT NOT NULL,
    -- What was wrong; NULL where nothing was.
    error     TEXT,
    CHECK (ended >= began)
);
CREATE INDEX pass_migration ON pass (migration, id);

-- Passwords of old servers: people's own, and those of providers' master users. Sealed.
CREATE TABLE credential (
    id        {{id}},
    migration BIGINT UNIQUE REFERENCES migration (id) ON DELETE CASCADE,
    provider  TEXT UNIQUE REFERENCES provider (name) ON UPDATE CASCADE ON DELETE CASCADE,
    sealed    TEXT NOT NULL,
    learnt    BIGINT NOT NULL,
    CHECK ((migration IS NULL) <> (provider IS NULL))
);
