//! The durable in-process rating log, online store and object store.
