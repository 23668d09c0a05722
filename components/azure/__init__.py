"""The platform nouns on Azure."""
