"""The words of FinOps FOCUS 1.2: its columns, and what our providers are in its categories. Pure.

Source: FinOps Open Cost and Usage Specification 1.2, "cost and usage" dataset (focus.finops.org), read 2026-11-25.
"""

from dataclasses import dataclass

COLUMNS = (
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "Tags",
    "x_Model",
    "x_BilledCostUsd",
    "x_UsdPerUnit",
    "x_RateDate",
    "x_AllocatedTag",
    "x_AllocatedCostUsd",
    "x_AllocatedUsageUsd",
    "x_AllocatedIdleUsd",
    "x_AllocatedSharedUsd",
)
"""FOCUS columns in alphabetical order, then ours, which begin with x_ as the specification asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """A provider of our catalogs in the words of its own bills."""

    name: str
    service: str
    subcategory: str = "Virtual Machines"


_SELLERS = {
    "hetzner": Seller(name="Hetzner", service="Dedicated Servers", subcategory="Other (Compute)"),
    "hetzner-cloud": Seller(name="Hetzner", service="Hetzner Cloud Servers"),
    "ovh": Seller(name="OVHcloud", service="Public Cloud Instances"),
    "aws": Seller(name="AWS", service="Amazon Elastic Compute Cloud"),
}


def providers_of_seller(name: str) -> tuple[str, ...]:
    """Providers of the catalog that a seller's bills are of; a name we do not know is taken for a provider's id."""
    known = tuple(provider for provider, seller in _SELLERS.items() if seller.name.casefold() == name.casefold())
    return known or (name,)


def seller_of(provider: str) -> Seller:
    """The seller behind a provider of the catalog; one we do not know goes by its own id."""
    return _SELLERS.get(provider, Seller(name=provider, service="Servers"))
