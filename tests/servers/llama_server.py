"""A real llama.cpp server on a random model of 8 MB: `python -m tests.servers.llama_server MODEL.gguf PORT ALIAS`.

The model is made here, from a fixed seed: a Llama of four layers that knows letters and pairs of letters. What it says
is nonsense; how long it takes, what it counts and what it serves are llama.cpp's own. One thread: with more, they spin
while other tests have the cores.
"""

import itertools
import signal
import string
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.process import serving

if TYPE_CHECKING:
    import gguf
    import numpy as np

WIDTH, LAYERS, HEADS, KV_HEADS, INNER, CONTEXT = 256, 4, 8, 4, 704, 2048
SLOTS = 2


def write_model(path: Path, *, seed: int = 0) -> None:
    """A random Llama with its vocabulary, in llama.cpp's format."""
    import gguf
    import numpy as np

    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    words = _add_vocabulary(writer)

    def matrix(rows: int, columns: int, scale: float = 0.02) -> "np.typing.NDArray[np.float16]":
        return (rng.standard_normal((rows, columns)) * scale).astype(np.float16)

    ones = np.ones(WIDTH, dtype=np.float32)
    narrow = WIDTH // HEADS * KV_HEADS
    writer.add_tensor("token_embd.weight", matrix(words, WIDTH, 1.0))
    writer.add_tensor("output_norm.weight", ones)
    writer.add_tensor("output.weight", matrix(words, WIDTH))
    shapes = {
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (narrow, WIDTH),
        "attn_v": (narrow, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_gate": (INNER, WIDTH),
        "ffn_up": (INNER, WIDTH),
        "ffn_down": (WIDTH, INNER),
    }
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", ones)
        for name, (rows, columns) in shapes.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", matrix(rows, columns))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: "gguf.GGUFWriter") -> int:
    """How many tokens it has: three of control, every byte, letters and pairs, each also at the start of a word."""
    import gguf

    space = "\u2581"
    pairs = ["".join(pair) for pair in itertools.product(string.ascii_lowercase, repeat=2)]
    known = [*string.ascii_lowercase, *pairs]
    pieces = [space, *known, *(space + piece for piece in known)]
    kinds = gguf.TokenType
    tokens = [("<unk>", 0.0, kinds.UNKNOWN), ("<s>", 0.0, kinds.CONTROL), ("</s>", 0.0, kinds.CONTROL)]
    tokens += [(f"<0x{byte:02X}>", 0.0, kinds.BYTE) for byte in range(256)]
    tokens += [(piece, -float(rank), kinds.NORMAL) for rank, piece in enumerate(pieces)]
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([text.encode() for text, _, _ in tokens])
    writer.add_token_scores([score for _, score, _ in tokens])
    writer.add_token_types([kind for _, _, kind in tokens])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template("{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:")
    return len(tokens)


@contextmanager
def llama_server(folder: Path, port: int, *, alias: str = "tiny") -> Iterator[str]:
    """Its URL, while it runs in a process of its own."""
    model, log = folder / "random.gguf", folder / "llama.log"
    if not model.exists():
        write_model(model)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.servers.llama_server", str(model), str(port), alias]
    with serving(command, ready_url=f"{url}/health", log=log, name="llama.cpp"):
        yield url


def serve(model: str, port: int, alias: str) -> None:
    """Serves until it is told to stop."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.port = port
    params.model_alias = [alias]
    params.n_parallel = SLOTS
    params.n_ctx = CONTEXT * SLOTS
    params.n_gpu_layers = 0
    params.endpoint_metrics = True
    params.endpoint_slots = True
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.ui = False
    params.offline = True
    server = xllamacpp.Server(params)
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    del server


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3])
