// The roles that stack new needs before its first `up`; `trainup roles` says why.
// az deployment sub create --location <region> --template-file <this file> --parameters deployer=<object id>
targetScope = 'subscription'

@description('Object id of who deploys: az ad signed-in-user show --query id --output tsv')
param deployer string = '44444444-4444-4444-4444-444444444444'

@allowed(['User', 'Group', 'ServicePrincipal'])
param kind string = 'User'

// Contributor on the subscription: `up` creates the resource group and all in it
resource role1 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid('07e8c36c-15af-5c66-939f-4628e9a82001', deployer)
  properties: {
    principalId: deployer
    principalType: kind
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'b24988ac-6180-42a0-ab88-20f7382dd24c')
    description: 'trainup: `up` creates the resource group and all in it'
  }
}

// Role Based Access Control Administrator on the subscription: `up` assigns Storage Blob Data Contributor, AcrPull, AzureML Data Scientist, Storage File Data Privileged Contributor, Contributor there
resource role2 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid('8465f3bc-5e47-522e-88db-061f97012ff3', deployer)
  properties: {
    principalId: deployer
    principalType: kind
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'f58310d9-a9f6-439a-9e8d-f62e7b41a168')
    description: 'trainup: `up` assigns Storage Blob Data Contributor, AcrPull, AzureML Data Scientist, Storage File Data Privileged Contributor, Contributor there'
    condition: '((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/write\'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {69566ab7-960f-475b-8e7c-b3118f30c6bd, 7f951dda-4ed3-4680-a7ca-43fe172d538d, b24988ac-6180-42a0-ab88-20f7382dd24c, ba92f5b4-2d11-453d-a403-e96b0029c9fe, f6c7c914-8db3-469d-8ca1-694a8f32e121})) AND ((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/delete\'})) OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {69566ab7-960f-475b-8e7c-b3118f30c6bd, 7f951dda-4ed3-4680-a7ca-43fe172d538d, b24988ac-6180-42a0-ab88-20f7382dd24c, ba92f5b4-2d11-453d-a403-e96b0029c9fe, f6c7c914-8db3-469d-8ca1-694a8f32e121}))'
    conditionVersion: '2.0'
  }
}
