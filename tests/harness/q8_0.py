"""GGUF weights as Q8_0, for servers that do not read Q4_1. Runs where the package gguf is.

python q8_0.py FROM.gguf TO.gguf
"""

import sys


def main(source: str, target: str) -> None:
    """Copy what describes the model, and its tensors in 8 bits; those in full precision stay as they are."""
    import gguf  # noqa: PLC0415 - not in bench's own environment

    kinds = gguf.GGMLQuantizationType
    read = gguf.GGUFReader(source)
    made = gguf.GGUFWriter(target, read.fields["general.architecture"].contents())
    for field in read.fields.values():
        if not field.name.startswith("GGUF.") and field.name not in {"general.architecture", "general.file_type"}:
            kind = field.types[0]
            made.add_key_value(field.name, field.contents(), kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    made.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    for tensor in read.tensors:
        if tensor.tensor_type == kinds.F32:
            made.add_tensor(tensor.name, tensor.data)
        else:
            eight = gguf.quantize(gguf.dequantize(tensor.data, tensor.tensor_type), kinds.Q8_0)
            made.add_tensor(tensor.name, eight, raw_dtype=kinds.Q8_0)
    made.write_header_to_file()
    made.write_kv_data_to_file()
    made.write_tensors_to_file()
    made.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
