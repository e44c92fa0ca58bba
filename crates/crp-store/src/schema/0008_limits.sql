-- How many tasks of an organization may run at the same time, where it has a limit of its own.

ALTER TABLE organizations ADD COLUMN max_running_tasks {int};
