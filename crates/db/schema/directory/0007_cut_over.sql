-- After its cut-over an old mailbox is still swept for a while, for mail that came late, and the cut-over can be taken back as long.
-- Its password is forgotten when the time is over. Times are seconds since 1970 UTC.

-- For how many seconds; 0 is not at all.
ALTER TABLE settings ADD COLUMN sweep_for INTEGER NOT NULL DEFAULT 604800 CHECK (sweep_for >= 0);

-- Until when; NULL where it is not swept, or no more: so everything that was finished before this step.
ALTER TABLE migration ADD COLUMN swept_until BIGINT CHECK (swept_until IS NULL OR phase = 'finished');
CREATE INDEX migration_swept ON migration (swept_until) WHERE swept_until IS NOT NULL;
