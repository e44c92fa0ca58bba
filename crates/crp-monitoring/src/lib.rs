//! Dashboards, rules, scrape configuration as typed values; export and check.
