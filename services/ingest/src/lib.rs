//! The ingest role: validates ratings and writes them to the log.
