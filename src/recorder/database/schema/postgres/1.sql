-- The history of health checks, version 1.
--
-- The recorder applies this by itself, unless it was told not to. All of it or nothing: run it within
-- one transaction. Seconds and microseconds count from 1970, in UTC.

-- One row. A recorder refuses a version that is newer than its own.
CREATE TABLE tower_health_schema (
    version  integer NOT NULL,
    -- Tells this database from another one at the same place.
    identity bigint NOT NULL,
    -- When minutes were last rolled up and old rows deleted, in seconds.
    tidied   bigint NOT NULL
);
INSERT INTO tower_health_schema (version, identity, tidied) VALUES (1, (random() * 9e18)::bigint, 0);

-- The processes that write minutes. A row is deleted when all its minutes are rolled up, and the
-- process has not written for as long as minutes are kept. Ids are never used again.
CREATE TABLE tower_health_processes (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service  text NOT NULL,
    instance text NOT NULL,
    -- When its health was started, in microseconds, by its own clock.
    started  bigint NOT NULL,
    -- When it last wrote: in seconds, by the clock of the database, and by its own.
    seen     bigint NOT NULL,
    latest   bigint NOT NULL,
    -- Its minutes before this are rolled up; it writes none of them again.
    moved    bigint NOT NULL
);

-- What rows are about: the checks of each instance, and its probes, whose check_name is ''.
CREATE TABLE tower_health_series (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service    text NOT NULL,
    instance   text NOT NULL,
    probe      text NOT NULL,
    check_name text NOT NULL,
    UNIQUE (service, instance, probe, check_name)
);

-- The runs of a minute, an hour or a day. A count of 0 is NULL, which takes no space.
CREATE TABLE tower_health_buckets (
    series     bigint NOT NULL REFERENCES tower_health_series (id),
    -- The length in seconds: 60, 3600 or 86400.
    resolution integer NOT NULL,
    start      bigint NOT NULL,
    -- Whose minute it is. 0 for hours and days, which are sums over all processes of the instance.
    process    bigint NOT NULL,
    runs_pass      integer,
    runs_warn      integer,
    runs_fail      integer,
    runs_timeout   integer,
    runs_panic     integer,
    runs_starved   integer,
    -- Of all durations, in microseconds.
    duration_sum   bigint,
    duration_max   bigint,
    -- How many runs took this long at most, and longer than the column before says.
    up_to_1ms      integer,
    up_to_2_5ms    integer,
    up_to_5ms      integer,
    up_to_10ms     integer,
    up_to_25ms     integer,
    up_to_50ms     integer,
    up_to_100ms    integer,
    up_to_250ms    integer,
    up_to_500ms    integer,
    up_to_1s       integer,
    up_to_2_5s     integer,
    up_to_5s       integer,
    up_to_10s      integer,
    longer         integer,
    PRIMARY KEY (series, resolution, start, process)
) WITH (fillfactor = 90);

-- Each change of a status, once: a row that is there already is not written again.
CREATE TABLE tower_health_transitions (
    series      bigint NOT NULL REFERENCES tower_health_series (id),
    -- In microseconds.
    at          bigint NOT NULL,
    process     bigint NOT NULL,
    -- Counts the transitions of a process.
    ordinal     bigint NOT NULL,
    -- pass, warn or fail; NULL before the first result.
    status_from text,
    status_to   text NOT NULL,
    -- failed, stale or starved.
    cause       text,
    -- The reason, redacted and cut.
    output      text,
    -- Of the run, in microseconds.
    duration    bigint,
    -- How many runs in a row had failed.
    failures    bigint,
    -- By how much the refresher was late, in microseconds.
    lateness    bigint,
    PRIMARY KEY (series, at, process, ordinal)
);
