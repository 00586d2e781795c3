"""A treatment in, a served endpoint out: models are brought up, watched and ended here.

Must not import other stages. Third-party packages stand in one file each: `psutil` in `process_tree`, `xllamacpp` in `llama_cpp_child`,
`huggingface_hub` in `sources/hf`.
"""
