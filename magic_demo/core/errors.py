"""The errors that a user can cause and can mend: each message is one line saying what came, what was
expected, what to do."""

from __future__ import annotations

from magic_demo.core.messages import Message, shorten


class MagicDemoError(Exception):
    """Base of every error that is shown to a user as one line, without a traceback.

    message: the line with its template and values; ``str`` of the error returns it.
    """

    def __init__(self, template: str, /, **values: object) -> None:
        """Make the error of an English sentence with ``{named}`` fields and their values, or of a Message."""
        self.message: Message = (
            template if isinstance(template, Message) and not values else Message(template, **values)
        )
        super().__init__(self.message)

    def __str__(self) -> str:
        """Return the line, without its middle where it is too long."""
        return shorten(self.message)


class PhotoError(MagicDemoError):
    """A photo cannot be used: not a photo, broken, too large or too small, an unsupported kind."""


class FormatError(MagicDemoError):
    """A challenge file (encounters, answers, masks, questions) does not hold what its format asks for."""


class CheckpointError(MagicDemoError):
    """A model cannot be loaded: folder or Hub id missing, files broken, class unknown."""


class ModelError(MagicDemoError):
    """A model fails on one input: values that are not numbers, no memory left.

    It costs that photo or case, not the run.
    """


class BackendError(MagicDemoError):
    """What models are to run on is not to be had here: not installed, no such device, nowhere to keep a
    converted model."""


class StoreError(MagicDemoError):
    """The store of reviews cannot be opened, read or written, or is asked for what its rules do not allow."""


class LimitError(MagicDemoError):
    """A limit that the environment sets is unknown or no whole number."""


class ReachError(MagicDemoError):
    """The page would be open to other computers without what keeps strangers out, or nobody confirmed that it
    should be."""


class FormError(MagicDemoError):
    """What was typed or chosen on the page cannot be used: empty, too long."""


class BoardError(MagicDemoError):
    """What is asked of the audience board cannot be done; ``reason`` says why in one of four words: gone,
    full, closed, invalid."""

    def __init__(self, reason: str, template: str, /, **values: object) -> None:
        """Make the error as ``MagicDemoError`` does. reason: the word."""
        super().__init__(template, **values)
        self.args = (reason, self.message)  # from which another process makes it again
        self.reason = reason


def one_line(error: BaseException, longest: int = 300) -> str:
    """Return what an error says as one line of at most ``longest`` characters, or its kind where it says
    nothing; of an error of ours that is short enough, its Message."""
    text = str(error)
    line = " ".join(text.split())[:longest] or type(error).__name__
    return text if line == text else line


def describe_system_error(error: OSError) -> str:
    """Return what the system says of a file as one line, with the file's name where it is known."""
    name = f"{error.filename}: " if error.filename else ""
    return f"{name}{error.strerror or one_line(error)}; check the path, the space and the permissions"
