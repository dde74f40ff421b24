#!/usr/bin/env bash
# The main job on real input: three documents become facts with probabilities and evidence, a page
# and a graph. Called by `./dev demo`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly relata=build/release/bin/relata out=out/demo

# step TEXT COMMAND...: shows the command as a user would type it, then runs it.
step() {
  printf '\n== %s\n$ relata %s\n' "$1" "${*:2}" >&2
  "$relata" "${@:2}"
}

rm -rf "$out" # the demo's own folder
mkdir -p "$out"
begin=$SECONDS
step "1. read three documents: a page of text, a web page, a news item" \
  extract examples/documents -o "$out/facts.jsonl" --html "$out/facts.html"
took=$((SECONDS - begin))
step "2. the facts of all of them as one graph" \
  graph export "$out/facts.jsonl" --schema redocred --to turtle -o "$out/facts.ttl"
python3 tools/show_facts.py "$out/facts.jsonl" --schema schemas/redocred.json

cat <<TEXT
Read in $took seconds, by a model of 135 million weights on this machine.
Page, text and graph side by side: $out/facts.html
Graph in Turtle:                   $out/facts.ttl

The same on your own files (docs/documents.md):
  relata extract report.pdf notes/ -o facts.jsonl --html facts.html
where relata is $relata
TEXT
