-- Messages that stay behind: the source lists them, but does not deliver them. Each pass tries them once more, last of all.
CREATE TABLE quarantine (
    mailbox     INTEGER NOT NULL REFERENCES mailbox (id),
    uid         INTEGER NOT NULL,  -- on the source
    reason      TEXT NOT NULL,     -- in plain words, as of the last try
    first_seen  INTEGER NOT NULL,  -- seconds since 1970-01-01 UTC
    last_tried  INTEGER NOT NULL,
    tries       INTEGER NOT NULL,  -- passes that ended without it
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
