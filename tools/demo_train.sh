#!/usr/bin/env bash
# From raw sentences to a trained model, its relations and an honest score. Called by `./dev demo train`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-en}" in
  en) recipe=recipes/fewrel_scratch.yaml gold=recipes/data/fewrel/test.json out=out/demo-fewrel minutes=4 ;;
  zh) recipe=recipes/sanwen_scratch.yaml gold=recipes/data/sanwen/valid.txt out=out/demo-sanwen minutes=4 ;;
  *)
    echo "usage: ./dev demo train [zh]" >&2
    exit 2
    ;;
esac
readonly relata=build/release/bin/relata

# step TEXT COMMAND...: shows the command as a user would type it, then runs it.
step() {
  printf '\n== %s\n$ relata %s\n' "$1" "${*:2}" >&2
  "$relata" "${@:2}"
}

rm -rf "$out" # the demo's own folder; a stale model would make the score a lie
step "1. train a small model from scratch" \
  train "$recipe" "output_dir=$out" "max_train_minutes=$minutes"
step "2. extract relations from sentences it has never seen" \
  extract -x "$out" "$gold" -o "$out/predictions.jsonl"
step "3. score them" evaluate --gold "$gold" --pred "$out/predictions.jsonl" \
  --metric pair-micro --report "$out/report.html" --json >"$out/score.json"

# The same record for gold and predictions, whatever the data set's own format is.
"$relata" data convert "$gold" -o "$out/gold.jsonl" -q
python3 tools/show_predictions.py --gold "$out/gold.jsonl" --pred "$out/predictions.jsonl" \
  --schema "$out/schema.json" --score "$out/score.json"

cat <<TEXT
Report: $out/report.html

The same on your own file (docs/your-own-data.md):
  relata train $recipe dataset=my_train.tsv eval_dataset=my_dev.tsv schema=my_schema.json output_dir=out/mine
  relata extract -x out/mine my_test.tsv -o out/mine/predictions.jsonl
  relata evaluate --gold my_test.tsv --pred out/mine/predictions.jsonl --metric pair-micro
where relata is $relata
TEXT
