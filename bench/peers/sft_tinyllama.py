"""LoRA of rank 8 on q_proj and v_proj with Transformers and PEFT, on a frozen bf16 base."""
import peft
import torch

from common import fine_tune, load_model, parser, prepare, read_lines, report

arguments = parser(__doc__)
arguments.add_argument("--rows", required=True, help='JSONL {"ids", "labels"}')
arguments.add_argument("--batch", type=int, default=4)
arguments.add_argument("--steps", type=int, default=5)
arguments.add_argument("--warmup", type=int, default=1, help="steps before the clock starts")
arguments.add_argument("--rate", type=float, default=1e-4)
arguments.add_argument("--adapter", help="start from this PEFT folder instead of a fresh adapter")
arguments.add_argument("--save-initial", help="write the adapter before training here")
arguments = arguments.parse_args()
prepare(arguments)
base = load_model(arguments.model, torch.bfloat16)
if arguments.adapter:
    model = peft.PeftModel.from_pretrained(base, arguments.adapter, is_trainable=True)
else:
    model = peft.get_peft_model(base, peft.LoraConfig(
        r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["q_proj", "v_proj"],
        task_type="CAUSAL_LM"))
if arguments.save_initial:
    model.save_pretrained(arguments.save_initial)
# Autocast lets PEFT's fp32 adapter weights meet the bf16 base without a cast by hand.
report(fine_tune(model, read_lines(arguments.rows), arguments.batch, arguments.steps,
                 arguments.warmup, arguments.rate, autocast=True))
