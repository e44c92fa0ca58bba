-- The first schema. {placeholders} become the column types of each engine (see schema/mod.rs); the rest is one text for both.
-- Times are microseconds since 1970, ids are UUIDv7, every row of an organization carries it.

CREATE TABLE installation (
    singleton {int} NOT NULL PRIMARY KEY CHECK (singleton = 1),
    created_at {int} NOT NULL
){strict};

CREATE TABLE setup_tokens (
    token_hash {bytes} NOT NULL PRIMARY KEY,
    expires_at {int} NOT NULL
){strict};

CREATE TABLE organizations (
    id {uuid} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    languages {json} NOT NULL,
    created_at {int} NOT NULL
){strict};

CREATE TABLE users (
    id {uuid} NOT NULL PRIMARY KEY,
    email {text} NOT NULL UNIQUE,
    display_name {text} NOT NULL,
    password_hash {text} NOT NULL,
    is_active {bool} NOT NULL,
    is_confirmed {bool} NOT NULL,
    is_platform_admin {bool} NOT NULL,
    locked_at {int},
    created_at {int} NOT NULL
){strict};

CREATE TABLE memberships (
    organization {uuid} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id {uuid} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role {text} NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    created_at {int} NOT NULL,
    PRIMARY KEY (organization, user_id)
){strict};
CREATE INDEX memberships_user ON memberships (user_id);

-- A session goes with its membership: a removed member is out at once.
CREATE TABLE sessions (
    token_hash {bytes} NOT NULL PRIMARY KEY,
    organization {uuid} NOT NULL,
    user_id {uuid} NOT NULL,
    created_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    last_seen_at {int} NOT NULL,
    user_agent {text},
    address {text},
    FOREIGN KEY (organization, user_id) REFERENCES memberships (organization, user_id) ON DELETE CASCADE
){strict};
CREATE INDEX sessions_member ON sessions (organization, user_id);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE login_refusals (
    id {uuid} NOT NULL PRIMARY KEY,
    account_hash {bytes} NOT NULL,
    address {text} NOT NULL,
    refused_at {int} NOT NULL
){strict};
CREATE INDEX login_refusals_account ON login_refusals (account_hash, refused_at);
CREATE INDEX login_refusals_address ON login_refusals (address, refused_at);
CREATE INDEX login_refusals_time ON login_refusals (refused_at);

CREATE TABLE pipelines (
    id {uuid} NOT NULL PRIMARY KEY,
    organization {uuid} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name {text} NOT NULL,
    version {int} NOT NULL,
    source {text} NOT NULL,
    created_by {uuid} REFERENCES users (id) ON DELETE SET NULL,
    created_at {int} NOT NULL,
    UNIQUE (organization, name, version)
){strict};

-- One stored object for the same bytes of one organization.
CREATE TABLE originals (
    organization {uuid} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    sha256 {bytes} NOT NULL,
    object_key {text} NOT NULL,
    size_bytes {int} NOT NULL,
    created_at {int} NOT NULL,
    PRIMARY KEY (organization, sha256)
){strict};

CREATE TABLE documents (
    id {uuid} NOT NULL PRIMARY KEY,
    organization {uuid} NOT NULL,
    sha256 {bytes} NOT NULL,
    name {text} NOT NULL,
    media_type {text} NOT NULL,
    size_bytes {int} NOT NULL,
    pages_total {int},
    duplicate_of {uuid} REFERENCES documents (id) ON DELETE SET NULL,
    created_by {uuid} REFERENCES users (id) ON DELETE SET NULL,
    created_at {int} NOT NULL,
    FOREIGN KEY (organization, sha256) REFERENCES originals (organization, sha256)
){strict};
CREATE INDEX documents_list ON documents (organization, id);
CREATE INDEX documents_same_bytes ON documents (organization, sha256, created_at);
CREATE INDEX documents_duplicates ON documents (duplicate_of);

CREATE TABLE jobs (
    id {uuid} NOT NULL PRIMARY KEY,
    organization {uuid} NOT NULL REFERENCES organizations (id),
    document {uuid} NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    status {text} NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    plan {json} NOT NULL,
    priority {int} NOT NULL,
    pages_total {int},
    pages_done {int} NOT NULL,
    failure {json},
    cancel_requested {bool} NOT NULL,
    retry_of {uuid} REFERENCES jobs (id) ON DELETE SET NULL,
    last_event {int} NOT NULL,
    created_by {uuid} REFERENCES users (id) ON DELETE SET NULL,
    created_at {int} NOT NULL,
    started_at {int},
    finished_at {int}
){strict};
CREATE INDEX jobs_list ON jobs (organization, id);
CREATE INDEX jobs_document ON jobs (document, created_at, id);
CREATE INDEX jobs_retry_of ON jobs (retry_of);
CREATE INDEX jobs_status ON jobs (status, organization, id);

