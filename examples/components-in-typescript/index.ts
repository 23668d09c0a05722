// A training run beside whatever else this program declares. Components of trainup are made by its plugin:
// `pulumi package add trainup` generates typed classes for them; a few lines, as below, do without.
import * as pulumi from "@pulumi/pulumi";

class Component extends pulumi.ComponentResource {
    constructor(type: string, name: string, inputs: pulumi.Inputs, outputs: string[]) {
        const unknown = Object.fromEntries(outputs.map((output) => [output, undefined]));
        super(`trainup:index:${type}`, name, { ...unknown, ...inputs }, {}, true);
    }

    output<T>(name: string): pulumi.Output<T> {
        return (this as unknown as Record<string, pulumi.Output<T>>)[name];
    }
}

const workspace = new Component(
    "LocalWorkspace", "workspace", { path: `.trainup/${pulumi.getStack()}`, tracking: "none" }, ["workspaceId"],
);
const workspaceId = workspace.output<string>("workspaceId");
const registry = new Component("LocalRegistry", "registry", { workspaceId }, ["loginServer"]);
const cluster = new Component("LocalCluster", "cluster", { workspaceId, maxNodes: 2 }, ["clusterId"]);
const image = new Component("LocalImage", "image", { workspaceId }, ["reference"]);
const run = new Component(
    "TrainingRun", "hello",
    {
        target: "local",
        workspaceId,
        clusterId: cluster.output<string>("clusterId"),
        image: image.output<string>("reference"),
        source: "src",
        script: "hello.py",
        arguments: ["--epochs", "3"],
        secrets: { TOKEN: pulumi.secret("not shown anywhere") },
    },
    ["status", "metrics"],
);

export const server = registry.output<string>("loginServer");
export const status = run.output<string>("status");
export const metrics = run.output<Record<string, number>>("metrics");
