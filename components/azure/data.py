"""The data noun on Azure."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi_azure_native import machinelearningservices

from trainup.components import arguments
from trainup.core.azure_ids import STORAGE, parse_id
from trainup.core.azure_names import datastore_name
from trainup.core.canonical import sha256


class DataAssetArgs(TypedDict):
    """The folder of a blob container that holds the data, and how nodes access it."""

    workspace_name: pulumi.Input[str]
    """The workspace that the data is registered in."""

    resource_group_name: pulumi.Input[str]
    """Resource group of the workspace."""

    storage_id: str
    """ARM id of the storage account."""

    container: str
    """Blob container."""

    path: NotRequired[str | None]
    """Folder in the container. Defaults to all of it."""

    data_name: NotRequired[str | None]
    """Name of the data. Defaults to the component's name."""

    version: NotRequired[str | None]
    """Version of the data; a new value here trains again. Defaults to one that is derived from the data's location."""

    account_key: NotRequired[pulumi.Input[str] | None]
    """Key of the account, a secret, where identities cannot be used. Defaults to access by identity, which takes a role
    on the account."""

    storage_suffix: NotRequired[str | None]
    """Domain suffix of storage addresses. Defaults to that of Azure ML's own cloud."""


class DataAsset(pulumi.ComponentResource):
    """A folder of blobs under a name and a version. Nothing is copied, so it costs nothing."""

    data_id: pulumi.Output[str]
    """ARM id of the version."""

    uri: pulumi.Output[str]
    """Address of the data, as input of runs."""

    digest: pulumi.Output[str]
    """Digest over the data's location and version; its content is not read."""

    def __init__(self, name: str, args: DataAssetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:DataAsset", name, {}, opts)
        arguments.check(self, args, DataAssetArgs)

        account = parse_id(args["storage_id"], STORAGE)
        key = args.get("account_key")

        store = machinelearningservices.Datastore(
            f"{name}-store",
            name=datastore_name(arguments.value_or(args.get("data_name"), name)),
            resource_group_name=args["resource_group_name"],
            workspace_name=args["workspace_name"],
            properties=machinelearningservices.AzureBlobDatastoreArgs(
                datastore_type="AzureBlob",
                account_name=account.name,
                container_name=args["container"],
                endpoint=args.get("storage_suffix"),
                protocol="https",
                resource_group=account.resource_group,
                subscription_id=account.subscription_id,
                credentials=_credentials(key),
                service_data_access_auth_identity="WorkspaceSystemAssignedIdentity" if key is None else "None",
            ),
            # The roles of the workspace's identity may take minutes to work, so a validation now could fail.
            skip_validation=True,
            opts=pulumi.ResourceOptions(parent=self),
        )

        path = arguments.value_or(args.get("path"), "").strip("/")
        location = {"storage": str(account).lower(), "container": args["container"], "path": path}
        digest, version_name = _digest_and_version(location, args.get("version"))
        uri = pulumi.Output.concat("azureml://datastores/", store.name, f"/paths/{path}{'/' if path else ''}")
        version = machinelearningservices.DataVersion(
            f"{name}-version",
            name=arguments.value_or(args.get("data_name"), name),
            version=version_name,
            resource_group_name=args["resource_group_name"],
            workspace_name=args["workspace_name"],
            properties=machinelearningservices.UriFolderDataVersionArgs(data_type="uri_folder", data_uri=uri),
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.data_id = version.id
        self.uri = uri
        self.digest = pulumi.Output.from_input(digest)
        self.register_outputs({"data_id": self.data_id, "uri": self.uri, "digest": self.digest})


def _digest_and_version(location: dict[str, str], version: str | None) -> tuple[str, str]:
    """The digest of data at a location, and its version in Azure ML."""
    if version is None:
        # A version in Azure ML cannot move to another location, so the default version follows from the location. The
        # digest keeps the version "1", so that runs which were trained with such data do not train again.
        digest = sha256({**location, "version": "1"})
        return digest, digest[:12]
    return sha256({**location, "version": version}), version


def _credentials(
    key: pulumi.Input[str] | None,
) -> machinelearningservices.NoneDatastoreCredentialsArgs | machinelearningservices.AccountKeyDatastoreCredentialsArgs:
    if key is None:
        return machinelearningservices.NoneDatastoreCredentialsArgs(credentials_type="None")
    return machinelearningservices.AccountKeyDatastoreCredentialsArgs(
        credentials_type="AccountKey",
        secrets=machinelearningservices.AccountKeyDatastoreSecretsArgs(
            secrets_type="AccountKey", key=pulumi.Output.secret(key)
        ),
    )
