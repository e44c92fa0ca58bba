-- When an organization was served last: with a single slot organizations take turns.

CREATE INDEX tasks_served ON tasks (organization, started_at) WHERE started_at IS NOT NULL;
