"""A real Qwen on this machine: a server that is found, or an engine that is started.

`discovery` asks the local servers that everybody runs; `starting` makes one of its own (from `catalogue`, through
`downloads`, in the process of `engine`). All of them end as an `Endpoint`. Not for asking: that is `qwen_magic.service.client`,
for which a local Qwen is an endpoint like any other.
"""
