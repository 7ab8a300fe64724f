-- Mailboxes on other people's servers whose mail belongs into one of ours. Nothing is moved from them by itself.
CREATE TABLE remote_mailbox (
    id        {{id}},
    mailbox   TEXT NOT NULL REFERENCES mailbox (address) ON UPDATE CASCADE ON DELETE CASCADE,
    host      TEXT NOT NULL,
    port      INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    security  TEXT NOT NULL CHECK (security IN ('tls', 'starttls')),
    login     TEXT NOT NULL,
    -- As the old platform wrote it; empty is what that took for the usual one.
    folder    TEXT NOT NULL,
    -- Sealed; NULL is unknown.
    password  TEXT,
    -- Whether the old platform fetched it.
    enabled   BOOLEAN NOT NULL,
    UNIQUE (mailbox, host, port, login, folder)
);
