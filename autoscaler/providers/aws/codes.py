"""What EC2's error codes mean for what to do next. Pure.

They are listed in https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html. A code decides before
its HTTP status: InsufficientInstanceCapacity comes as 500, and is no reason to ask for the same again.
"""

from autoscaler.providers.provider import CapacityUnavailable, NodeNotFound, Permanent, ProviderError, Temporary

CAPACITY = frozenset(
    {
        "InsufficientInstanceCapacity",
        "InsufficientCapacity",
        "InsufficientHostCapacity",
        "InsufficientFreeAddressesInSubnet",
        "InsufficientReservedInstanceCapacity",
        "InsufficientVolumeCapacity",
        "UnfulfillableCapacity",
        "ReservationCapacityExceeded",
        "MaxSpotInstanceCountExceeded",
        "SpotMaxPriceTooLow",
        "VcpuLimitExceeded",
        "InstanceLimitExceeded",
        "VolumeLimitExceeded",
        "Unsupported",  # the type is not sold in that zone
        "PendingVerification",  # of a new account in this region: it takes hours, and other regions work
    }
)
TEMPORARY = frozenset(
    {
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "EC2ThrottledException",
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "RequestTimeout",
        "RequestTimeoutException",
        "InternalError",
        "InternalFailure",
        "InternalServiceError",
        "ServerInternal",
        "ServiceUnavailable",
        "Unavailable",
    }
)
NOT_FOUND = frozenset({"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"})
ALREADY_USED = frozenset({"IdempotentParameterMismatch", "IdempotentInstanceTerminated"})
"""The token was used before: with something else in the request, or for an instance that was ended since."""
LONGEST = 300
"""Characters kept of what is said; an authorization failure comes with a kilobyte of cipher."""


def kind(code: str, status: int = 400) -> type[ProviderError]:
    """What to do next, by the code of an error and its HTTP status."""
    if code in CAPACITY:
        return CapacityUnavailable
    if code in NOT_FOUND:
        return NodeNotFound
    if code in TEMPORARY or status >= 500 or status == 429:
        return Temporary
    return Permanent


def brief(text: str) -> str:
    """The text on one line, without the cipher that AWS adds for its own tools."""
    line = " ".join(text.split("Encoded authorization failure message", maxsplit=1)[0].split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
