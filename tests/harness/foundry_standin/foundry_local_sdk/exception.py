"""The error of the stand-in."""


class FoundryLocalException(Exception):
    """As the SDK's: with a number of its own."""

    def __init__(self, message, *, error_code=0):
        super().__init__(message)
        self.error_code = error_code
