-- The base: what both sides of each account last agreed on.

CREATE TABLE account (
    id      INTEGER PRIMARY KEY,
    source  TEXT NOT NULL,  -- user@host
    target  TEXT NOT NULL,  -- the Maildir's path
    -- What is written into the Maildir to know it again: another one under the same path is not what the pairs speak of.
    target_identity TEXT,
    UNIQUE (source, target)
);

CREATE TABLE mailbox (
    id                   INTEGER PRIMARY KEY,
    account              INTEGER NOT NULL REFERENCES account (id),
    source_name          TEXT NOT NULL,  -- components, joined by U+001F (U+001E is an escape)
    target_name          TEXT NOT NULL,
    uid_validity         INTEGER,        -- of the source, which the pairs belong to; set before the first of them
    target_uid_validity  INTEGER,        -- of the target; NULL until it was filled
    target_uid_next      INTEGER,        -- of the target, when it was last written
    -- The source's checkpoint when a pass last left nothing to do; NULL until one did.
    agreed_uid_next      INTEGER,
    agreed_mod_seq       INTEGER,
    agreed_messages      INTEGER,
    UNIQUE (account, source_name),
    UNIQUE (account, target_name)
);

-- Mailboxes that were subscribed to on the target once: a subscription that its owner ends stays ended.
CREATE TABLE subscription (
    account  INTEGER NOT NULL REFERENCES account (id),
    name     TEXT NOT NULL,  -- on the target
    PRIMARY KEY (account, name)
) WITHOUT ROWID;

CREATE TABLE pair (
    mailbox       INTEGER NOT NULL REFERENCES mailbox (id),
    uid           INTEGER NOT NULL,      -- on the source
    state         INTEGER NOT NULL CHECK (state IN (0, 1, 2)),  -- 0 staged, 1 placed, 2 gone
    system_flags  INTEGER NOT NULL,
    keywords      TEXT,                  -- separated by blanks; NULL for none
    internal_date INTEGER NOT NULL,      -- seconds since 1970-01-01 UTC
    size          INTEGER NOT NULL,      -- octets as the source served them
    line_feeds    INTEGER NOT NULL,      -- line feeds among them without a carriage return before
    digest        BLOB NOT NULL,         -- SHA-256 of the octets
    target_uid    INTEGER,               -- NULL until placed
    target_name   TEXT,                  -- only where the message bears another mark than its own
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;

-- Only staged pairs are ever looked for by state, and they are few.
CREATE INDEX pair_staged ON pair (mailbox, uid) WHERE state = 0;

-- Messages at which the connection has ended, with a weight that grows each time. Some servers hang up on a message that they
-- cannot read, and would do so for ever.
CREATE TABLE suspect (
    mailbox  INTEGER NOT NULL REFERENCES mailbox (id),
    uid      INTEGER NOT NULL,
    weight   INTEGER NOT NULL,
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;

-- What a mailbox's pairs were before its source numbered its messages anew, to recognise them by their bytes.
CREATE TABLE earlier (
    mailbox  INTEGER NOT NULL REFERENCES mailbox (id),
    digest   BLOB NOT NULL,
    copies   INTEGER NOT NULL,
    PRIMARY KEY (mailbox, digest)
) WITHOUT ROWID;
