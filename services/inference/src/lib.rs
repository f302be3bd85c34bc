//! The inference role: predicts, recommends and explains.
