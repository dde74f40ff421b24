"""Writes a random-weight Llama of a named shape as a Hugging Face folder."""
import pathlib

import torch

from common import SHAPES, make_model, parser, prepare

arguments = parser(__doc__)
arguments.add_argument("shape", choices=SHAPES)
arguments.add_argument("folder", type=pathlib.Path)
arguments.add_argument("--bf16", action="store_true", help="store bfloat16")
arguments.add_argument("--vocab-size", type=int)
arguments = arguments.parse_args()
prepare(arguments)
make_model(arguments.shape, arguments.folder, arguments.seed,
           torch.bfloat16 if arguments.bf16 else torch.float32, arguments.vocab_size)
