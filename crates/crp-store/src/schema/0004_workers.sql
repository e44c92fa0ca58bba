-- Workers on several machines: which is which, and how much each takes.

ALTER TABLE workers ADD COLUMN name {text} NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN version {text} NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN slots {int} NOT NULL DEFAULT 0;
