"""CareerRelay for ATS: one honest link in the rejection mail; the registration reported back."""

__version__ = "0.1.0"