CREATE TABLE idempotency_keys (
    organization {uuid} NOT NULL,
    idempotency_key {text} NOT NULL,
    sha256 {bytes} NOT NULL,
    pipeline {text} NOT NULL,
    document {uuid} NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    job {uuid} NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    created_at {int} NOT NULL,
    PRIMARY KEY (organization, idempotency_key)
){strict};
CREATE INDEX idempotency_keys_document ON idempotency_keys (document);
CREATE INDEX idempotency_keys_job ON idempotency_keys (job);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- attempt_started_at is set while an attempt of the stage runs; tasks_open is the counter of the fan-in.
CREATE TABLE stage_runs (
    job {uuid} NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    stage_index {int} NOT NULL,
    organization {uuid} NOT NULL,
    stage {text} NOT NULL,
    status {text} NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    attempt {int} NOT NULL,
    tasks_total {int} NOT NULL,
    tasks_done {int} NOT NULL,
    tasks_open {int} NOT NULL CHECK (tasks_open >= 0),
    warnings {json} NOT NULL,
    attempt_started_at {int},
    started_at {int},
    finished_at {int},
    PRIMARY KEY (job, stage_index)
){strict};

-- first_page and last_page are 0 where a task is about the whole document; the UNIQUE lets a fan-in fire once at most.
CREATE TABLE tasks (
    id {uuid} NOT NULL PRIMARY KEY,
    organization {uuid} NOT NULL,
    job {uuid} NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    stage_index {int} NOT NULL,
    kind {text} NOT NULL CHECK (kind IN ('inspect', 'pages', 'assemble', 'stage')),
    first_page {int} NOT NULL,
    last_page {int} NOT NULL,
    state {text} NOT NULL CHECK (state IN ('ready', 'running', 'done', 'failed', 'cancelled')),
    priority {int} NOT NULL,
    run_after {int} NOT NULL,
    attempt {int} NOT NULL,
    max_attempts {int} NOT NULL,
    fence {int} NOT NULL,
    worker {uuid},
    lease_until {int},
    failure {json},
    created_at {int} NOT NULL,
    started_at {int},
    finished_at {int},
    UNIQUE (job, stage_index, kind, first_page)
){strict};
CREATE INDEX tasks_ready ON tasks (organization, priority DESC, run_after, first_page, id) WHERE state = 'ready';
CREATE INDEX tasks_ready_age ON tasks (run_after) WHERE state = 'ready';
CREATE INDEX tasks_running ON tasks (organization) WHERE state = 'running';
CREATE INDEX tasks_leases ON tasks (lease_until) WHERE state = 'running';
CREATE INDEX tasks_dead ON tasks (organization) WHERE state = 'failed';

CREATE TABLE pages (
    job {uuid} NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    stage_index {int} NOT NULL,
    page {int} NOT NULL,
    organization {uuid} NOT NULL,
    object_key {text},
    thumbnail_key {text},
    source {text} NOT NULL,
    mean_confidence {real},
    seconds {real} NOT NULL,
    warnings {json} NOT NULL,
    failure {json},
    saved_at {int} NOT NULL,
    PRIMARY KEY (job, stage_index, page)
){strict};

CREATE TABLE artifacts (
    id {uuid} NOT NULL PRIMARY KEY,
    organization {uuid} NOT NULL,
    job {uuid} NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    kind {text} NOT NULL,
    object_key {text} NOT NULL,
    media_type {text} NOT NULL,
    size_bytes {int} NOT NULL,
    sha256 {bytes} NOT NULL,
    created_at {int} NOT NULL,
    UNIQUE (job, kind)
){strict};

CREATE TABLE events (
    job {uuid} NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    id {int} NOT NULL,
    organization {uuid} NOT NULL,
    kind {text} NOT NULL,
    payload {json} NOT NULL,
    happened_at {int} NOT NULL,
    PRIMARY KEY (job, id)
){strict};

CREATE TABLE audit_log (
    id {uuid} NOT NULL PRIMARY KEY,
    organization {uuid} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    happened_at {int} NOT NULL,
    actor {uuid} REFERENCES users (id) ON DELETE SET NULL,
    action {text} NOT NULL,
    subject {uuid},
    detail {json} NOT NULL
){strict};
CREATE INDEX audit_log_list ON audit_log (organization, id);

CREATE TABLE workers (
    id {uuid} NOT NULL PRIMARY KEY,
    state {text} NOT NULL,
    started_at {int} NOT NULL,
    seen_at {int} NOT NULL
){strict};
