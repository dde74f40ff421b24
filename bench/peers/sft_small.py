"""Full fine-tuning with Transformers: bf16 autocast over fp32 weights, padded batches, AdamW."""
import torch

from common import fine_tune, load_model, parser, prepare, read_lines, report

arguments = parser(__doc__)
arguments.add_argument("--rows", required=True, help='JSONL {"ids", "labels"}')
arguments.add_argument("--batch", type=int, default=16)
arguments.add_argument("--steps", type=int, default=12)
arguments.add_argument("--warmup", type=int, default=2, help="steps before the clock starts")
arguments.add_argument("--rate", type=float, default=3e-4)
arguments.add_argument("--fp32", action="store_true", help="no autocast")
arguments = arguments.parse_args()
prepare(arguments)
report(fine_tune(load_model(arguments.model, torch.float32), read_lines(arguments.rows),
                 arguments.batch, arguments.steps, arguments.warmup, arguments.rate,
                 autocast=not arguments.fp32))
