"""What OVH answers when it does not do as asked, sorted by what to do next.

The client raises one class per status it knows; 429 and all of 5xx are its bare APIError, and a call that got no answer
has no response. So the status and the body decide here, not the class.
"""

from dataclasses import dataclass
from typing import Any

from autoscaler.providers.provider import CapacityUnavailable, NodeNotFound, Permanent, ProviderError, Temporary

STOCK_WORDS = (
    "quota",
    "out of stock",
    "no more available",
    "not enough",
    "insufficient",
    "no valid host",
    "unavailable",
)
"""In the text of a refusal: sold out, or a quota is reached. OVH publishes no list of codes for it."""
BUSY = frozenset({408, 409, 423, 425, 429})
"""Not done, and worth asking again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a failed call was answered."""

    status: int | None
    """None: there was no answer, or none that can be read."""
    code: str = ""
    """errorCode, or the class of the error."""
    message: str = ""

    @property
    def may_have_happened(self) -> bool:
        """Whether what was asked may have been done all the same."""
        return self.status is None or self.status >= 500

    @property
    def is_out_of_time(self) -> bool:
        """Whether the signature was refused: the clocks may have drifted apart since they were compared."""
        text = f"{self.code} {self.message}".lower()
        return self.status in (400, 401, 403) and any(
            word in text for word in ("signature", "timestamp", "out of time", "query_time_out")
        )

    @property
    def is_worth_repeating(self) -> bool:
        """Whether a read may go well if it is asked again at once."""
        return self.status is None or self.status == 429 or self.status >= 500


def answer_of(error: Exception) -> Answer:
    """What the client's error says, without its request: that is signed, and may hold a start-up script."""
    response = getattr(error, "response", None)
    if response is None:
        cause = next((one for one in error.args if isinstance(one, BaseException)), error)
        return Answer(status=None, message=f"no answer ({type(cause).__name__})")
    body = _body(response)
    code = str(body.get("errorCode") or body.get("class") or "")
    return Answer(status=int(response.status_code), code=code, message=str(body.get("message") or response.reason))


def sorted_error(answer: Answer, doing: str) -> ProviderError:
    """The error of our words for what was answered while `doing`."""
    what = " ".join(str(one) for one in (answer.status, answer.code) if one)
    text = f"{doing}: {answer.message}" + (f" ({what})" if what else "")
    if answer.may_have_happened:
        return Temporary(text)
    words = f"{answer.code} {answer.message}".lower()
    if answer.status not in {404, 429} and any(word in words for word in STOCK_WORDS):
        return CapacityUnavailable(text)
    if answer.status == 404:
        return NodeNotFound(text)
    if answer.status in BUSY:
        return Temporary(text)
    return Permanent(text)


def _body(response: Any) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
