#!/bin/sh
# Runs $PROGRAM with other limits than those of the test. $LIMITS is the command that sets them.
eval "$LIMITS"
exec "$PROGRAM" "$@"
