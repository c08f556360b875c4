"""CSV files of ATSs without an API: read as they come out of Excel, mapped, checked, imported."""
