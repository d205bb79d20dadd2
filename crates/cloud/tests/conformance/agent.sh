#!/bin/sh
# Stands for the agent: writes down what it was given, says that it is ready,
# and leaves when it is asked to. OUT and GREETING come from the fleet.
trap 'echo drained >"$OUT/$3.end"; exit 0' TERM
echo "$1 $2 $3 $GREETING" >"$OUT/$3.tmp"
echo $$ >"$OUT/$3.pid"
echo "on the log"
mv "$OUT/$3.tmp" "$OUT/$3.ready"
# Short sleeps: a shell answers a signal between two commands.
while [ -d "$OUT" ]; do sleep 0.05; done
