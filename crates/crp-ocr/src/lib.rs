//! A PDF or image in; per page text, words and a searchable PDF out. Rendering, engines, sandbox. Knows no job.
