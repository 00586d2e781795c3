"""What is said when a package of the extra `judge` is not installed: only what compares judges with people needs them."""

from bench.errors import MissingExtension


def not_installed(purpose: str, error: ModuleNotFoundError) -> MissingExtension:
    """The error to raise, with the line that installs the package."""
    message = f"{purpose} needs the Python package {error.name!r}, which is not installed"
    return MissingExtension(message, hint="install it with `pip install 'bench-spec[judge]'`")
