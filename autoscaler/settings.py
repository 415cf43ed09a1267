"""Settings: secrets of the daemon, from the environment or from files, and what may be said of them.

Nothing here is printed: a secret is a SecretStr, and `Secrets.hidden` takes every secret that was read out of a text.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from planner.errors import InputError

SHORTEST = 6
"""A secret of fewer characters is refused: it could not be told from other words in a log."""


class Secrets:
    """The secrets a process has read."""

    def __init__(self, environ: Mapping[str, str], *, folder: str = ".") -> None:
        """`folder`: where relative paths of secret files start."""
        self._environ = environ
        self._folder = Path(folder)
        self._known: set[str] = set()

    def find(self, variable: str, file: str | None, *, key: str) -> SecretStr | None:
        """The secret of `file`, else of the environment's `variable`; None: neither is given.

        Raises InputError, with the fleet's `key` that names the file, where it is empty, short or cannot be read.
        """
        if file is None:
            text = self._environ.get(variable, "").strip()
            return self.known(text, where=variable) if text else None
        path = self._folder / Path(file).expanduser()
        try:
            text = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InputError(f"{key} {path}: {error.strerror}; expected a file with the secret") from None
        except UnicodeDecodeError:
            raise InputError(f"{key} {path}: is no text; expected a file with the secret") from None
        return self.known(text, where=f"{key} {path}")

    def need(self, variable: str, file: str | None, *, key: str) -> SecretStr:
        """The same, where there must be one. Raises InputError."""
        found = self.find(variable, file, key=key)
        if found is None:
            raise InputError(f"{variable} is not set; expected it in the environment, or a file named by {key}")
        return found

    def known(self, text: str, *, where: str) -> SecretStr:
        """The text as a secret, hidden from now on. Raises InputError where it is too short to be one."""
        if len(text) < SHORTEST:
            some = f"{len(text)} character{'' if len(text) == 1 else 's'}"
            raise InputError(f"{where}: holds {some}; expected a secret of {SHORTEST} or more")
        self._known.add(text)
        return SecretStr(text)

    def pair(self, variables: tuple[str, str], file: str | None, *, key: str) -> tuple[SecretStr, SecretStr] | None:
        """A user and a password: two lines of `file`, else the environment's two variables; None: neither is given.

        Raises InputError where there is but one of the two.
        """
        if file is None:
            found = [self.find(variable, None, key=key) for variable in variables]
            user, password = found
            if (user is None) != (password is None):
                lacking = variables[found.index(None)]
                raise InputError(f"{lacking} is not set; expected {' and '.join(variables)}, or a file named by {key}")
            return None if user is None or password is None else (user, password)
        whole = self.need(variables[0], file, key=key)
        lines = [line.strip() for line in whole.get_secret_value().splitlines() if line.strip()]
        if len(lines) != 2:
            raise InputError(f"{key} {file}: holds {len(lines)} lines; expected user and password, a line each")
        first, second = (self.known(line, where=f"{key} {file}") for line in lines)
        return first, second

    def named(self, variables: Mapping[str, str], file: str | None, *, key: str) -> dict[str, SecretStr]:
        """Secrets by name: lines `name = value` of `file`, else the environment's variables (name -> variable).

        Empty lines, comments and [headings] of the file are skipped, and so are other names. Raises InputError where
        one is missing.
        """
        if file is None:
            return {name: self.need(variable, None, key=key) for name, variable in variables.items()}
        whole = self.need(next(iter(variables.values())), file, key=key)
        found: dict[str, SecretStr] = {}
        for line in whole.get_secret_value().splitlines():
            name, _, value = line.partition("=")
            if name.strip() in variables and value.strip():
                found[name.strip()] = self.known(value.strip(), where=f"{key} {file}: {name.strip()}")
        if lacking := [name for name in variables if name not in found]:
            raise InputError(f"{key} {file}: lacks {', '.join(lacking)}; expected a line `name = value` for each")
        return found

    def hidden(self, text: str) -> str:
        """The text with *** in place of every secret that was read."""
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text
