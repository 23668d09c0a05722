"""Names of Azure's settings that are needed on every target, apart from the classes, which take long to build."""

AZURE_NATIVE_KEY = "azure-native:"
"""The prefix of the keys of the provider azure-native."""
AZURE_NATIVE = "azure_native"
"""The field of the settings that holds the values of these keys."""
PROVIDER_SECRETS = ("clientSecret", "clientCertificatePassword", "oidcToken", "oidcRequestToken")
"""Keys of the provider whose values are credentials."""
REGISTRY_PASSWORD = "registry_password"
"""The config secret that holds the password of an external registry."""
