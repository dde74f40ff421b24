#!/usr/bin/env bash
# What a device gives beside the CPU: parity of logits, scores, answers and training steps, then how
# fast each is. Works with any device, the CPU too, which then is compared with itself.
#   tools/gpu_check.sh [DEVICE]     cuda when left out
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./dev build
./dev models smollm2
exec python3 tools/gpu_check.py "${1:-cuda}"
