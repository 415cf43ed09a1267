"""The client's exceptions as our errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from autoscaler.providers.aws.codes import ALREADY_USED, brief, kind
from autoscaler.providers.provider import Permanent, Temporary


class AlreadyUsed(Temporary):
    """The token was used before: what it made must be found before more is said."""


@contextmanager
def sorted_errors(doing: str) -> Iterator[None]:
    """Raises what the client raises inside as one of our errors, which says what was being done."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ParamValidationError
    from botocore.exceptions import ConnectionError as NotConnected
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        code = str(said.get("Code", "unknown"))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
        text = brief(f"aws: {doing}: {code}: {said.get('Message', '')}")
        if code in ALREADY_USED:
            raise AlreadyUsed(text) from error
        raise kind(code, status)(text) from error
    except (HTTPClientError, NotConnected, ResponseParserError) as error:  # no answer, or half: it may have happened
        raise Temporary(brief(f"aws: {doing}: {error}")) from error
    except ParamValidationError as error:  # says the values it refuses, and one may be the start-up script
        text = "; ".join(line.split(", value:")[0] for line in str(error).splitlines())
        raise Permanent(brief(f"aws: {doing}: {text}")) from None
    except BotoCoreError as error:  # no credentials, no region: nothing was sent
        raise Permanent(brief(f"aws: {doing}: {error}")) from error
