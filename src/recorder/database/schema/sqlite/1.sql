-- The history of health checks, version 1.
--
-- The recorder applies this by itself, unless it was told not to. All of it or nothing: run it within
-- one transaction. Seconds and microseconds count from 1970, in UTC.

-- One row. A recorder refuses a version that is newer than its own.
CREATE TABLE tower_health_schema (
    version  INTEGER NOT NULL,
    -- Tells this database from another one at the same place.
    identity INTEGER NOT NULL,
    -- When minutes were last rolled up and old rows deleted, in seconds.
    tidied   INTEGER NOT NULL
);
INSERT INTO tower_health_schema (version, identity, tidied) VALUES (1, random(), 0);

-- The processes that write minutes. A row is deleted when all its minutes are rolled up, and the
-- process has not written for as long as minutes are kept. Ids are never used again.
CREATE TABLE tower_health_processes (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    service  TEXT NOT NULL,
    instance TEXT NOT NULL,
    -- When its health was started, in microseconds, by its own clock.
    started  INTEGER NOT NULL,
    -- When it last wrote: in seconds, by the clock of the database, and by its own.
    seen     INTEGER NOT NULL,
    latest   INTEGER NOT NULL,
    -- Its minutes before this are rolled up; it writes none of them again.
    moved    INTEGER NOT NULL
);

-- What rows are about: the checks of each instance, and its probes, whose check_name is ''.
CREATE TABLE tower_health_series (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    service    TEXT NOT NULL,
    instance   TEXT NOT NULL,
    probe      TEXT NOT NULL,
    check_name TEXT NOT NULL,
    UNIQUE (service, instance, probe, check_name)
);

-- The runs of a minute, an hour or a day. A count of 0 is NULL, which takes no space.
CREATE TABLE tower_health_buckets (
    series     INTEGER NOT NULL REFERENCES tower_health_series (id),
    -- The length in seconds: 60, 3600 or 86400.
    resolution INTEGER NOT NULL,
    start      INTEGER NOT NULL,
    -- Whose minute it is. 0 for hours and days, which are sums over all processes of the instance.
    process    INTEGER NOT NULL,
    runs_pass      INTEGER,
    runs_warn      INTEGER,
    runs_fail      INTEGER,
    runs_timeout   INTEGER,
    runs_panic     INTEGER,
    runs_starved   INTEGER,
    -- Of all durations, in microseconds.
    duration_sum   INTEGER,
    duration_max   INTEGER,
    -- How many runs took this long at most, and longer than the column before says.
    up_to_1ms      INTEGER,
    up_to_2_5ms    INTEGER,
    up_to_5ms      INTEGER,
    up_to_10ms     INTEGER,
    up_to_25ms     INTEGER,
    up_to_50ms     INTEGER,
    up_to_100ms    INTEGER,
    up_to_250ms    INTEGER,
    up_to_500ms    INTEGER,
    up_to_1s       INTEGER,
    up_to_2_5s     INTEGER,
    up_to_5s       INTEGER,
    up_to_10s      INTEGER,
    longer         INTEGER,
    PRIMARY KEY (series, resolution, start, process)
) WITHOUT ROWID;

-- Each change of a status, once: a row that is there already is not written again.
CREATE TABLE tower_health_transitions (
    series      INTEGER NOT NULL REFERENCES tower_health_series (id),
    -- In microseconds.
    at          INTEGER NOT NULL,
    process     INTEGER NOT NULL,
    -- Counts the transitions of a process.
    ordinal     INTEGER NOT NULL,
    -- pass, warn or fail; NULL before the first result.
    status_from TEXT,
    status_to   TEXT NOT NULL,
    -- failed, stale or starved.
    cause       TEXT,
    -- The reason, redacted and cut.
    output      TEXT,
    -- Of the run, in microseconds.
    duration    INTEGER,
    -- How many runs in a row had failed.
    failures    INTEGER,
    -- By how much the refresher was late, in microseconds.
    lateness    INTEGER,
    PRIMARY KEY (series, at, process, ordinal)
) WITHOUT ROWID;
