-- Milliseconds since 1970. With a default, so that the release before this one can go on writing
-- while this one is rolled out.
ALTER TABLE notes ADD COLUMN created_at BIGINT NOT NULL
    DEFAULT (extract(epoch FROM now()) * 1000)::BIGINT;
