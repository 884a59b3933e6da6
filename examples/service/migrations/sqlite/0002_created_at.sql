-- Milliseconds since 1970. With a default, so that the release before this one can go on writing
-- while this one is rolled out.
ALTER TABLE notes ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
