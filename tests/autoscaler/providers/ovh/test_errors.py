import pytest

from autoscaler.providers.ovh.errors import Answer, sorted_error
from autoscaler.providers.provider import CapacityUnavailable, NodeNotFound, Permanent, Temporary


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        pytest.param(None, "", "no answer (ReadTimeout)", Temporary, id="network"),
        pytest.param(500, "", "Internal server error", Temporary, id="500"),
        pytest.param(
            503, "", "not enough hosts are available", Temporary, id="a 5xx may have happened, whatever it says"
        ),
        pytest.param(429, "", "Quota of requests exceeded", Temporary, id="429 is no quota of machines"),
        pytest.param(409, "Client::Conflict", "pool is not ready", Temporary, id="409"),
        pytest.param(404, "Client::NotFound", "Instance not found", NodeNotFound, id="404"),
        pytest.param(400, "Client::BadRequest", "flavor is out of stock", CapacityUnavailable, id="out of stock"),
        pytest.param(403, "Client::Forbidden", "Instances quota exceeded", CapacityUnavailable, id="quota"),
        pytest.param(400, "FLAVOR_OUT_OF_STOCK", "no", Permanent, id="a code nobody documented"),
        pytest.param(412, "", "No more available hosts", CapacityUnavailable, id="no more available"),
        pytest.param(403, "NOT_GRANTED_CALL", "This call has not been granted", Permanent, id="not granted"),
        pytest.param(403, "INVALID_CREDENTIAL", "This credential is not valid", Permanent, id="credential"),
        pytest.param(401, "", "You must login first", Permanent, id="401"),
        pytest.param(400, "Client::BadRequest", "Invalid flavor", Permanent, id="malformed"),
        pytest.param(460, "", "The requested service has expired", Permanent, id="expired"),
    ],
)
def test_what_is_answered_is_sorted_by_what_to_do_next(status, code, message, expected):
    error = sorted_error(Answer(status=status, code=code, message=message), "ovh: POST /x")
    assert type(error) is expected
    assert str(error).startswith(f"ovh: POST /x: {message}")
