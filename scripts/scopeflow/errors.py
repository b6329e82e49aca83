"""The one kind of error that is the user's to mend."""


class InputError(ValueError):
    """Input, setting or disk is at fault: its message is all the user sees.

    The message says where (file, session, key), what was found, what is allowed and
    what to do. Every other exception is a bug and keeps its traceback.
    """
