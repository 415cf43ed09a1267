import pytest
from botocore.exceptions import ParamValidationError

from autoscaler.providers.aws.codes import LONGEST, brief, kind
from autoscaler.providers.aws.errors import sorted_errors
from autoscaler.providers.provider import CapacityUnavailable, NodeNotFound, Permanent, Temporary


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        pytest.param("InsufficientInstanceCapacity", 500, CapacityUnavailable, id="no capacity is no server error"),
        pytest.param("InsufficientInstanceCapacity", 400, CapacityUnavailable, id="whatever its status"),
        pytest.param("PendingVerification", 400, CapacityUnavailable, id="a new account waits, others go on"),
        pytest.param("RequestLimitExceeded", 503, Temporary, id="too fast"),
        pytest.param("SomethingNew", 500, Temporary, id="an unknown code of theirs"),
        pytest.param("SomethingNew", 429, Temporary, id="an unknown code for too fast"),
        pytest.param("SomethingNew", 400, Permanent, id="an unknown code of ours"),
        pytest.param("UnauthorizedOperation", 403, Permanent, id="not allowed"),
        pytest.param("RequestExpired", 400, Permanent, id="the clock of this machine is wrong"),
        pytest.param("InvalidInstanceID.NotFound", 400, NodeNotFound, id="gone, or too new"),
        pytest.param("InvalidInstanceID.Malformed", 400, NodeNotFound, id="never was"),
    ],
)
def test_a_code_says_what_to_do_next(code, status, error):
    assert kind(code, status) is error


def test_the_cipher_of_an_authorization_failure_is_left_out():
    text = brief("aws: launch k1: UnauthorizedOperation: not allowed. Encoded authorization failure message: 4GIO...")
    assert text == "aws: launch k1: UnauthorizedOperation: not allowed."


def test_what_is_said_is_one_line_of_bounded_length():
    assert "\n" not in brief("a\nb")
    assert len(brief("x" * 1000)) == LONGEST + 1


def test_a_request_that_the_client_refuses_is_said_without_its_values():
    report = "Invalid type for parameter UserData, value: join --token abc, type: <class 'str'>, valid types: <bytes>"
    with pytest.raises(Permanent) as raised, sorted_errors("launch k1"):
        raise ParamValidationError(report=report)
    assert "UserData" in str(raised.value)
    assert "abc" not in str(raised.value)
    assert raised.value.__suppress_context__
