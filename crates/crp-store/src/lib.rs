//! The database on SQLite and PostgreSQL: rows, migrations, task queue, leases, search.
