//! Every exported metric, declared once, born at zero; text and OpenMetrics rendering.
