// The roles that stack attached needs before its first `up`; `trainup roles` says why.
// az deployment sub create --location <region> --template-file <this file> --parameters deployer=<object id>
targetScope = 'subscription'

@description('Object id of who deploys: az ad signed-in-user show --query id --output tsv')
param deployer string = '44444444-4444-4444-4444-444444444444'

@allowed(['User', 'Group', 'ServicePrincipal'])
param kind string = 'User'

@description('ARM id of the containerRegistry of /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/dev/providers/Microsoft.MachineLearningServices/workspaces/dev-1')
param containerRegistry_of_dev_1_cf9ea6 string

@description('ARM id of the storageAccount of the workspace')
param storageAccount string

@description('ARM id of the storageAccount of /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/dev/providers/Microsoft.MachineLearningServices/workspaces/dev-1')
param storageAccount_of_dev_1_cf9ea6 string

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

// Reader on the workspace dev-1: `up` reads which files the promoted models are
#disable-next-line no-deployments-resources
resource role2 'Microsoft.Resources/deployments@2022-09-01' = {
  name: 'trainup-role2'
  subscriptionId: '22222222-2222-2222-2222-222222222222'
  resourceGroup: 'dev'
  properties: {
    mode: 'Incremental'
    template: {
      '$schema': 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'
      contentVersion: '1.0.0.0'
      resources: [
        {
          type: 'Microsoft.Authorization/roleAssignments'
          apiVersion: '2022-04-01'
          name: guid('356e092e-3d5f-5a6d-ad31-fb102c5c7c87', deployer)
          scope: 'Microsoft.MachineLearningServices/workspaces/dev-1'
          properties: {
            principalId: deployer
            principalType: kind
            roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'acdd72a7-3385-48ef-bd42-f606fba81ae7')
            description: 'trainup: `up` reads which files the promoted models are'
          }
        }
      ]
    }
  }
}

// Reader on the storage account of dev-1: `up` looks up its address
#disable-next-line no-deployments-resources
resource role3 'Microsoft.Resources/deployments@2022-09-01' = {
  name: 'trainup-role3'
  subscriptionId: split(storageAccount_of_dev_1_cf9ea6, '/')[2]
  resourceGroup: split(storageAccount_of_dev_1_cf9ea6, '/')[4]
  properties: {
    mode: 'Incremental'
    template: {
      '$schema': 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'
      contentVersion: '1.0.0.0'
      resources: [
        {
          type: 'Microsoft.Authorization/roleAssignments'
          apiVersion: '2022-04-01'
          name: guid('e2940f99-b03f-5020-8d12-07b5422f5d6a', deployer)
          scope: '${split(storageAccount_of_dev_1_cf9ea6, '/')[6]}/${split(storageAccount_of_dev_1_cf9ea6, '/')[7]}/${split(storageAccount_of_dev_1_cf9ea6, '/')[8]}'
          properties: {
            principalId: deployer
            principalType: kind
            roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'acdd72a7-3385-48ef-bd42-f606fba81ae7')
            description: 'trainup: `up` looks up its address'
          }
        }
      ]
    }
  }
}

// Storage Blob Data Reader on the storage account of dev-1: `up` copies the files of the promoted models
#disable-next-line no-deployments-resources
resource role4 'Microsoft.Resources/deployments@2022-09-01' = {
  name: 'trainup-role4'
  subscriptionId: split(storageAccount_of_dev_1_cf9ea6, '/')[2]
  resourceGroup: split(storageAccount_of_dev_1_cf9ea6, '/')[4]
  properties: {
    mode: 'Incremental'
    template: {
      '$schema': 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'
      contentVersion: '1.0.0.0'
      resources: [
        {
          type: 'Microsoft.Authorization/roleAssignments'
          apiVersion: '2022-04-01'
          name: guid('e70e51ff-4cc3-531b-9a68-847d1409ba61', deployer)
          scope: '${split(storageAccount_of_dev_1_cf9ea6, '/')[6]}/${split(storageAccount_of_dev_1_cf9ea6, '/')[7]}/${split(storageAccount_of_dev_1_cf9ea6, '/')[8]}'
          properties: {
            principalId: deployer
            principalType: kind
            roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1')
            description: 'trainup: `up` copies the files of the promoted models'
          }
        }
      ]
    }
  }
}

// Reader on the container registry of dev-1: the images of the promoted models are imported from it
#disable-next-line no-deployments-resources
resource role5 'Microsoft.Resources/deployments@2022-09-01' = {
  name: 'trainup-role5'
  subscriptionId: split(containerRegistry_of_dev_1_cf9ea6, '/')[2]
  resourceGroup: split(containerRegistry_of_dev_1_cf9ea6, '/')[4]
  properties: {
    mode: 'Incremental'
    template: {
      '$schema': 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'
      contentVersion: '1.0.0.0'
      resources: [
        {
          type: 'Microsoft.Authorization/roleAssignments'
          apiVersion: '2022-04-01'
          name: guid('2013adf3-9bb5-57ef-a922-7d05e9dc85d7', deployer)
          scope: '${split(containerRegistry_of_dev_1_cf9ea6, '/')[6]}/${split(containerRegistry_of_dev_1_cf9ea6, '/')[7]}/${split(containerRegistry_of_dev_1_cf9ea6, '/')[8]}'
          properties: {
            principalId: deployer
            principalType: kind
            roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'acdd72a7-3385-48ef-bd42-f606fba81ae7')
            description: 'trainup: the images of the promoted models are imported from it'
          }
        }
      ]
    }
  }
}

// Role Based Access Control Administrator on the storage account pets: `up` assigns Storage Blob Data Reader there
#disable-next-line no-deployments-resources
resource role6 'Microsoft.Resources/deployments@2022-09-01' = {
  name: 'trainup-role6'
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
resource role7 'Microsoft.Resources/deployments@2022-09-01' = {
  name: 'trainup-role7'
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

// Role Based Access Control Administrator on the workspace's storage account: `up` assigns Storage Blob Data Contributor, Storage File Data Privileged Contributor, Storage Blob Data Reader there
#disable-next-line no-deployments-resources
resource role8 'Microsoft.Resources/deployments@2022-09-01' = {
  name: 'trainup-role8'
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
            description: 'trainup: `up` assigns Storage Blob Data Contributor, Storage File Data Privileged Contributor, Storage Blob Data Reader there'
            condition: '((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/write\'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {2a2b9908-6ea1-4ae2-8e65-a410df84e7d1, 69566ab7-960f-475b-8e7c-b3118f30c6bd, ba92f5b4-2d11-453d-a403-e96b0029c9fe})) AND ((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/delete\'})) OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {2a2b9908-6ea1-4ae2-8e65-a410df84e7d1, 69566ab7-960f-475b-8e7c-b3118f30c6bd, ba92f5b4-2d11-453d-a403-e96b0029c9fe}))'
            conditionVersion: '2.0'
          }
        }
      ]
    }
  }
}

// Reader on the subscription: the preview looks up sizes, prices and the quota
resource role9 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid('1b1a1aa2-d1c6-517f-a0d9-8d08070905dd', deployer)
  properties: {
    principalId: deployer
    principalType: kind
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'acdd72a7-3385-48ef-bd42-f606fba81ae7')
    description: 'trainup: the preview looks up sizes, prices and the quota'
  }
}
