"""GGUF weights as a Hugging Face folder in full precision: what the ONNX builder starts from. Runs where torch and transformers are.

    python foundry_weights.py WEIGHTS.gguf FOLDER

A quantised model cannot be saved as it was read, so its numbers move into a plain model of the same shape. That model is asked one question before it
counts: numbers in the wrong places would make an ONNX file of the right size that talks nonsense.
"""

import sys
from pathlib import Path

QUESTION, EXPECTED = "What is the capital of France?", "Paris"


def main(weights: Path, folder: Path) -> None:
    """Read, move, ask, save."""
    import torch  # noqa: PLC0415 - these two are not in bench's own environment
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name)
    read = AutoModelForCausalLM.from_pretrained(weights.parent, gguf_file=weights.name, dtype=torch.float32)
    settings = type(read.config)(**{key: value for key, value in read.config.to_dict().items() if key != "quantization_config"})
    plain = type(read)(settings).to(torch.float32)
    plain.load_state_dict(read.state_dict())
    chat = [{"role": "user", "content": QUESTION}]
    prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    told = plain.generate(**prompt, max_new_tokens=16, do_sample=False, pad_token_id=settings.eos_token_id)[0, prompt["input_ids"].shape[1] :]
    answer = tokenizer.decode(told, skip_special_tokens=True)
    if EXPECTED not in answer:
        raise SystemExit(f"the converted model answers {QUESTION!r} with {answer!r}; expected {EXPECTED!r}")
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    sys.stdout.write(f"{QUESTION} {answer}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
