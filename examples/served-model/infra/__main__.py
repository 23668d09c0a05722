"""The Pulumi program: what it declares stands in Pulumi.<stack>.yaml."""

from trainup.infra import program

program.run()
