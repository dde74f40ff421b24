"""What the llama.cpp sides of benchmarks share: a server of the package xllamacpp on a GGUF file."""
import xllamacpp as llama


def open_server(model, threads, slots, context, kv_unified=False):
    """`kv_unified`: slots may begin with each other's prompts."""
    params = llama.CommonParams()
    params.model.path = str(model)
    params.n_ctx = context * slots
    params.n_parallel = slots
    params.n_gpu_layers = 0
    if kv_unified:
        params.kv_unified = True
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.warmup = True
    return llama.Server(params)
