// The roles that stack attached needs before its first `up`; `trainup roles` says why.
// az deployment sub create --location <region> --template-file <this file> --parameters deployer=<object id>
targetScope = 'subscription'

@description('Object id of who deploys: az ad signed-in-user show --query id --output tsv')
param deployer string = '44444444-4444-4444-4444-444444444444'

@allowed(['User', 'Group', 'ServicePrincipal'])
param kind string = 'User'

@description('ARM id of the storageAccount of the workspace')
param storageAccount string

// AzureML Data Scientist on the workspace: `up` registers environments and data there
#disable-next-line no-deployments-resources
resource role1 'Microsoft.Resources/deployments@2022-09-01' = {
  name: 'trainup-role1'
  subscriptionId: '5ab0f3e2-0000-4000-8000-000000000001'
  resourceGroup: 'team\'s (own)'
  properties: {
    mode: 'Incremental'
    template: {
      '$schema': 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'
      contentVersion: '1.0.0.0'
      resources: [
        {
          type: 'Microsoft.Authorization/roleAssignments'
          apiVersion: '2022-04-01'
          name: guid('e88f4138-de7f-5c53-812b-4adc543e6240', deployer)
          scope: 'Microsoft.MachineLearningServices/workspaces/team'
          properties: {
            principalId: deployer
            principalType: kind
            roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'f6c7c914-8db3-469d-8ca1-694a8f32e121')
            description: 'trainup: `up` registers environments and data there'
          }
        }
      ]
    }
  }
}

// Role Based Access Control Administrator on the storage account pets: `up` assigns Storage Blob Data Reader there
#disable-next-line no-deployments-resources
resource role2 'Microsoft.Resources/deployments@2022-09-01' = {
  name: 'trainup-role2'
  subscriptionId: '5ab0f3e2-0000-4000-8000-000000000001'
  resourceGroup: 'team\'s (own)'
  properties: {
    mode: 'Incremental'
    template: {
      '$schema': 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'
      contentVersion: '1.0.0.0'
      resources: [
        {
          type: 'Microsoft.Authorization/roleAssignments'
          apiVersion: '2022-04-01'
          name: guid('45ab8608-0fe7-5856-91f7-683f0bb1dbee', deployer)
          scope: 'microsoft.storage/storageaccounts/pets'
          properties: {
            principalId: deployer
            principalType: kind
            roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'f58310d9-a9f6-439a-9e8d-f62e7b41a168')
            description: 'trainup: `up` assigns Storage Blob Data Reader there'
            condition: '((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/write\'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {2a2b9908-6ea1-4ae2-8e65-a410df84e7d1})) AND ((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/delete\'})) OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {2a2b9908-6ea1-4ae2-8e65-a410df84e7d1}))'
            conditionVersion: '2.0'
          }
        }
      ]
    }
  }
}

// Role Based Access Control Administrator on the workspace: `up` assigns AzureML Data Scientist there
#disable-next-line no-deployments-resources
resource role3 'Microsoft.Resources/deployments@2022-09-01' = {
  name: 'trainup-role3'
  subscriptionId: '5ab0f3e2-0000-4000-8000-000000000001'
  resourceGroup: 'team\'s (own)'
  properties: {
    mode: 'Incremental'
    template: {
      '$schema': 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'
      contentVersion: '1.0.0.0'
      resources: [
        {
          type: 'Microsoft.Authorization/roleAssignments'
          apiVersion: '2022-04-01'
          name: guid('cc53a87f-b13c-567e-9302-0e70d798cb61', deployer)
          scope: 'Microsoft.MachineLearningServices/workspaces/team'
          properties: {
            principalId: deployer
            principalType: kind
            roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'f58310d9-a9f6-439a-9e8d-f62e7b41a168')
            description: 'trainup: `up` assigns AzureML Data Scientist there'
            condition: '((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/write\'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {f6c7c914-8db3-469d-8ca1-694a8f32e121})) AND ((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/delete\'})) OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {f6c7c914-8db3-469d-8ca1-694a8f32e121}))'
            conditionVersion: '2.0'
          }
        }
      ]
    }
  }
}

// Role Based Access Control Administrator on the workspace's storage account: `up` assigns Storage Blob Data Contributor, Storage File Data Privileged Contributor there
#disable-next-line no-deployments-resources
resource role4 'Microsoft.Resources/deployments@2022-09-01' = {
  name: 'trainup-role4'
  subscriptionId: split(storageAccount, '/')[2]
  resourceGroup: split(storageAccount, '/')[4]
  properties: {
    mode: 'Incremental'
    template: {
      '$schema': 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'
      contentVersion: '1.0.0.0'
      resources: [
        {
          type: 'Microsoft.Authorization/roleAssignments'
          apiVersion: '2022-04-01'
          name: guid('8d7c6632-5802-54e4-9c58-e2588bae42ea', deployer)
          scope: '${split(storageAccount, '/')[6]}/${split(storageAccount, '/')[7]}/${split(storageAccount, '/')[8]}'
          properties: {
            principalId: deployer
            principalType: kind
            roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'f58310d9-a9f6-439a-9e8d-f62e7b41a168')
            description: 'trainup: `up` assigns Storage Blob Data Contributor, Storage File Data Privileged Contributor there'
            condition: '((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/write\'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {69566ab7-960f-475b-8e7c-b3118f30c6bd, ba92f5b4-2d11-453d-a403-e96b0029c9fe})) AND ((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/delete\'})) OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {69566ab7-960f-475b-8e7c-b3118f30c6bd, ba92f5b4-2d11-453d-a403-e96b0029c9fe}))'
            conditionVersion: '2.0'
          }
        }
      ]
    }
  }
}

// Reader on the subscription: the preview looks up sizes, prices and the quota
resource role5 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid('1b1a1aa2-d1c6-517f-a0d9-8d08070905dd', deployer)
  properties: {
    principalId: deployer
    principalType: kind
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'acdd72a7-3385-48ef-bd42-f606fba81ae7')
    description: 'trainup: the preview looks up sizes, prices and the quota'
  }
}
