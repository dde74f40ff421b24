"""QLoRA with Transformers, PEFT and bitsandbytes: rank 8 on q_proj and v_proj of a base in NF4."""
import peft
import torch
import transformers

from common import fine_tune, parser, prepare, read_lines, report

arguments = parser(__doc__)
arguments.add_argument("--rows", required=True, help='JSONL {"ids", "labels"}')
arguments.add_argument("--batch", type=int, default=4)
arguments.add_argument("--steps", type=int, default=5)
arguments.add_argument("--warmup", type=int, default=1, help="steps before the clock starts")
arguments.add_argument("--rate", type=float, default=1e-4)
arguments.add_argument("--save-initial", help="write the adapter before training here")
arguments = arguments.parse_args()
prepare(arguments)
base = transformers.AutoModelForCausalLM.from_pretrained(
    arguments.model, dtype=torch.bfloat16, device_map="cpu")
base = peft.prepare_model_for_kbit_training(
    base, use_gradient_checkpointing=True, gradient_checkpointing_kwargs={"use_reentrant": False})
model = peft.get_peft_model(base, peft.LoraConfig(
    r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["q_proj", "v_proj"],
    task_type="CAUSAL_LM"))
if arguments.save_initial:
    model.save_pretrained(arguments.save_initial)
report(fine_tune(model, read_lines(arguments.rows), arguments.batch, arguments.steps,
                 arguments.warmup, arguments.rate, autocast=True))
