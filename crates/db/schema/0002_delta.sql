-- Where the messages of a mailbox are known by the name that the mailbox had when its first message was brought: a mailbox that
-- was renamed since keeps their marks. NULL where it still has that name.
ALTER TABLE mailbox ADD COLUMN marked_name TEXT;

-- When a source message was first found missing, in seconds since 1970-01-01 UTC; NULL while it is there. Only where removals
-- are followed.
ALTER TABLE pair ADD COLUMN missing_since INTEGER;

-- How many connections the source let us have at once when it last refused one; NULL while it never did.
ALTER TABLE account ADD COLUMN connections INTEGER;
