"""A promptfoo configuration as text, imported; and the spec that comes of it."""

from bench.catalog import REGISTRY
from bench.interchange.promptfoo.importing import import_config
from bench.spec.load import load_spec


class Imports:
    """Writes configurations into a folder and imports them."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, text, name="promptfooconfig.yaml", **files):
        """The import of one configuration, beside these files (their names' `_` stands for a dot)."""
        self.folder.mkdir(exist_ok=True)
        for file, content in files.items():
            (self.folder / file.replace("_", ".")).write_text(content, encoding="utf-8")
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return import_config(path, REGISTRY)

    def spec(self, imported, **environ):
        """The spec, as it is loaded."""
        path = self.folder / "made.spec.yaml"
        path.write_text(imported.text, encoding="utf-8")
        return load_spec(path, extensions=REGISTRY, environ=environ).spec


def lost(imported):
    """What was left out: line and words."""
    return [(one.position.line, one.message) for one in imported.findings if one.severity == "warning"]
