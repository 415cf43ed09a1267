"""What is to come within one lead time: demand as a mixture of trends, and the capacity worth having for it."""

from autoscaler.outlook.maker import EXCEEDED_BY_SECOND, EXCEEDED_BY_STARTED_HOUR, OutlookMaker
from autoscaler.outlook.value import Outlook

__all__ = ["EXCEEDED_BY_SECOND", "EXCEEDED_BY_STARTED_HOUR", "Outlook", "OutlookMaker"]
