//! What every Marquee process needs: settings, telemetry, servers, shutdown and errors.
