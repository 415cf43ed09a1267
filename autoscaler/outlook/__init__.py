"""What is to come within one lead time: demand as a mixture of trends, and the capacity worth having for it."""

from autoscaler.outlook.maker import OutlookMaker
from autoscaler.outlook.margin import BY_SECOND, BY_STARTED_HOUR
from autoscaler.outlook.value import Outlook

__all__ = ["BY_SECOND", "BY_STARTED_HOUR", "Outlook", "OutlookMaker"]
